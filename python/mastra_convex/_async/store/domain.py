"""The base of a store's domains."""

from __future__ import annotations

from typing import ClassVar

from mastra_convex._async.storage import AsyncStorage


class AsyncDomain:
    """One domain of a store: some tables, reached through the store's storage function."""

    _TABLES: ClassVar[tuple[str, ...]]

    def __init__(self, storage: AsyncStorage) -> None:
        self._storage = storage

    async def dangerously_clear_all(self) -> None:
        """Delete every row of the domain's tables."""
        for table in self._TABLES:
            await self._storage.repeat("clearTable", table)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._storage!r})"
