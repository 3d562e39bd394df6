"""The span exporter, under the real SDK."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, Tracer

import mastra_convex as mc
from mastra_convex.adapters.opentelemetry import ConvexSpanExporter
from tests.adapters.pages import follow

RESOURCE = Resource({"service.name": "shop", "deployment.environment.name": "test"})


@pytest.fixture
def tracer(deployment: mc.Deployment) -> Iterator[Tracer]:
    """A tracer whose spans are stored as they end."""
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(ConvexSpanExporter(deployment)))
    yield provider.get_tracer("tests", "1.2")
    provider.shutdown()


def the_span(deployment: mc.Deployment, span: trace.Span) -> mc.Span:
    """The record of a span."""
    context = span.get_span_context()
    traces = mc.ConvexStore(deployment).observability
    found = traces.get_span(trace.format_trace_id(context.trace_id), trace.format_span_id(context.span_id))
    assert found is not None
    return found


def test_a_trace_is_stored_as_it_was(deployment: mc.Deployment, tracer: Tracer) -> None:
    """Ids, parents, times, attributes, events, links, scope and resource of spans are kept."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    with tracer.start_as_current_span("agent", kind=SpanKind.SERVER) as agent:
        link = Link(agent.get_span_context(), {"why": "test"})
        attributes: dict[str, Any] = {"a": 1, "b": [1.5, 2.5], "c": float("nan"), "$d": "ü", "e": True}
        with tracer.start_as_current_span("tool", attributes=attributes, links=[link]) as tool:
            tool.add_event("found", {"rows": 3})
    parent, child = the_span(deployment, agent), the_span(deployment, tool)
    assert (parent.parent_span_id, child.parent_span_id) == (None, parent.span_id)
    assert parent.trace_id == child.trace_id
    assert child.ended_at is not None
    assert parent.ended_at is not None
    assert before <= parent.started_at <= child.started_at <= child.ended_at <= parent.ended_at
    assert child.attributes == {"a": 1, "b": [1.5, 2.5], "c": "nan", "$d": "ü", "e": True}
    assert child.links == [{"traceId": parent.trace_id, "spanId": parent.span_id, "attributes": {"why": "test"}}]
    [event] = child.metadata["events"]
    assert (event["name"], event["attributes"]) == ("found", {"rows": 3})
    assert child.scope == {"name": "tests", "version": "1.2"}
    assert (parent.metadata["kind"], parent.metadata["resource"]["service.name"]) == ("server", "shop")
    assert (child.service_name, child.environment, child.span_type, child.status) == (
        "shop",
        "test",
        "generic",
        "success",
    )
    [root] = mc.ConvexStore(deployment).observability.list_traces()
    assert root == parent


CONVENTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": "m",
            "gen_ai.provider.name": "p",
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 4,
            "gen_ai.conversation.id": "t1",
            "gen_ai.input.messages": json.dumps([{"role": "user"}]),
            "gen_ai.output.messages": "[broken",
        },
        {"span_type": "model_generation", "thread_id": "t1", "input": [{"role": "user"}], "output": "[broken"},
    ),
    (
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "find",
            "gen_ai.tool.call.arguments": '{"q": 1}',
            "gen_ai.tool.call.result": "none",
        },
        {"span_type": "tool_call", "entity_id": "find", "entity_name": "find", "input": {"q": 1}, "output": "none"},
    ),
    (
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.id": "a", "gen_ai.agent.name": "A"},
        {"span_type": "agent_run", "entity_id": "a", "entity_name": "A"},
    ),
    (
        {"openinference.span.kind": "RETRIEVER", "input.value": "q", "session.id": "s", "user.id": "u"},
        {"span_type": "rag_action", "input": "q", "session_id": "s", "user_id": "u"},
    ),
    (
        {"traceloop.span.kind": "workflow", "traceloop.entity.name": "w", "traceloop.entity.output": "{}"},
        {"span_type": "workflow_run", "entity_name": "w", "output": {}},
    ),
    (
        {"mastra.span.type": "agent_run", "mastra.agent_run.input": '["hi"]', "mastra.agent_run.output": "ho"},
        {"span_type": "agent_run", "input": ["hi"], "output": "ho"},
    ),
    (
        {
            "gen_ai.operation.name": "of_tomorrow",
            "mastra.run_id": "r",
            "mastra.resource_id": 5,
            "mastra.thread_id": "t2",
        },
        {"span_type": "generic", "run_id": "r", "resource_id": "5", "thread_id": "t2"},
    ),
]


@pytest.mark.parametrize(("attributes", "fields"), CONVENTIONS)
def test_conventions_name_what_a_span_is(
    deployment: mc.Deployment, tracer: Tracer, attributes: dict[str, Any], fields: dict[str, Any]
) -> None:
    """Attributes of the conventions give the fields of a span, and stay in its attributes."""
    with tracer.start_as_current_span("span", attributes=attributes) as span:
        pass
    found = the_span(deployment, span)
    assert {name: getattr(found, name) for name in fields} == fields
    assert attributes.items() <= found.attributes.items()
    if "gen_ai.request.model" in attributes:
        model = {"model": "m", "provider": "p", "usage": {"inputTokens": 3, "outputTokens": 4}}
        assert model.items() <= found.attributes.items()


def test_a_failed_span_has_its_error(deployment: mc.Deployment, tracer: Tracer) -> None:
    """A span with the status of an error failed, by its exception or by its description."""
    with pytest.raises(LookupError), tracer.start_as_current_span("raised") as raised:
        raise LookupError("no such row")
    with tracer.start_as_current_span("told") as told:
        told.set_status(Status(StatusCode.ERROR, "refused"))
    error = the_span(deployment, raised).error
    assert (error["name"], error["message"]) == ("LookupError", "no such row")
    assert "test_opentelemetry.py" in error["stack"]
    assert the_span(deployment, told).error == {"message": "refused"}
    found = mc.ConvexStore(deployment).observability.list_traces(filters={"status": "error"})
    assert {span.name for span in found} == {"raised", "told"}


def test_many_spans_are_exported_in_batches(deployment: mc.Deployment) -> None:
    """A batch processor exports all spans by the time that it is shut down."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ConvexSpanExporter(deployment), max_queue_size=4096))
    tracer = provider.get_tracer("tests")
    for n in range(1200):
        with tracer.start_as_current_span(f"span {n}"):
            pass
    provider.shutdown()
    assert mc.ConvexStore(deployment).observability.list_traces().total == 1200


def test_a_span_that_is_too_large_is_left_out(deployment: mc.Deployment, caplog: pytest.LogCaptureFixture) -> None:
    """Of spans that are exported together, one over Convex's limit is logged, and the others are stored."""
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(ConvexSpanExporter(deployment)))
    tracer = provider.get_tracer("tests")
    for size in (1, 2_000_000, 2):
        with tracer.start_as_current_span(f"{size}", attributes={"input.value": "x" * size}):
            pass
    with caplog.at_level(logging.ERROR, "mastra_convex.opentelemetry"):
        provider.shutdown()
    found = mc.ConvexStore(deployment).observability.list_traces()
    assert {span.name for span in found} == {"1", "2"}
    assert "isn't stored" in caplog.text


def test_an_export_that_fails_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """Where the deployment can't be reached, the export fails, and the program goes on."""
    exporter = ConvexSpanExporter("http://127.0.0.1:9", admin_key="k", retries=0, timeout=5)
    assert exporter.force_flush()
    with caplog.at_level(logging.ERROR, "mastra_convex.opentelemetry"):
        span = TracerProvider().get_tracer("tests").start_span("span")
        span.end()
        assert exporter.export([span]) is SpanExportResult.FAILURE  # type: ignore[list-item]
    assert "1 spans aren't stored" in caplog.text
    exporter.shutdown()


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    """Each block of the adapter's page runs and prints the output on the page."""
    follow("opentelemetry", tmp_path)
