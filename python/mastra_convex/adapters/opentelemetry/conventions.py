"""Spans of OpenTelemetry as records, by the conventions for the names of attributes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, StatusCode, format_span_id, format_trace_id

from mastra_convex import Span

Attributes = Mapping[str, Any]

# Attributes that give the type of a span, and their values as Mastra's types. The first that a span has counts.
SPAN_TYPES: dict[str, dict[str, str]] = {
    # https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
    "gen_ai.operation.name": {
        "chat": "model_generation",
        "create_agent": "agent_run",
        "embeddings": "rag_embedding",
        "execute_tool": "tool_call",
        "generate_content": "model_generation",
        "invoke_agent": "agent_run",
        "invoke_workflow": "workflow_run",
        "retrieval": "rag_action",
        "text_completion": "model_generation",
    },
    # https://arize-ai.github.io/openinference/spec/semantic_conventions.html
    "openinference.span.kind": {
        "AGENT": "agent_run",
        "CHAIN": "workflow_step",
        "EMBEDDING": "rag_embedding",
        "EVALUATOR": "scorer_run",
        "GUARDRAIL": "processor_run",
        "LLM": "model_generation",
        "RERANKER": "rag_action",
        "RETRIEVER": "rag_action",
        "TOOL": "tool_call",
    },
    # https://www.traceloop.com/docs/openllmetry/contributing/semantic-conventions
    "traceloop.span.kind": {
        "agent": "agent_run",
        "task": "workflow_step",
        "tool": "tool_call",
        "workflow": "workflow_run",
    },
    "llm.request.type": {"chat": "model_generation", "completion": "model_generation", "embedding": "rag_embedding"},
}

# The attributes that hold the input and the output of a span.
INPUT = ("input", "gen_ai.input.messages", "gen_ai.tool.call.arguments", "input.value", "traceloop.entity.input")
OUTPUT = ("output", "gen_ai.output.messages", "gen_ai.tool.call.result", "output.value", "traceloop.entity.output")

# The attributes that give a field of a span, the first one that is there.
FIELDS: dict[str, tuple[str, ...]] = {
    "entity_id": ("gen_ai.agent.id", "gen_ai.tool.name", "tool.name"),
    "entity_name": ("gen_ai.agent.name", "agent.name", "gen_ai.tool.name", "tool.name", "traceloop.entity.name"),
    "thread_id": ("gen_ai.conversation.id",),
    "session_id": ("session.id",),
    "user_id": ("user.id", "enduser.id"),
}

# The attributes of Mastra's spans of models, and how the conventions name them.
MODEL: dict[str, tuple[str, ...]] = {
    "model": ("gen_ai.request.model", "llm.model_name"),
    "provider": ("gen_ai.provider.name", "gen_ai.system", "llm.provider"),
    "responseModel": ("gen_ai.response.model",),
}
USAGE: dict[str, tuple[str, ...]] = {
    "inputTokens": ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    "outputTokens": ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"),
}

# Attributes of the resource, the program.
RESOURCE: dict[str, tuple[str, ...]] = {
    "service_name": ("service.name",),
    "environment": ("deployment.environment.name", "deployment.environment"),
}

# Fields of a record that a program may give by an attribute of this name.
FIELDS |= {
    name: (f"mastra.{name}", *FIELDS.get(name, ()))
    for name in (
        "entity_type",
        "entity_id",
        "entity_name",
        "user_id",
        "organization_id",
        "resource_id",
        "run_id",
        "session_id",
        "thread_id",
        "request_id",
        "experiment_id",
        "source",
    )
}

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_span(span: ReadableSpan) -> Span:
    """The record of a span."""
    attributes: dict[str, Any] = _plain(span.attributes or {})
    resource: dict[str, Any] = _plain(span.resource.attributes)
    context = span.get_span_context()
    assert context is not None
    texts = {name: str(value) for name, value in (_named(RESOURCE, resource) | _named(FIELDS, attributes)).items()}
    usage = _named(USAGE, attributes)
    model = _named(MODEL, attributes) | ({"usage": usage} if usage else {})
    fields: dict[str, Any] = {
        "parent_span_id": None if span.parent is None else format_span_id(span.parent.span_id),
        "started_at": _moment(span.start_time),
        "ended_at": _moment(span.end_time),
        "attributes": attributes | model or None,
        "metadata": _metadata(span, resource) or None,
        "links": [_camel_ids(link.context) | {"attributes": _plain(link.attributes or {})} for link in span.links]
        or None,
        "input": _json(INPUT, attributes),
        "output": _json(OUTPUT, attributes),
        "error": _error(span),
        "scope": _scope(span) or None,
    }
    given = _ids(context) | texts | {name: value for name, value in fields.items() if value is not None}
    # A span may have no name, a record can't.
    return Span(name=span.name or "span", span_type=_span_type(attributes), **given)


def _ids(context: SpanContext) -> dict[str, str]:
    return {"trace_id": format_trace_id(context.trace_id), "span_id": format_span_id(context.span_id)}


def _camel_ids(context: SpanContext) -> dict[str, str]:
    ids = _ids(context)
    return {"traceId": ids["trace_id"], "spanId": ids["span_id"]}


def _span_type(attributes: Attributes) -> str:
    # Mastra's own exporter names it so.
    own = attributes.get("mastra.span.type")
    if own:
        return str(own)
    for name, types in SPAN_TYPES.items():
        if name in attributes:
            return types.get(str(attributes[name]), "generic")
    return "generic"


def _named(names: Mapping[str, Sequence[str]], attributes: Attributes) -> dict[str, Any]:
    """The values of the first of the attributes of each name that has one."""
    found = {
        name: next((attributes[one] for one in some if attributes.get(one) is not None), None)
        for name, some in names.items()
    }
    return {name: value for name, value in found.items() if value is not None}


def _metadata(span: ReadableSpan, resource: Attributes) -> dict[str, Any]:
    events = [
        {"name": event.name, "time": _moment(event.timestamp), "attributes": _plain(event.attributes or {})}
        for event in span.events
    ]
    found = {"kind": span.kind.name.lower(), "resource": resource, "events": events}
    return {name: value for name, value in found.items() if value}


def _error(span: ReadableSpan) -> dict[str, Any] | None:
    """The error, with the last exception that was recorded."""
    if span.status.status_code is not StatusCode.ERROR:
        return None
    recorded: Attributes = next((e.attributes or {} for e in reversed(span.events) if e.name == "exception"), {})
    found = {
        "name": recorded.get("exception.type"),
        "message": recorded.get("exception.message") or span.status.description or "",
        "stack": recorded.get("exception.stacktrace"),
    }
    return {name: value for name, value in found.items() if value is not None}


def _scope(span: ReadableSpan) -> dict[str, Any] | None:
    scope = span.instrumentation_scope
    if scope is None:
        return None
    found = {"name": scope.name, "version": scope.version}
    return {name: value for name, value in found.items() if value}


def _moment(nanoseconds: int | None) -> datetime | None:
    return None if nanoseconds is None else EPOCH + timedelta(microseconds=nanoseconds // 1000)


def _json(names: Sequence[str], attributes: Attributes) -> Any:
    """The value of the first of these attributes that a span has: what its text holds as JSON, or the text."""
    # Mastra's own exporter names them by the type.
    own = f"mastra.{attributes.get('mastra.span.type')}.{names[0]}"
    found = next((attributes[name] for name in (own, *names[1:]) if attributes.get(name) is not None), None)
    if isinstance(found, str) and found[:1] in ("{", "["):
        with suppress(ValueError):
            return json.loads(found)
    return found


def _plain(value: Any) -> Any:
    """An attribute's value as JSON."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
