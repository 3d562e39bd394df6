"""Copies of threads with their messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mastra_convex._arguments import as_integer, key_text, key_texts, plain_text
from mastra_convex._async.store.fenced_writes import AsyncFencedWrites
from mastra_convex._rows import CALL_ROWS
from mastra_convex.records._columns import from_row, from_rows
from mastra_convex.records._pages import MOST_ROWS, Window, options
from mastra_convex.records._values import convex_dict, date_text, new_id
from mastra_convex.records.memory import Message, Thread, ThreadClone, ThreadCopy
from mastra_convex.records.workflows import RunFence

THREADS = "mastra_threads"
MESSAGES = "mastra_messages"


class AsyncCloning(AsyncFencedWrites):
    """The copies of a memory's threads."""

    async def copy_thread(
        self,
        source_thread_id: str,
        *,
        new_thread_id: str | None = None,
        resource_id: str | None = None,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        fence: RunFence | None = None,
    ) -> ThreadCopy:
        """Copy a thread and its messages, 500 per transaction. The copies get new ids and keep their times.

        The source isn't changed. If a call fails, messages copied before stay; delete the new thread to remove them.

        Parameters
        ----------
        source_thread_id : str
            The thread to copy.
        new_thread_id : str, optional
            By default a random one.
        resource_id : str, optional
            The owner of the copy and its messages; by default the source's.
        title : str, optional
            By default ``Clone of …``, or none if the source has none.
        metadata : mapping, optional
            The copy's metadata; the source's isn't copied. Its ``clone`` holds ``sourceThreadId``, ``clonedAt`` and,
            if there
            are messages, ``lastMessageId``.
        options : mapping, optional
            ``message_limit``: only this many of the last messages; ``message_filter``: only those of ``message_ids``,
            from ``start_date`` to ``end_date``, both included.
        fence : RunFence, optional
            Write only while this claim on the run stands.

        Returns
        -------
        ThreadCopy
            The new thread, and a mapping of message ids to the ids of their copies, oldest first.

        Raises
        ------
        ThreadNotFoundError
            There is no thread to copy.
        AlreadyExistsError
            A thread with the new id exists.
        UnsupportedOperationError
            The deployed functions are npm's, which can't copy threads.
        """
        place = "MemoryStorage.copy_thread"
        request = _request(place, source_thread_id, new_thread_id, resource_id, title, metadata, options)
        # The function applies a limit that fits into one transaction.
        if request.get("messageLimit", 0) > CALL_ROWS:
            request |= await self._first_of_last(request.pop("messageLimit"), request)
        message_id_map: dict[str, str] = {}
        cursor = None
        while True:
            ids = [new_id() for _ in range(CALL_ROWS)]
            reply = await self._write_some(place, "copyThread", THREADS, fence, **request, ids=ids, cursor=cursor)
            message_id_map.update(reply["result"]["copies"])
            cursor = reply.get("continuationCursor")
            if not reply["hasMore"]:
                return ThreadCopy(from_row(Thread, reply["result"]["thread"]), message_id_map)

    async def _first_of_last(self, count: int, request: Mapping[str, Any]) -> dict[str, Any]:
        """The first of the last `message_limit` messages that a request asks for."""
        order: dict[str, Any] = {"field": "createdAt", "order": "desc"}
        for argument, bound in (("startDate", "gte"), ("endDate", "lte")):
            if argument in request:
                order[bound] = request[argument]
        wanted = set(request["messageIds"]) if "messageIds" in request else None
        admits = None if wanted is None else lambda row: row["id"] in wanted
        filters = {"thread_id": request["sourceThreadId"]}
        rows, _ = await self._storage.page(MESSAGES, filters, order, Window(0, 1, count - 1), admits)
        return {"startDate": rows[0]["createdAt"], "startCreationTime": rows[0]["_creationTime"]} if rows else {}

    async def clone_thread(
        self,
        source_thread_id: str,
        *,
        new_thread_id: str | None = None,
        resource_id: str | None = None,
        title: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        options: Mapping[str, Any] | None = None,
        fence: RunFence | None = None,
    ) -> ThreadClone:
        """Copy as `copy_thread` does, then read all copied messages and return them too, oldest first."""
        copy = await self.copy_thread(
            source_thread_id,
            new_thread_id=new_thread_id,
            resource_id=resource_id,
            title=title,
            metadata=metadata,
            options=options,
            fence=fence,
        )
        order = {"field": "createdAt", "order": "asc"}
        rows = self._storage.rows(MESSAGES, {"thread_id": copy.thread.id}, order)
        return ThreadClone(copy.thread, from_rows(Message, [row async for row in rows]), copy.message_id_map)


def _request(
    place: str,
    source_thread_id: str,
    new_thread_id: str | None,
    resource_id: str | None,
    title: str | None,
    metadata: Mapping[str, Any] | None,
    given: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The arguments of the storage function's ``copyThread``."""
    asked = options(f"{place}: options", given, ("message_limit", "message_filter"))
    wanted = options(
        f"{place}: options message_filter", asked.get("message_filter"), ("message_ids", "start_date", "end_date")
    )
    request: dict[str, Any] = {
        "sourceThreadId": key_text(f"{place}: source_thread_id", source_thread_id),
        "newThreadId": new_id() if new_thread_id is None else key_text(f"{place}: new_thread_id", new_thread_id),
        "title": None if title is None else plain_text(f"{place}: title", title),
    }
    if resource_id is not None:
        request["resourceId"] = key_text(f"{place}: resource_id", resource_id)
    if metadata is not None:
        request["metadata"] = convex_dict(f"{place}: metadata", metadata)
    if asked.get("message_limit"):
        request["messageLimit"] = as_integer(f"{place}: options message_limit", asked["message_limit"], 1, MOST_ROWS)
    if wanted.get("message_ids") is not None:
        request["messageIds"] = key_texts(f"{place}: options message_ids", wanted["message_ids"])
    for name, argument in (("start_date", "startDate"), ("end_date", "endDate")):
        if wanted.get(name) is not None:
            request[argument] = date_text(f"{place}: options {name}", wanted[name])
    return request
