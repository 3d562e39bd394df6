"""State of threads, such as their task list and their goal."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mastra_convex._public import public
from mastra_convex.records._columns import anything, date, key
from mastra_convex.records._record import Dated, as_created
from mastra_convex.records._values import now


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ThreadState(Dated):
    """A thread's state of one type.

    Attributes
    ----------
    thread_id, type : str
        The thread, and the type of the state. Mastra's own types are ``task`` and ``goal``.
    value : object
        Any JSON. Keys are never renamed.
    created_at, updated_at : datetime
        In UTC, to the millisecond. Defaults: now, and `created_at`. No update changes `created_at`.
    """

    thread_id: str = field(metadata=key("threadId"))
    type: str = field(metadata=key("type"))
    value: Any = field(default=None, metadata=anything("value", keeps_null=True))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))
