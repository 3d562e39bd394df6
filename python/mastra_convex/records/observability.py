"""Records of traces: the steps of agents, workflows and tools, with their times."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict

from mastra_convex._public import public
from mastra_convex.records._columns import date, flag, json, key, text
from mastra_convex.records._pages import Page
from mastra_convex.records._record import Record
from mastra_convex.records._values import now

TraceStatus = Literal["running", "success", "error"]


@public
@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Span(Record):
    """A piece of work within a trace.

    Attributes
    ----------
    trace_id, span_id : str
        Together they identify the span.
    parent_span_id : str or None
        The parent span; None for the root of a trace.
    name : str
    span_type : str, default "generic"
        Mastra's word, such as ``agent_run``, ``model_generation`` or ``tool_call``.
    is_event : bool, default False
        Whether the span is an event without duration.
    started_at, ended_at : datetime
        In UTC, to the millisecond; `started_at` is by default now, `ended_at` None while it runs.
    created_at, updated_at : datetime
        The times when the span was stored and last changed.
    attributes, metadata, tags, links, input, output, error, scope, request_context : object
        JSON. Keys are never renamed. A span with an error failed.
    entity_type, entity_id, run_id, thread_id, resource_id, … : str or None
        The entity that the span belongs to.
    """

    _TABLE = ("name", "span_type", "status", "started_at", "ended_at")

    trace_id: str = field(metadata=key("traceId"))
    span_id: str = field(metadata=key("spanId"))
    parent_span_id: str | None = field(default=None, metadata=text("parentSpanId", keeps_null=True))
    name: str = field(metadata=key("name"))
    span_type: str = field(default="generic", metadata=key("spanType"))
    is_event: bool = field(default=False, metadata=flag("isEvent"))
    started_at: datetime = field(default_factory=now, metadata=date("startedAt"))
    ended_at: datetime | None = field(default=None, metadata=date("endedAt", keeps_null=True))
    created_at: datetime = field(default_factory=now, metadata=date("createdAt"))
    updated_at: datetime | None = field(default=None, metadata=date("updatedAt", keeps_null=True))
    attributes: Any = field(default=None, metadata=json("attributes", keeps_null=True))
    metadata: Any = field(default=None, metadata=json("metadata", keeps_null=True))
    tags: list[str] | None = field(default=None, metadata=json("tags", keeps_null=True))
    links: Any = field(default=None, metadata=json("links", keeps_null=True))
    input: Any = field(default=None, metadata=json("input", keeps_null=True))
    output: Any = field(default=None, metadata=json("output", keeps_null=True))
    error: Any = field(default=None, metadata=json("error", keeps_null=True))
    scope: Any = field(default=None, metadata=json("scope", keeps_null=True))
    request_context: Any = field(default=None, metadata=json("requestContext", keeps_null=True))
    entity_type: str | None = field(default=None, metadata=text("entityType", keeps_null=True))
    entity_id: str | None = field(default=None, metadata=text("entityId", keeps_null=True))
    entity_name: str | None = field(default=None, metadata=text("entityName", keeps_null=True))
    entity_version_id: str | None = field(default=None, metadata=text("entityVersionId", keeps_null=True))
    parent_entity_type: str | None = field(default=None, metadata=text("parentEntityType", keeps_null=True))
    parent_entity_id: str | None = field(default=None, metadata=text("parentEntityId", keeps_null=True))
    parent_entity_name: str | None = field(default=None, metadata=text("parentEntityName", keeps_null=True))
    parent_entity_version_id: str | None = field(default=None, metadata=text("parentEntityVersionId", keeps_null=True))
    root_entity_type: str | None = field(default=None, metadata=text("rootEntityType", keeps_null=True))
    root_entity_id: str | None = field(default=None, metadata=text("rootEntityId", keeps_null=True))
    root_entity_name: str | None = field(default=None, metadata=text("rootEntityName", keeps_null=True))
    root_entity_version_id: str | None = field(default=None, metadata=text("rootEntityVersionId", keeps_null=True))
    user_id: str | None = field(default=None, metadata=text("userId", keeps_null=True))
    organization_id: str | None = field(default=None, metadata=text("organizationId", keeps_null=True))
    resource_id: str | None = field(default=None, metadata=text("resourceId", keeps_null=True))
    run_id: str | None = field(default=None, metadata=text("runId", keeps_null=True))
    session_id: str | None = field(default=None, metadata=text("sessionId", keeps_null=True))
    thread_id: str | None = field(default=None, metadata=text("threadId", keeps_null=True))
    request_id: str | None = field(default=None, metadata=text("requestId", keeps_null=True))
    environment: str | None = field(default=None, metadata=text("environment", keeps_null=True))
    service_name: str | None = field(default=None, metadata=text("serviceName", keeps_null=True))
    experiment_id: str | None = field(default=None, metadata=text("experimentId", keeps_null=True))
    source: str | None = field(default=None, metadata=text("source", keeps_null=True))

    @property
    def status(self) -> TraceStatus:
        """The span's outcome. For a root span, the outcome of the trace."""
        if self.error is not None:
            return "error"
        return "running" if self.ended_at is None else "success"


class SpanFields(TypedDict, total=False):
    """Fields of a `Span` that a running one may be given."""

    trace_id: str
    parent_span_id: str | None
    span_type: str
    attributes: Mapping[str, Any]
    metadata: Mapping[str, Any]
    tags: Sequence[str]
    input: Any
    scope: Any
    request_context: Any
    entity_type: str
    entity_id: str
    entity_name: str
    user_id: str
    organization_id: str
    resource_id: str
    run_id: str
    session_id: str
    thread_id: str
    request_id: str
    environment: str
    service_name: str
    experiment_id: str
    source: str


@public
class TraceOrderBy(TypedDict, total=False):
    """The order of traces: by default ``started_at``, latest first."""

    field: Literal["started_at", "ended_at"]
    direction: Literal["ASC", "DESC"]


@public
@dataclass(frozen=True, slots=True)
class Trace:
    """A trace: its spans, by start time."""

    trace_id: str
    spans: list[Span]


@public
@dataclass(frozen=True, slots=True)
class TracePage(Page[Span]):
    """A page of traces, each by its root span. `total` counts the traces of all pages; iterating gives those of this
    page.
    """

    spans: list[Span]
    total: int
    page: int
    per_page: int | None
    has_more: bool
