# Generated from _async/store/domain.py by tools/unasync.py: edit that.
"""The base of a store's domains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex._sync.storage import Storage


class Domain:
    """One domain of a store: some tables, reached through the store's storage function."""

    # The tables, and the record that a row of each is; None where rows are no records of their own.
    _TABLES: ClassVar[Mapping[str, type[Any] | None]]

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def dangerously_clear_all(self) -> None:
        """Delete every row of the domain's tables."""
        for table in self._TABLES:
            self._storage.repeat("clearTable", table)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._storage!r})"
