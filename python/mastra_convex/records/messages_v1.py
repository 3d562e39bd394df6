"""Messages in the form of Mastra's first release, converted from today's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from mastra_convex.records._record import Record
from mastra_convex.records.memory import Message

Part = Mapping[str, Any]

# Calls by which Mastra's agents update their memory; conversations don't show them.
HIDDEN_TOOL = "updateWorkingMemory"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MessageV1(Record):
    """A message in the first release's form, in which tool calls and their results are messages too.

    Attributes
    ----------
    id : str
        If one of today's messages becomes several, the later ids end with ``__split-1``, ``__split-2``, ….
    thread_id : str
    resource_id : str or None
    role : str
        ``user``, ``assistant``, ``system``, or ``tool`` for results of tools.
    type : str
        ``text``, ``tool-call`` or ``tool-result``.
    content : str or list of dict
        Text, or a list of parts if there is more than text.
    created_at : datetime
        In UTC, to the millisecond.
    """

    id: str
    thread_id: str
    resource_id: str | None
    role: str
    type: str
    content: str | list[dict[str, Any]]
    created_at: datetime


def messages_v1(messages: Sequence[Message]) -> list[MessageV1]:
    """Messages in the first release's form, in their order."""
    made: list[MessageV1] = []
    for message in messages:
        for n, (role, type, content) in enumerate(_pieces(message)):
            made.append(
                MessageV1(
                    id=f"{message.id}__split-{n}" if n else message.id,
                    thread_id=message.thread_id,
                    resource_id=message.resource_id,
                    role=role,
                    type=type,
                    content=content,
                    created_at=message.created_at,
                )
            )
    return made


def _pieces(message: Message) -> Iterator[tuple[str, str, str | list[dict[str, Any]]]]:
    """Role, type and content of the pieces of a message: texts, calls and results, in order."""
    if isinstance(message.content, list):
        # Already in this form.
        yield message.role, message.type, message.content
        return
    parts = message.content.get("parts") if isinstance(message.content, Mapping) else None
    if not parts:
        yield message.role, "text", message.text
        return
    for is_call, some in groupby(parts, _is_call):
        if not is_call:
            said = [dict(part) for part in some]
            is_text = len(said) == 1 and said[0].get("type") == "text"
            yield message.role, "text", said[0].get("text", "") if is_text else said
            continue
        calls = [part["toolInvocation"] for part in some]
        calls = [call for call in calls if call.get("toolName") != HIDDEN_TOOL]
        results = [call for call in calls if call.get("state") == "result"]
        if calls:
            yield "assistant", "tool-call", [_part("tool-call", call, "args") for call in calls]
        if results:
            yield "tool", "tool-result", [_part("tool-result", call, "result") for call in results]


def _is_call(part: Part) -> bool:
    return part.get("type") == "tool-invocation" and isinstance(part.get("toolInvocation"), Mapping)


def _part(type: str, call: Part, value: str) -> dict[str, Any]:
    return {"type": type, **{name: call.get(name) for name in ("toolCallId", "toolName", value)}}
