"""Writes of who runs something, which fail once somebody else has taken the run over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex._async.store.domain import AsyncDomain
from mastra_convex.records._columns import to_row
from mastra_convex.records.workflows import RunFence


class AsyncFencedWrites(AsyncDomain):
    """A domain whose writes take a fence."""

    # The table of the claims that fences are compared with.
    _FENCES: ClassVar[str]

    async def _write(
        self, place: str, op: str, table: str, fence: RunFence | Mapping[str, Any] | None, **fields: Any
    ) -> Any:
        """The result of an operation, which the transaction that compares the fence runs, if there is one."""
        if fence is None:
            return await self._storage.call(op, table, **fields)
        given = {name: value for name, value in fields.items() if value is not None}
        row = to_row(f"{place}: fence", RunFence, fence)
        request = {"op": op, "tableName": table, **given}
        return await self._storage.call("fenced", self._FENCES, fence=row, request=request)
