"""Messages that a memory is given and finds, between records, rows and vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from mastra_convex._arguments import Floats, as_items
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._chat import said
from mastra_convex.records._columns import from_rows, size_of, to_row
from mastra_convex.records._texts import embedded_text, parts_of
from mastra_convex.records.memory import Message, is_undated
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
    """Messages as they were given: one, or a list of them."""
    method = place.partition(":")[0]
    if isinstance(message, str | Message | Mapping):
        return [_given(method, "message", message, thread_id, role)]
    return [_given(method, f"message[{n}]", one, thread_id, role) for n, one in enumerate(as_items(place, message))]


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
    parts = content.get("parts") if isinstance(content, Mapping) else content
    if not isinstance(parts, list):
        return ""
    sizes = [size_of({"part": part}) for part in parts]
    n = max(range(len(parts)), key=sizes.__getitem__, default=0)
    kind = parts[n].get("type") if isinstance(parts[n], Mapping) else None
    return f"; the largest part is content.parts[{n}] of type {kind!r}, {sizes[n]} bytes"


def vector_size(vector: Row) -> int:
    """About the size of a vector's row in bytes. Convex counts 9 bytes per number."""
    return 9 * len(vector["vector"]) + len(vector["metadata"]["content"].encode(errors="replace")) + 512


def hit(nearest: QueryResult, found: Row) -> MemoryHit | None:
    """A recalled message; None if another client wrote a message that can't be read."""
    messages = from_rows(Message, [found["message"]])
    if not messages:
        return None
    part, text = nearest.metadata.get("part"), nearest.metadata.get("content")
    return MemoryHit(
        message=messages[0],
        score=nearest.score,
        before=from_rows(Message, found["before"]),
        after=from_rows(Message, found["after"]),
        part=int(part) if isinstance(part, int | float) else 0,
        text=text if isinstance(text, str) else "",
    )


def in_order(found: list[Row | None], last: list[Row]) -> list[Message]:
    """The messages of a context: recalled ones with their neighbours, then the last ones."""
    is_last = {row["id"] for row in last}
    recalled = {
        row["id"]: row
        for one in found
        if one is not None
        for row in (*one["before"], one["message"], *one["after"])
        if row["id"] not in is_last
    }
    rows = sorted(recalled.values(), key=lambda row: (row["createdAt"], row["_creationTime"]))
    return from_rows(Message, [*rows, *last])


def fitted(context: MemoryContext, max_tokens: int, count_tokens: Callable[[str], int] | None) -> MemoryContext:
    """A context of at most so many tokens. The oldest recalled messages go first, then the oldest of the last ones."""
    count = count_tokens or (lambda text: -(-len(text) // 4))
    sizes = [count(said(message)) for message in context.messages]
    total = sum(sizes) + (count(context.working_memory) if context.working_memory else 0)
    out = 0
    # Recalled messages come first, both oldest first.
    while out < len(sizes) and total > max_tokens:
        total -= sizes[out]
        out += 1
    return replace(context, messages=context.messages[out:], left_out=context.messages[:out])
