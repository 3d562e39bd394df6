"""Sessions of a harness, in which agents work, and what they wait for."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from mastra_convex._arguments import as_items
from mastra_convex._json import to_json
from mastra_convex._public import public
from mastra_convex.records._columns import choice, column, date, from_row, key, metadata, number, text, to_row
from mastra_convex.records._record import Dated, Record, as_created
from mastra_convex.records._values import convex_value, dict_of, new_id, now, parsed

SessionOrigin = Literal["top-level", "subagent-tool", "direct-local", "remote-resolve"]
PendingKind = Literal["tool-approval", "tool-suspension", "question", "plan-approval"]
PendingStatus = Literal["pending", "responded", "canceled", "failed"]


def _plain(place: str, given: Any) -> Any:
    """A JSON value as it is; the list that it is part of is stored as JSON text if it must."""
    return json.loads(to_json(place, given))


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HarnessPendingItem(Dated):
    """Something that a session waits for: an approval, an answer, a plan.

    Attributes
    ----------
    id : str
        By default a random one. It is unique within a session.
    kind : str
        ``tool-approval``, ``tool-suspension``, ``question`` or ``plan-approval``.
    session_id : str or None
        The session; filled in when the item is appended to it.
    status : str, default "pending"
        ``pending``, ``responded``, ``canceled`` or ``failed``.
    run_id, trace_id, runtime_compatibility_generation : str or None
    payload, response : dict or None
        Any JSON. Keys are never renamed.
    created_at, updated_at : datetime
        In UTC, to the millisecond. Defaults: now, and `created_at`.
    """

    id: str = field(default_factory=new_id, metadata=key("id"))
    kind: PendingKind = field(metadata=choice("kind", PendingKind))
    session_id: str | None = field(default=None, metadata=text("sessionId"))
    status: PendingStatus = field(default="pending", metadata=choice("status", PendingStatus))
    run_id: str | None = field(default=None, metadata=text("runId", keeps_null=True))
    trace_id: str | None = field(default=None, metadata=text("traceId", keeps_null=True))
    runtime_compatibility_generation: str | None = field(
        default=None, metadata=text("runtimeCompatibilityGeneration", keeps_null=True)
    )
    payload: dict[str, Any] | None = field(default=None, metadata=column("payload", _plain, dict_of, keeps_null=True))
    response: dict[str, Any] | None = field(default=None, metadata=column("response", _plain, dict_of, keeps_null=True))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime = field(default_factory=as_created, metadata=date("updatedAt"))


def _pending_value(place: str, given: Any) -> Any:
    items = as_items(place, given)
    rows = [to_row(f"{place}[{n}]", HarnessPendingItem, item) for n, item in enumerate(items)]
    return convex_value(place, rows)


def _pending_items(stored: Any) -> list[HarnessPendingItem]:
    return [from_row(HarnessPendingItem, row) for row in parsed(stored)]


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HarnessSession(Record):
    """A session of a harness.

    Attributes
    ----------
    id : str
        By default a random one.
    owner_id, resource_id, thread_id : str
        The process that owns it, and the resource and the thread that it works for.
    mode_id, model_id : str
    origin : str, default "top-level"
        ``top-level``, ``subagent-tool``, ``direct-local`` or ``remote-resolve``.
    parent_session_id, runtime_compatibility_generation, title : str or None
    subagent_depth : int or None
    source : dict or None
        Mastra's ``{"type", "parentSessionId", "parentRunId", "parentTraceId", "subagentType"}``.
    metadata, state : dict or None
        Any JSON. Keys are never renamed.
    pending : list of HarnessPendingItem
        What it waits for.
    created_at, last_activity_at : datetime
        In UTC, to the millisecond; by default now.
    closing_at, close_deadline_at, closed_at, deleted_at : datetime or None
    """

    _TABLE = ("id", "resource_id", "thread_id", "mode_id", "last_activity_at")

    id: str = field(default_factory=new_id, metadata=key("id"))
    owner_id: str = field(metadata=key("ownerId"))
    resource_id: str = field(metadata=key("resourceId"))
    thread_id: str = field(metadata=key("threadId"))
    mode_id: str = field(metadata=key("modeId"))
    model_id: str = field(metadata=key("modelId"))
    origin: SessionOrigin = field(default="top-level", metadata=choice("origin", SessionOrigin))
    parent_session_id: str | None = field(default=None, metadata=text("parentSessionId", keeps_null=True))
    subagent_depth: int | None = field(default=None, metadata=number("subagentDepth", keeps_null=True))
    source: dict[str, Any] | None = field(default=None, metadata=metadata("source", keeps_null=True))
    runtime_compatibility_generation: str | None = field(
        default=None, metadata=text("runtimeCompatibilityGeneration", keeps_null=True)
    )
    title: str | None = field(default=None, metadata=text("title", keeps_null=True))
    state: dict[str, Any] | None = field(default=None, metadata=metadata("state", keeps_null=True))
    pending: list[HarnessPendingItem] = field(
        default_factory=list, metadata=column("pending", _pending_value, _pending_items)
    )
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    last_activity_at: datetime = field(default_factory=now, metadata=date("lastActivityAt"))
    closing_at: datetime | None = field(default=None, metadata=date("closingAt", keeps_null=True))
    close_deadline_at: datetime | None = field(default=None, metadata=date("closeDeadlineAt", keeps_null=True))
    closed_at: datetime | None = field(default=None, metadata=date("closedAt", keeps_null=True))
    deleted_at: datetime | None = field(default=None, metadata=date("deletedAt", keeps_null=True))
    metadata: dict[str, Any] | None = field(default=None, metadata=metadata("metadata", keeps_null=True))
