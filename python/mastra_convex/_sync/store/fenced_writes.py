# Generated from _async/store/fenced_writes.py by tools/unasync.py: edit that.
"""Writes of who runs something, which fail once somebody else has taken the run over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex._sync.store.domain import Domain
from mastra_convex.records._columns import to_row
from mastra_convex.records.workflows import RunFence


class FencedWrites(Domain):
    """A domain whose writes take a fence."""

    # The table of the claims that fences are compared with.
    _FENCES: ClassVar[str]

    def _write(
        self, place: str, op: str, table: str, fence: RunFence | Mapping[str, Any] | None, **fields: Any
    ) -> Any:
        """The result of an operation, which the transaction that compares the fence runs, if there is one."""
        if fence is None:
            return self._storage.call(op, table, **fields)
        given = {name: value for name, value in fields.items() if value is not None}
        row = to_row(f"{place}: fence", RunFence, fence)
        request = {"op": op, "tableName": table, **given}
        return self._storage.call("fenced", self._FENCES, fence=row, request=request)
