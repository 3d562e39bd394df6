"""Records of memory: threads, their messages, and the resources that own them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple

from mastra_convex._arguments import plain
from mastra_convex._json import to_json
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import choice, column, date, key, metadata, text
from mastra_convex.records._pages import Page
from mastra_convex.records._record import Dated, Record, as_created
from mastra_convex.records._values import new_id, now, parsed

Role = Literal["user", "assistant", "system", "signal", "tool"]


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Thread(Dated):
    """A conversation.

    Attributes
    ----------
    id : str
        By default a random one.
    resource_id : str
        The resource that owns it.
    title : str, default ""
    metadata : dict
        Any JSON. Keys are never renamed.
    created_at, updated_at : datetime
        In UTC, to the millisecond. Defaults: now, and `created_at`.
    """

    _TABLE = ("id", "resource_id", "title", "updated_at")

    id: str = field(default_factory=new_id, metadata=key("id"))
    resource_id: str = field(metadata=key("resourceId"))
    title: str = field(default="", metadata=text("title"))
    metadata: dict[str, Any] = field(default_factory=dict, metadata=metadata("metadata"))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))


def _write_content(place: str, content: Any) -> str:
    if not isinstance(content, str | Mapping | list | tuple):
        raise InvalidArgumentError(f"{place} is {content!r:.80}; expected text, a dict or a list of parts")
    return to_json(place, content)


_UNDATED: Final = datetime.min.replace(tzinfo=UTC)


def _undated() -> datetime:
    """The default of `Message.created_at`, in whose place `Message` puts the present time."""
    return _UNDATED


class _Undated(Record):
    """Whether the date of a message is a default; an attribute that is no field of it."""

    __slots__ = ("_is_undated",)
    _is_undated: bool


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Message(_Undated):
    """A message of a thread.

    Attributes
    ----------
    id : str
        By default a random one.
    thread_id : str
        The thread it belongs to.
    role : str, default "user"
        ``user``, ``assistant``, ``system`` or ``signal``, or ``tool`` as in the first release. It is checked when it
        is saved: messages of other clients keep theirs.
    content : dict
        Mastra's format 2, ``{"format": 2, "parts": […]}``; keys are never renamed. Text is converted to it.
    type : str, default "v2"
    resource_id : str or None
        The resource that owns it; by default the thread's.
    created_at : datetime
        In UTC, to the millisecond; by default now. Updates never change it, and a stored message that is saved again
        without a date keeps the stored one.
    """

    _TABLE = ("created_at", "role", "text")

    id: str = field(default_factory=new_id, metadata=key("id"))
    thread_id: str = field(metadata=key("thread_id"))
    role: str = field(default="user", metadata=choice("role", Role))
    # Text goes in and a dict comes out; a dataclass has no type for that.
    content: Any = field(default="", metadata=column("content", _write_content, parsed))
    type: str = field(default="v2", metadata=key("type"))
    resource_id: str | None = field(default=None, metadata=key("resourceId"))
    created_at: datetime = field(default_factory=_undated, metadata=date("createdAt"))

    def __post_init__(self) -> None:
        object.__setattr__(self, "content", as_content(self.content))
        object.__setattr__(self, "_is_undated", self.created_at is _UNDATED or self.created_at is None)
        if self.created_at is _UNDATED:
            object.__setattr__(self, "created_at", now())

    @property
    def text(self) -> str:
        """The message's text: its text parts, one after the other, or its content's text if it has no parts."""
        content = self.content
        parts = content.get("parts") if isinstance(content, Mapping) else content
        if isinstance(parts, list) and parts:
            said = (part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") == "text")
            return "".join(text for text in said if isinstance(text, str))
        text = content.get("content") if isinstance(content, Mapping) else None
        return text if isinstance(text, str) else ""


def as_content(content: Any) -> Any:
    """Content in format 2. Text, the content of older clients, is converted."""
    if not isinstance(content, str):
        return content
    text = plain(content)
    return {"format": 2, "parts": [{"type": "text", "text": text}], "content": text}


def is_undated(message: Message | Mapping[str, Any]) -> bool:
    """Whether a message was given without a date of its own."""
    if isinstance(message, Message):
        # Copies and pickles keep the fields only, so they are dated.
        return getattr(message, "_is_undated", False)
    return message.get("created_at") is None


def date_in_order(rows: list[dict[str, Any]]) -> None:
    """Give rows of a list that have no dates of their own dates in their order: a record was dated when it was made,
    and anything else only now.
    """
    latest = ""
    for row in rows:
        latest = row["createdAt"] = max(latest, row["createdAt"])


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Resource(Dated):
    """The owner of threads, such as a user.

    Attributes
    ----------
    id : str
    working_memory : str or None
        The agent's notes about the resource.
    metadata : dict
        Any JSON. Keys are never renamed.
    created_at, updated_at : datetime
        In UTC, to the millisecond. Defaults: now, and `created_at`.
    """

    id: str = field(metadata=key("id"))
    working_memory: str | None = field(default=None, metadata=text("workingMemory"))
    metadata: dict[str, Any] = field(default_factory=dict, metadata=metadata("metadata"))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))


@public
@dataclass(frozen=True, slots=True)
class ThreadPage(Page[Thread]):
    """A page of threads. `total` counts the threads of all pages; iterating gives those of this page."""

    threads: list[Thread]
    total: int
    page: int
    per_page: int | None
    has_more: bool


@public
@dataclass(frozen=True, slots=True)
class MessagePage(Page[Message]):
    """A page of messages, with included ones. `total` counts the messages of all pages; iterating gives those of this
    page.
    """

    messages: list[Message]
    total: int
    page: int
    per_page: int | None
    has_more: bool


@public
class ThreadCopy(NamedTuple):
    """A copied thread, and a mapping of message ids to the ids of their copies."""

    thread: Thread
    message_id_map: dict[str, str]


@public
class ThreadClone(NamedTuple):
    """As `ThreadCopy`, with the copied messages, oldest first."""

    thread: Thread
    cloned_messages: list[Message]
    message_id_map: dict[str, str]
