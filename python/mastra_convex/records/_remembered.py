"""Messages that a memory is given and finds, between records, rows and vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from mastra_convex._arguments import Floats, finite_number
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._chat import said
from mastra_convex.records._columns import from_rows, size_of, to_row
from mastra_convex.records._lists import Records
from mastra_convex.records._texts import embedded_text, parts_of
from mastra_convex.records.memory import Message, date_in_order, is_undated
from mastra_convex.records.recall import MemoryContext, MemoryHit
from mastra_convex.types import QueryResult

THREADS = "mastra_threads"
MESSAGES = "mastra_messages"
RESOURCES = "mastra_resources"

Row = dict[str, Any]
# A text's vectors: of each of its parts.
Queries: TypeAlias = list[Floats]


def index_name(dimension: int) -> str:
    """The index of vectors of a dimension, as Mastra names it."""
    return "memory_messages" if dimension == 1536 else f"memory_messages_{dimension}"


@dataclass(slots=True)
class Given:
    """A message to remember: its row, the texts to embed, and its place for errors."""

    place: str
    row: Row
    is_undated: bool
    parts: list[str]


def given(place: str, message: Any, thread_id: str, role: str) -> list[Given]:
    """Messages as they were given: one, or a list of them. Those without dates have dates in their order."""
    method = place.partition(":")[0]
    if isinstance(message, str | Message | Mapping):
        return [_given(method, "message", message, thread_id, role)]
    if isinstance(message, bytes) or not isinstance(message, Iterable):
        raise InvalidArgumentError(
            f"{place} is {message!r:.80}; expected text, a Message, a mapping with its names, or a list of these"
        )
    messages = [_given(method, f"message[{n}]", one, thread_id, role) for n, one in enumerate(message)]
    date_in_order([one.row for one in messages if one.is_undated])
    return messages


def _given(method: str, name: str, message: Any, thread_id: str, role: str) -> Given:
    place = f"{method}: {name}"
    if isinstance(message, str):
        message = Message(thread_id=thread_id, role=role, content=message)
    elif isinstance(message, Mapping):
        message = {"thread_id": thread_id, "role": role, **message}
    try:
        row = to_row(place, Message, message)
    except InvalidArgumentError as error:
        if error.details.get("field") == "content":
            error.args = (error.args[0] + _largest_part(message),)
        raise
    if row["thread_id"] != thread_id:
        raise InvalidArgumentError(f"{place}: thread_id is {row['thread_id']!r}; expected {thread_id!r}, or none")
    content = message.content if isinstance(message, Message) else message.get("content", "")
    parts = [] if row["role"] == "system" else parts_of(embedded_text(content))
    return Given(name, row, is_undated(message), parts)


def _largest_part(message: Any) -> str:
    """The end of an error about a message that is too large."""
    content = message.content if isinstance(message, Message) else message.get("content")
    named: dict[str, Any] = {}
    if isinstance(content, Mapping):
        named = {f"content.{key}": value for key, value in content.items() if key != "parts"}
        content = content.get("parts")
    if isinstance(content, list):
        for n, part in enumerate(content):
            kind = part.get("type") if isinstance(part, Mapping) else None
            named[f"content.parts[{n}] of type {kind!r}"] = part
    sizes = {name: size_of({"part": part}) for name, part in named.items()}
    largest = max(sizes, key=lambda name: sizes[name], default=None)
    return "" if largest is None else f"; the largest part is {largest}, {sizes[largest]} bytes"


def vector_size(vector: Row) -> int:
    """About the size of a vector's row in bytes. Convex counts 9 bytes per number."""
    return 9 * len(vector["vector"]) + len(vector["metadata"]["content"].encode(errors="replace")) + 512


class Read:
    """The rows that the function read of a memory. Each becomes a record once, though several hits may show it."""

    def __init__(self, reply: Row) -> None:
        self.thread: Row = reply["thread"] or {}
        self.resource: Row = reply["resource"] or {}
        self._last: list[Row] = reply["last"]
        self._found: list[Row | None] = reply["found"]
        self._rows = {row["id"]: row for one in self._found for row in _around(one)}
        self._records = {
            message.id: message
            for message in from_rows(Message, ({row["id"]: row for row in self._last} | self._rows).values())
        }

    def hits(self, nearest: list[QueryResult]) -> Records[MemoryHit]:
        """The messages that were asked for, of these vectors; without those that aren't there or can't be read."""
        return Records(
            MemoryHit,
            (
                MemoryHit(
                    message=message,
                    score=vector.score,
                    before=self._messages(found["before"]),
                    after=self._messages(found["after"]),
                    part=_number(vector.metadata.get("part")),
                    text=str(vector.metadata.get("content", "")),
                )
                for vector, found in zip(nearest, self._found, strict=True)
                if found is not None
                for message in self._messages([found["message"]])
            ),
        )

    def messages(self) -> Records[Message]:
        """Those that were asked for with their neighbours, then the thread's last ones; each once, oldest first."""
        is_last = {row["id"] for row in self._last}
        recalled = [row for row in self._rows.values() if row["id"] not in is_last]
        recalled.sort(key=lambda row: (row["createdAt"], row["_creationTime"]))
        return self._messages([*recalled, *self._last])

    def _messages(self, rows: list[Row]) -> Records[Message]:
        return Records(Message, (self._records[row["id"]] for row in rows if row["id"] in self._records))


def _number(part: Any) -> int:
    """The number of a part. Other clients don't have any."""
    return int(part) if isinstance(part, int | float) else 0


def _around(found: Row | None) -> list[Row]:
    return [] if found is None else [*found["before"], found["message"], *found["after"]]


def fitted(context: MemoryContext, max_tokens: int, count_tokens: Callable[[str], int] | None) -> MemoryContext:
    """A context of at most so many tokens. The oldest recalled messages go first, then the oldest of the last ones."""

    def count(text: str) -> float:
        if count_tokens is None:
            return -(-len(text) // 4)
        return finite_number("Memory: count_tokens' answer", count_tokens(text))

    sizes = [count(said(message)) for message in context.messages]
    total = sum(sizes) + (count(context.working_memory) if context.working_memory else 0)
    out = 0
    # Recalled messages come first, both oldest first.
    while out < len(sizes) and total > max_tokens:
        total -= sizes[out]
        out += 1
    return replace(context, messages=context.messages[out:], left_out=context.messages[:out])
