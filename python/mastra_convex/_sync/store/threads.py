# Generated from _async/store/threads.py by tools/unasync.py: edit that.
"""Threads of a memory."""

from __future__ import annotations

from collections.abc import Iterator, Callable, Mapping
from datetime import timedelta
from typing import Any

from mastra_convex._arguments import key_text, true_or_false
from mastra_convex._sync.storage import Admits
from mastra_convex._sync.store.fenced_writes import FencedWrites
from mastra_convex.errors import InvalidArgumentError, ThreadNotFoundError
from mastra_convex.records._columns import from_row, from_rows, to_columns, to_row
from mastra_convex.records._metadata_filter import metadata_filter
from mastra_convex.records._pages import OrderBy, options, ordering, window
from mastra_convex.records._values import dict_of, now
from mastra_convex.records.memory import Thread, ThreadPage
from mastra_convex.records.workflows import RunFence
from mastra_convex.types import iso_text

THREADS = "mastra_threads"
MESSAGES = "mastra_messages"

ORDERED_BY = {"created_at": "createdAt", "updated_at": "updatedAt"}


class Threads(FencedWrites):
    """The threads of a memory."""

    def save_thread(self, thread: Thread | Mapping[str, Any], *, fence: RunFence | None = None) -> Thread:
        """Insert a thread, or replace the one with its id, dates and metadata included.

        Returns
        -------
        Thread
            The stored record.
        """
        place = "MemoryStorage.save_thread"
        row = to_row(f"{place}: thread", Thread, thread)
        self._write(place, "insert", THREADS, fence, record=row)
        return from_row(Thread, row)

    def get_thread_by_id(self, thread_id: str, resource_id: str | None = None) -> Thread | None:
        """Return a thread; None if it doesn't exist, or doesn't belong to the given resource."""
        place = "MemoryStorage.get_thread_by_id"
        if resource_id is not None:
            key_text(f"{place}: resource_id", resource_id)
        row = self._storage.load(THREADS, id=key_text(f"{place}: thread_id", thread_id))
        if row is None or resource_id not in (None, row.get("resourceId")):
            return None
        return from_row(Thread, row)

    def list_threads(
        self,
        *,
        per_page: int | None = 100,
        page: int = 0,
        order_by: OrderBy | None = None,
        filter: Mapping[str, Any] | None = None,
    ) -> ThreadPage:
        """Return a page of threads.

        Parameters
        ----------
        per_page : int or None, default 100
            Threads per page; None for all.
        page : int, default 0
            The number of the page, from 0 on.
        order_by : mapping, optional
            ``{"field": "created_at" or "updated_at", "direction": "ASC" or "DESC"}``; by default newest first. Threads
            of equal times come in stored order, or in its reverse.
        filter : mapping, optional
            ``resource_id``: the owner; ``metadata``: values in the metadata, where nested values must be equal as a
            whole. A filter on metadata reads all threads and compares them in this process.

        Returns
        -------
        ThreadPage
            ``total`` counts the threads of all pages. Writes keep it up to date. If older functions wrote the threads,
            they are counted by reading them, 1,000 per transaction.

        Raises
        ------
        InvalidArgumentError
            A number is below zero, or a field to order by or a filter is invalid.
        """
        place = "MemoryStorage.list_threads"
        filters, order, admits = _wanted(place, order_by, filter)
        part = window(place, page, per_page)
        rows, total = self._storage.page(THREADS, filters, order, part, admits)
        return ThreadPage(from_rows(Thread, rows), total, part.page, per_page, part.has_more(total))

    def iter_threads(
        self, *, order_by: OrderBy | None = None, filter: Mapping[str, Any] | None = None
    ) -> Iterator[Thread]:
        """Iterate over all threads, paged by cursor. Arguments are as for `list_threads`.

        Threads saved meanwhile come too if they sort after the last one returned. No thread comes twice.
        """
        return self._threads(*_wanted("MemoryStorage.iter_threads", order_by, filter))

    def _threads(
        self, filters: dict[str, Any], order: dict[str, Any], admits: Admits | None
    ) -> Iterator[Thread]:
        for row in self._storage.rows(THREADS, filters, order):
            if admits is None or admits(row):
                for thread in from_rows(Thread, [row]):
                    yield thread

    def update_thread(
        self,
        id: str,
        *,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        fence: RunFence | None = None,
    ) -> Thread:
        """Replace a thread's title, merge into its metadata key by key, or both, in one transaction.

        An argument that is None changes nothing.

        Returns
        -------
        Thread
            The updated record.

        Raises
        ------
        ThreadNotFoundError
            The thread doesn't exist.
        """
        place = "MemoryStorage.update_thread"
        given = to_columns(place, Thread, {"title": title, "metadata": metadata})
        thread_id = key_text(f"{place}: id", id)
        row = self._write(place, "updateThread", THREADS, fence, id=thread_id, updatedAt=iso_text(now()), **given)
        if row is None:
            raise _not_found(place, thread_id)
        return from_row(Thread, row)

    def patch_thread(
        self,
        id: str,
        *,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        fence: RunFence | None = None,
    ) -> Thread:
        """Do the same as `update_thread`. Mastra has both names."""
        return self.update_thread(id, title=title, metadata=metadata, fence=fence)

    def update_thread_metadata(
        self,
        id: str,
        update: Callable[[Thread], Mapping[str, Any] | None],
        resource_id: str | None = None,
        *,
        fence: RunFence | None = None,
    ) -> Thread | None:
        """Replace a thread's metadata with the result of a function of the thread.

        Parameters
        ----------
        id : str
            The thread.
        update : callable
            Takes the stored thread and returns its new metadata, or None to change nothing. It is called again
            if another writer changed the thread meanwhile.
        resource_id : str, optional
            Update only if the thread belongs to this resource.
        fence : RunFence, optional
            Write only while this claim on the run stands.

        Returns
        -------
        Thread or None
            The updated thread; None if it doesn't exist.

        Raises
        ------
        UnsupportedOperationError
            The deployed functions are npm's. They would overwrite changes that other writers made meanwhile.
        """
        place = "MemoryStorage.update_thread_metadata"
        if not callable(update):
            raise InvalidArgumentError(f"{place}: update is {update!r:.80}; expected a function of a Thread")
        self._storage.need_ours("patch with expectations", THREADS)
        while True:
            thread = self.get_thread_by_id(id, resource_id)
            metadata = None if thread is None else update(thread)
            if thread is None or metadata is None:
                return thread
            # Later than the time that was read, even if clocks differ, so that another reader of the same row sees
            # the change.
            updated_at = max(now(), thread.updated_at + timedelta(milliseconds=1))
            changes = to_columns(place, Thread, {"metadata": metadata, "updated_at": updated_at})
            expected = {"updatedAt": iso_text(thread.updated_at)}
            if self._write(place, "patch", THREADS, fence, id=thread.id, record=changes, expected=expected):
                return self.get_thread_by_id(id, resource_id)

    def update_thread_resource_id(
        self, thread_id: str, resource_id: str, *, fence: RunFence | None = None
    ) -> Thread:
        """Move a thread and all its messages to another resource.

        The thread is moved first, then its messages, 256 per transaction. After a failure, call again to complete the
        move.

        Returns
        -------
        Thread
            The updated record.

        Raises
        ------
        ThreadNotFoundError
            The thread doesn't exist.
        """
        place = "MemoryStorage.update_thread_resource_id"
        owner = {"resourceId": key_text(f"{place}: resource_id", resource_id)}
        thread = self.get_thread_by_id(thread_id)
        if thread is None:
            raise _not_found(place, thread_id)
        if thread.resource_id != resource_id:
            record = {**owner, "updatedAt": iso_text(now())}
            self._write(place, "patch", THREADS, fence, id=thread_id, record=record)
        some: list[dict[str, str]] = []
        for row in self._storage.rows(MESSAGES, {"thread_id": thread_id}):
            if row.get("resourceId") != resource_id:
                some.append({"id": row["id"], **owner})
            if len(some) == 256:
                self._write(place, "updateMessages", MESSAGES, fence, records=some)
                some = []
        if some:
            self._write(place, "updateMessages", MESSAGES, fence, records=some)
        return self.get_thread_by_id(thread_id) or thread

    def delete_thread(self, thread_id: str, *, keep_vectors: bool = False, fence: RunFence | None = None) -> None:
        """Delete a thread with its messages, their vectors, its observations, its state and its notifications, 25
        rows per transaction; the thread goes last. Does nothing if it doesn't exist.

        A message and its vectors go in one transaction. Vectors are those of a `Memory`, or of npm ``@mastra/memory``.
        `keep_vectors` leaves them.
        """
        place = "MemoryStorage.delete_thread"
        id = key_text(f"{place}: thread_id", thread_id)
        keeps = true_or_false(f"{place}: keep_vectors", keep_vectors) or None
        self._repeat_write(place, "deleteThread", THREADS, fence, id=id, keepVectors=keeps)


def _wanted(
    place: str, order_by: OrderBy | None, filter: Mapping[str, Any] | None
) -> tuple[dict[str, Any], dict[str, Any], Admits | None]:
    asked = options(f"{place}: filter", filter, ("resource_id", "metadata"))
    filters = {}
    if asked.get("resource_id") is not None:
        filters["resourceId"] = key_text(f"{place}: filter resource_id", asked["resource_id"])
    has_metadata = metadata_filter(place, asked.get("metadata"), scalars=False)
    admits = None if has_metadata is None else lambda row: has_metadata(dict_of(row.get("metadata")))
    return filters, ordering(place, order_by, ORDERED_BY, "DESC"), admits


def _not_found(place: str, thread_id: str) -> ThreadNotFoundError:
    return ThreadNotFoundError(f"{place}: thread {thread_id!r} not found", details={"thread_id": thread_id})
