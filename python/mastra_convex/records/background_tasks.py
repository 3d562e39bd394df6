"""Tool calls that run beside a conversation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict

from mastra_convex._public import public
from mastra_convex.records._columns import choice, date, from_row, json, key, number, text
from mastra_convex.records._pages import Page
from mastra_convex.records._record import Record
from mastra_convex.records._values import new_id, now

TaskStatus = Literal["pending", "running", "suspended", "completed", "failed", "cancelled", "timed_out"]
TaskDate = Literal["created_at", "started_at", "suspended_at", "completed_at"]


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BackgroundTask(Record):
    """A tool call that runs beside a conversation.

    Attributes
    ----------
    id, tool_call_id, run_id : str
        By default random ones.
    tool_name, agent_id : str
        The tool, and the agent that called it.
    status : str, default "pending"
        ``pending``, ``running``, ``suspended``, ``completed``, ``failed``, ``cancelled`` or ``timed_out``.
    args, result, error, suspend_payload : object
        JSON. Keys are never renamed.
    thread_id, resource_id : str or None
        The conversation, and the resource that owns it.
    retry_count, max_retries : int, default 0
    timeout_ms : float, default 300_000
    created_at : datetime
        In UTC, to the millisecond; by default now.
    started_at, suspended_at, completed_at : datetime or None
    owner_id : str or None
        The worker that runs the task.
    lease_expires_at : datetime or None
        The time until which no other worker should take the task over.
    """

    _TABLE = ("id", "tool_name", "agent_id", "status", "created_at")

    id: str = field(default_factory=new_id, metadata=key("id"))
    tool_name: str = field(metadata=key("tool_name"))
    agent_id: str = field(metadata=key("agent_id"))
    tool_call_id: str = field(default_factory=new_id, metadata=key("tool_call_id"))
    run_id: str = field(default_factory=new_id, metadata=key("run_id"))
    status: TaskStatus = field(default="pending", metadata=choice("status", TaskStatus))
    args: Any = field(default_factory=dict, metadata=json("args"))
    result: Any = field(default=None, metadata=json("result", keeps_null=True))
    error: Any = field(default=None, metadata=json("error", keeps_null=True))
    suspend_payload: Any = field(default=None, metadata=json("suspend_payload", keeps_null=True))
    thread_id: str | None = field(default=None, metadata=text("thread_id", keeps_null=True))
    resource_id: str | None = field(default=None, metadata=text("resource_id", keeps_null=True))
    retry_count: int = field(default=0, metadata=number("retry_count"))
    max_retries: int = field(default=0, metadata=number("max_retries"))
    timeout_ms: float = field(default=300_000, metadata=number("timeout_ms"))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    started_at: datetime | None = field(default=None, metadata=date("startedAt", keeps_null=True))
    suspended_at: datetime | None = field(default=None, metadata=date("suspendedAt", keeps_null=True))
    completed_at: datetime | None = field(default=None, metadata=date("completedAt", keeps_null=True))
    owner_id: str | None = field(default=None, metadata=text("owner_id", keeps_null=True))
    lease_expires_at: datetime | None = field(default=None, metadata=date("leaseExpiresAt", keeps_null=True))


@public
class TaskFilter(TypedDict, total=False):
    """A filter on tasks: all given conditions must hold."""

    status: TaskStatus | list[TaskStatus]
    agent_id: str
    thread_id: str
    resource_id: str
    tool_name: str
    tool_call_id: str
    run_id: str
    from_date: datetime | str
    to_date: datetime | str
    date_filter_by: TaskDate


@public
@dataclass(frozen=True, slots=True)
class TaskPage(Page[BackgroundTask]):
    """A page of tasks. `total` counts the tasks of all pages; iterating gives those of this page."""

    tasks: list[BackgroundTask]
    total: int
    page: int
    per_page: int | None
    has_more: bool


def task_of(row: Mapping[str, Any]) -> BackgroundTask:
    """The task of a row or a document; documents may lack fields."""
    return from_row(BackgroundTask, {"tool_name": "", "agent_id": "", "tool_call_id": "", "run_id": "", **row})
