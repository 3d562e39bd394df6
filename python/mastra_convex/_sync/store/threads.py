# Generated from _async/store/threads.py by tools/unasync.py: edit that.
"""Threads of a memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_convex._sync.store.domain import Domain
from mastra_convex.records._columns import from_row, key_text, to_row
from mastra_convex.records.memory import Thread

THREADS = "mastra_threads"
MESSAGES = "mastra_messages"

ORDERED_BY = {"created_at": "createdAt", "updated_at": "updatedAt"}


class Threads(Domain):
    """The threads of a memory."""

    def get_thread_by_id(self, thread_id: str, resource_id: str | None = None) -> Thread | None:
        """Return a thread; None where there is none, or where it isn't the given resource's."""
        row = self._storage.load(THREADS, id=key_text("MemoryStorage.get_thread_by_id: thread_id", thread_id))
        if row is None or resource_id not in (None, row["resourceId"]):
            return None
        return from_row(Thread, row)

    def save_thread(self, thread: Thread | Mapping[str, Any]) -> Thread:
        """Insert a thread, or replace the one with its id.

        Returns
        -------
        Thread
            As it was stored.
        """
        row = to_row("MemoryStorage.save_thread: thread", Thread, thread)
        self._storage.call("insert", THREADS, record=row)
        return from_row(Thread, row)
