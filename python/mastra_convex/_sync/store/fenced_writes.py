# Generated from _async/store/fenced_writes.py by tools/unasync.py: edit that.
"""Writes of a run's owner. They fail once another owner has claimed the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex._sync.storage import Row
from mastra_convex._sync.store.domain import Domain
from mastra_convex.records._columns import to_row
from mastra_convex.records.workflows import RunFence

Fence = RunFence | Mapping[str, Any] | None


class FencedWrites(Domain):
    """A domain whose writes take a fence."""

    # The table of claims, with which fences are compared.
    _FENCES: ClassVar[str]

    def _write(self, place: str, op: str, table: str, fence: Fence, **fields: Any) -> Any:
        """The result of an operation."""
        return (self._write_some(place, op, table, fence, **fields)).get("result")

    def _repeat_write(self, place: str, op: str, table: str, fence: Fence, **fields: Any) -> None:
        """Call an operation that does a part of its work per call until it is done."""
        while (self._write_some(place, op, table, fence, **fields)).get("hasMore"):
            pass

    def _write_some(self, place: str, op: str, table: str, fence: Fence, **fields: Any) -> Row:
        """The reply of an operation. With a fence, the transaction that compares the fence runs it."""
        if fence is None:
            return self._storage.reply(op, table, place=place, **fields)
        given = {name: value for name, value in fields.items() if value is not None}
        row = to_row(f"{place}: fence", RunFence, fence)
        request = {"op": op, "tableName": table, **given}
        return self._storage.reply("fenced", self._FENCES, place=place, fence=row, request=request)
