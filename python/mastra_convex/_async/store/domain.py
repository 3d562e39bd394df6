"""The base of a store's domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex._async.storage import AsyncStorage


class AsyncDomain:
    """One domain of a store: some tables, reached through the store's storage function."""

    # The tables, and the record that a row of each is; None where rows are no records of their own.
    _TABLES: ClassVar[Mapping[str, type[Any] | None]]

    def __init__(self, storage: AsyncStorage) -> None:
        self._storage = storage

    async def dangerously_clear_all(self) -> None:
        """Delete every row of the domain's tables."""
        for table in self._TABLES:
            await self._storage.repeat("clearTable", table)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._storage!r})"
