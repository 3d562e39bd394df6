# Generated from _async/store/domain.py by tools/unasync.py: edit that.
"""The base of a store's domains."""

from __future__ import annotations

from typing import ClassVar

from mastra_convex._sync.storage import Storage


class Domain:
    """One domain of a store: some tables, reached through the store's storage function."""

    _TABLES: ClassVar[tuple[str, ...]]

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def dangerously_clear_all(self) -> None:
        """Delete every row of the domain's tables."""
        for table in self._TABLES:
            self._storage.repeat("clearTable", table)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._storage!r})"
