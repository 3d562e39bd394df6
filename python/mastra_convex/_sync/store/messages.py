# Generated from _async/store/messages.py by tools/unasync.py: edit that.
"""Messages of a memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from mastra_convex._arguments import as_integer, as_items, key_text, key_texts, true_or_false
from mastra_convex._sync.batches import in_batches, in_halves
from mastra_convex._sync.storage import Admits, Row, first_of, part_of
from mastra_convex._sync.store.fenced_writes import FencedWrites
from mastra_convex._rows import CALL_ROWS
from mastra_convex.errors import InvalidArgumentError, ProtocolError
from mastra_convex.records._columns import from_row, from_rows, if_readable, size_of, to_columns, to_row
from mastra_convex.records._lists import Records
from mastra_convex.records._metadata_filter import metadata_filter
from mastra_convex.records._pages import OrderBy, date_bounds, options, ordering, window
from mastra_convex.records._values import parsed
from mastra_convex.records.memory import Message, MessagePage, as_content, date_in_order, is_undated
from mastra_convex.records.workflows import RunFence

MESSAGES = "mastra_messages"

ORDERED_BY = {"created_at": "createdAt"}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The requested messages and their order: those that match one of `filters` and pass `admits`."""

    filters: list[dict[str, Any]]
    order: dict[str, Any]
    admits: Admits | None

    def rank(self, row: Row) -> tuple[str, float]:
        """The order of rows: by the time they were written, then by the time they were stored."""
        return row["createdAt"], row["_creationTime"]

    @property
    def is_descending(self) -> bool:
        """Whether the newest message comes first."""
        return bool(self.order["order"] == "desc")


class Messages(FencedWrites):
    """The messages of a memory."""

    def save_messages(
        self, messages: Sequence[Message | Mapping[str, Any]], *, fence: RunFence | None = None
    ) -> Records[Message]:
        """Insert messages, or update those with the same ids, and set their threads' ``updated_at`` to now.

        Parameters
        ----------
        messages : sequence of Message or mapping
            Each names its thread. Text becomes content in format 2; missing ids and times, and the thread's resource,
            are filled in. A message that is already stored keeps its date if it is given without ``created_at``, so
            an answer can be saved at every step while it streams. New messages without dates stay in the given order.
        fence : RunFence, optional
            Write only while this claim on the run stands.

        Returns
        -------
        list of Message
            The stored messages, in the given order.

        Raises
        ------
        ThreadNotFoundError
            A thread doesn't exist. Nothing of that call was written.
        MastraConvexError
            A call failed. Up to 500 messages are one transaction; with more, the error says how many were written.
        """
        method = "MemoryStorage.save_messages"
        place = f"{method}: messages"
        given = as_items(place, messages)
        rows = [to_row(f"{place}[{n}]", Message, message) for n, message in enumerate(given)]
        undated_rows = [row for row, message in zip(rows, given, strict=True) if is_undated(message)]
        date_in_order(undated_rows)
        undated = {row["id"] for row in undated_rows}

        def save(some: list[Row]) -> None:
            defaults = [row["id"] for row in some if row["id"] in undated]
            replies = self._write(method, "saveMessages", MESSAGES, fence, records=some, undated=defaults or None)
            if len(replies) != len(some):
                raise ProtocolError(f"{method}: {len(some)} messages were sent; the reply is about {len(replies)}")
            for row, reply in zip(some, replies, strict=True):
                # Older functions return the resource only.
                row |= reply if isinstance(reply, dict) else {"resourceId": reply}

        in_batches(save, rows, [size_of(row) for row in rows])
        return from_rows(Message, rows)

    def update_messages(
        self, messages: Sequence[Message | Mapping[str, Any]], *, fence: RunFence | None = None
    ) -> Records[Message]:
        """Update the given fields of messages, and set ``updated_at`` of their old and new threads to now.

        Parameters
        ----------
        messages : sequence of mapping or Message
            Each with an ``id`` and the fields to change. Given keys of ``content`` replace the stored ones, and so do
            given keys of its ``metadata``; text replaces the message's text. ``created_at`` never changes.
        fence : RunFence, optional
            Write only while this claim on the run stands.

        Returns
        -------
        list of Message
            The updated messages, in the given order. Unknown ids are ignored.

        Raises
        ------
        MastraConvexError
            A call failed. Up to 500 messages are one transaction; with more, the error says how many were written.
        """
        method = "MemoryStorage.update_messages"
        place = f"{method}: messages"
        rows = [_changes(f"{place}[{n}]", message) for n, message in enumerate(as_items(place, messages))]
        updated: list[Row] = []

        def update(some: list[Row]) -> None:
            updated.extend(self._write(method, "updateMessages", MESSAGES, fence, records=some))

        in_batches(update, rows, [size_of(row) for row in rows])
        return from_rows(Message, updated)

    def delete_messages(
        self, message_ids: Sequence[str], *, keep_vectors: bool = False, fence: RunFence | None = None
    ) -> None:
        """Delete messages with their vectors, and set their threads' ``updated_at`` to now. Unknown ids are ignored.

        Up to 500 messages are one transaction; fewer if they are large. Vectors are those of a `Memory`, or of npm
        ``@mastra/memory``. `keep_vectors` leaves them.
        """
        place = "MemoryStorage.delete_messages"
        ids = key_texts(f"{place}: message_ids", message_ids)
        keeps = true_or_false(f"{place}: keep_vectors", keep_vectors) or None

        def delete(some: list[str]) -> None:
            self._write(place, "deleteMessages", MESSAGES, fence, ids=some, keepVectors=keeps)

        for begin in range(0, len(ids), CALL_ROWS):
            in_halves(delete, ids[begin : begin + CALL_ROWS])

    def pop_message(self, thread_id: str, *, fence: RunFence | None = None) -> Message | None:
        """Delete a thread's newest message with its vectors, in one transaction, and return it; None if it has none.

        Of any number of callers at once each gets another message.
        """
        place = "MemoryStorage.pop_message"
        row = self._write(place, "popMessage", MESSAGES, fence, threadId=thread_id)
        return None if row is None else from_row(Message, row)

    def list_messages_by_id(self, message_ids: Sequence[str]) -> Records[Message]:
        """Return the messages with these ids, each once, oldest first. Equal times keep stored order; unknown ids are
        ignored.
        """
        ids = key_texts("MemoryStorage.list_messages_by_id: message_ids", message_ids)
        rows = self._storage.load_many(MESSAGES, list(dict.fromkeys(ids)))
        rows.sort(key=lambda row: (row["createdAt"], row["_creationTime"]))
        return from_rows(Message, rows)

    def list_messages(
        self,
        thread_id: str | Sequence[str],
        resource_id: str | None = None,
        *,
        per_page: int | None = 40,
        page: int = 0,
        order_by: OrderBy | None = None,
        filter: Mapping[str, Any] | None = None,
        include: Sequence[Mapping[str, Any]] = (),
    ) -> MessagePage:
        """Return a page of the messages of a thread, or of several.

        Parameters
        ----------
        thread_id : str or sequence of str
            The thread or threads. An unknown thread has no messages.
        resource_id : str, optional
            Only messages of this resource; this applies to included messages too.
        per_page : int or None, default 40
            Messages per page; None for all.
        page : int, default 0
            The number of the page, from 0 on.
        order_by : mapping, optional
            ``{"direction": "DESC"}`` returns the newest first. Messages of equal times keep stored order.
        filter : mapping, optional
            ``date_range``: ``{"start", "end", "start_exclusive", "end_exclusive"}``; ``roles``: a list; ``metadata``:
            values in the content's metadata. A filter on metadata reads all messages of the thread and compares them in
            this process, because the functions store content as text.
        include : sequence of mapping, default ()
            Messages of any thread to add, ``{"id", "with_previous_messages", "with_next_messages"}``: each with this
            many messages before and after it in its thread. No message comes twice.

        Returns
        -------
        MessagePage
            ``total`` and ``has_more`` describe the list without included messages. With ``per_page=0`` only included
            messages are read, and ``total`` is 0.

        Raises
        ------
        InvalidArgumentError
            A thread's id is empty, a number is below zero, or a field to order by, a date or a filter is invalid.
        """
        place = "MemoryStorage.list_messages"
        threads = [thread_id] if isinstance(thread_id, str | None) else as_items(f"{place}: thread_id", thread_id)
        if not threads:
            raise InvalidArgumentError(f"{place}: thread_id is empty; expected a thread's id, or a list of ids")
        owners = [{"thread_id": key_text(f"{place}: thread_id", id)} for id in dict.fromkeys(threads)]
        return self._page(place, owners, resource_id, per_page, page, order_by, filter, include)

    def list_messages_by_resource_id(
        self,
        resource_id: str,
        *,
        per_page: int | None = 40,
        page: int = 0,
        order_by: OrderBy | None = None,
        filter: Mapping[str, Any] | None = None,
        include: Sequence[Mapping[str, Any]] = (),
    ) -> MessagePage:
        """Return a page of the messages of a resource, in all its threads. Arguments are as for `list_messages`."""
        place = "MemoryStorage.list_messages_by_resource_id"
        owners = [{"resourceId": key_text(f"{place}: resource_id", resource_id)}]
        return self._page(place, owners, resource_id, per_page, page, order_by, filter, include)

    def iter_messages(
        self,
        thread_id: str,
        resource_id: str | None = None,
        *,
        order_by: OrderBy | None = None,
        filter: Mapping[str, Any] | None = None,
    ) -> Iterator[Message]:
        """Iterate over all messages of a thread, paged by cursor. Arguments are as for `list_messages`.

        Messages saved meanwhile come too if they sort after the last one returned. No message comes twice.
        """
        place = "MemoryStorage.iter_messages"
        owner = {"thread_id": key_text(f"{place}: thread_id", thread_id)}
        return self._messages(_wanted(place, [owner], resource_id, order_by, filter))

    def _messages(self, wanted: _Wanted) -> Iterator[Message]:
        read = partial(from_row, Message)
        for row in self._rows(wanted):
            if wanted.admits is None or wanted.admits(row):
                message = if_readable(read, row)
                if message is not None:
                    yield message

    def _rows(self, wanted: _Wanted) -> Iterator[Row]:
        """The rows of each filter, merged in their order."""
        lists = [self._storage.rows(MESSAGES, filters, wanted.order) for filters in wanted.filters]
        if len(lists) == 1:
            # Nothing to merge, as in most calls.
            for one in lists[0]:
                yield one
            return
        heads = [(row, rows) for rows in lists if (row := next(rows, None)) is not None]
        first = max if wanted.is_descending else min
        while heads:
            place = first(range(len(heads)), key=lambda n: wanted.rank(heads[n][0]))
            row, rows = heads[place]
            yield row
            following = next(rows, None)
            if following is None:
                del heads[place]
            else:
                heads[place] = (following, rows)

    def _page(
        self,
        place: str,
        owners: list[dict[str, str]],
        resource_id: str | None,
        per_page: int | None,
        page: int,
        order_by: OrderBy | None,
        filter: Mapping[str, Any] | None,
        include: Sequence[Mapping[str, Any]],
    ) -> MessagePage:
        wanted = _wanted(place, owners, resource_id, order_by, filter)
        part = window(place, page, per_page)
        extra = self._included(place, include, resource_id)
        if per_page == 0:
            rows, total = list[Row](), 0
        elif len(wanted.filters) == 1:
            rows, total = self._storage.page(MESSAGES, wanted.filters[0], wanted.order, part, wanted.admits)
        elif wanted.admits is None:
            rows = first_of(self._rows(wanted), part)
            total = sum([self._storage.count(MESSAGES, filters, wanted.order) for filters in wanted.filters])
        else:
            rows, total = part_of(self._rows(wanted), part, wanted.admits)
        if extra:
            rows = list({row["id"]: row for row in [*rows, *extra]}.values())
            rows.sort(key=wanted.rank, reverse=wanted.is_descending)
        return MessagePage(from_rows(Message, rows), total, part.page, per_page, part.has_more(total))

    def _included(self, place: str, include: Sequence[Mapping[str, Any]], resource_id: str | None) -> list[Row]:
        """The rows to include, each with its neighbours."""
        around: dict[str, tuple[int, int]] = {}
        for n, given in enumerate(as_items(f"{place}: include", include)):
            named = f"{place}: include[{n}]"
            known = ("id", "thread_id", "with_previous_messages", "with_next_messages")
            asked = options(named, given, known)
            id = key_text(f"{named}: id", asked.get("id"))
            previous, following = (as_integer(f"{named}: {name}", asked.get(name) or 0, 0, 2**53) for name in known[2:])
            before, after = around.get(id, (0, 0))
            around[id] = max(before, previous), max(after, following)
        rows: list[Row] = []
        for row in self._storage.load_many(MESSAGES, list(around)):
            if resource_id in (None, row.get("resourceId")):
                previous, following = around[row["id"]]
                rows += self._neighbours(row, previous, resource_id, {"order": "desc", "lte": row["createdAt"]})
                rows.append(row)
                rows += self._neighbours(row, following, resource_id, {"order": "asc", "gte": row["createdAt"]})
        return rows

    def _neighbours(self, row: Row, most: int, resource_id: str | None, order: dict[str, str]) -> list[Row]:
        """Up to `most` rows that come after a row in an order of its thread."""
        found: list[Row] = []
        if most == 0:
            return found
        filters = {"thread_id": row["thread_id"]} | ({} if resource_id is None else {"resourceId": resource_id})
        is_after = False
        # Rows of an equal time may come before it too.
        for other in self._storage.rows(MESSAGES, filters, {"field": "createdAt", **order}, min(most + 8, 256)):
            if is_after:
                found.append(other)
            is_after = is_after or other["id"] == row["id"]
            if len(found) == most:
                break
        return found


def _wanted(
    place: str,
    owners: list[dict[str, str]],
    resource_id: str | None,
    order_by: OrderBy | None,
    filter: Mapping[str, Any] | None,
) -> _Wanted:
    asked = options(f"{place}: filter", filter, ("date_range", "roles", "metadata"))
    order = ordering(place, order_by, ORDERED_BY, "ASC") | date_bounds(
        f"{place}: filter date_range", asked.get("date_range")
    )
    conditions: dict[str, Any] = {}
    if resource_id is not None:
        conditions["resourceId"] = key_text(f"{place}: resource_id", resource_id)
    if asked.get("roles") is not None:
        conditions["role"] = key_texts(f"{place}: filter roles", asked["roles"])
    has_metadata = metadata_filter(place, asked.get("metadata"), scalars=True)
    admits = None if has_metadata is None else lambda row: has_metadata(_metadata_of(row))
    return _Wanted([owner | conditions for owner in owners], order, admits)


def _metadata_of(row: Row) -> Mapping[str, Any]:
    content = parsed(row.get("content"))
    metadata = content.get("metadata") if isinstance(content, Mapping) else None
    return metadata if isinstance(metadata, Mapping) else {}


def _changes(place: str, message: Message | Mapping[str, Any]) -> Row:
    """The columns that an update of a message changes."""
    if isinstance(message, Message):
        return to_row(place, Message, message)
    values = dict(message) if isinstance(message, Mapping) else message
    if isinstance(values, dict) and "content" in values:
        values["content"] = as_content(values["content"])
    row = to_columns(place, Message, values)
    key_text(f"{place}: id", row.get("id"))
    return row
