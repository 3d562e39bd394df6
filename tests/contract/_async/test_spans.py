"""`observability.span`: a piece of work, recorded as it runs."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

import mastra_convex as mc
from tests.contract._async._call import together


@pytest.fixture
def traces(deployment: mc.AsyncDeployment) -> mc.AsyncObservabilityStorage:
    return mc.AsyncConvexStore(deployment).observability


async def test_a_span_is_stored_as_it_begins_and_ends(traces: mc.AsyncObservabilityStorage) -> None:
    """A running span is found while it runs, and has its end, its output and what was set after it ended."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    async with traces.span("recall", run_id="r", span_type="rag_action", input={"$q": "ü"}, tags=["a"]) as span:
        running = await traces.get_span(span.trace_id, span.span_id)
        assert running is not None
        assert (running.name, running.run_id, running.status, running.input) == ("recall", "r", "running", {"$q": "ü"})
        span.attributes["rows"] = 3
        span.metadata["kind"] = "test"
        span.tags.append("b")
        span.output = ["found"]
    done = await traces.get_root_span(span.trace_id)
    assert done is not None
    assert (done.attributes, done.metadata, done.output, done.tags) == (
        {"rows": 3},
        {"kind": "test"},
        ["found"],
        ["a", "b"],
    )
    assert (done.status, done.span_type, done.input, done.started_at) == (
        "success",
        "rag_action",
        {"$q": "ü"},
        running.started_at,
    )
    assert done.ended_at is not None
    assert before <= done.started_at <= done.ended_at <= datetime.now(UTC)
    assert (len(done.trace_id), len(done.span_id)) == (32, 16)


async def test_spans_within_a_span_are_its_children(traces: mc.AsyncObservabilityStorage) -> None:
    """Spans nest by context. Children have the run, thread and resource of their parent, and their own where given."""
    async with traces.span("agent", run_id="r", thread_id="t", resource_id="ada", entity_id="e") as agent:
        async with traces.span("model") as model, traces.span("tool", thread_id="u") as tool:
            pass
        async with traces.span("next") as next_one:
            pass
    async with traces.span("other") as other:
        pass
    trace = await traces.get_trace(agent.trace_id)
    assert trace is not None
    found = {span.name: span for span in trace.spans}
    assert found.keys() == {"agent", "model", "tool", "next"}
    parents = {name: span.parent_span_id for name, span in found.items()}
    assert parents == {"agent": None, "model": agent.span_id, "tool": model.span_id, "next": agent.span_id}
    assert [(s.run_id, s.resource_id) for s in found.values()] == [("r", "ada")] * 4
    assert [found[name].thread_id for name in ("agent", "model", "tool")] == ["t", "t", "u"]
    assert found["model"].entity_id is None
    assert tool.parent_span_id == model.span_id
    assert next_one.trace_id == agent.trace_id != other.trace_id
    assert other.parent_span_id is None


async def test_concurrent_work_has_its_own_spans(traces: mc.AsyncObservabilityStorage) -> None:
    """Spans of tasks or threads that run at the same time are no children of one another."""

    async def work(n: int) -> tuple[str, str | None]:
        async with traces.span(f"outer {n}") as outer, traces.span(f"inner {n}") as inner:
            assert inner.parent_span_id == outer.span_id
            return outer.trace_id, outer.parent_span_id

    done = await together([partial(work, n) for n in range(8)])
    assert len({trace for trace, _ in done}) == 8
    assert {parent for _, parent in done} == {None}


async def test_an_exception_is_the_error_of_its_span(traces: mc.AsyncObservabilityStorage) -> None:
    """An exception goes through the spans that it leaves, and each of them has it as its error."""
    outer = traces.span("outer")

    async def fail() -> None:
        async with outer, traces.span("inner") as inner:
            inner.output = "half"
            raise LookupError("no such row")

    with pytest.raises(LookupError, match="no such row"):
        await fail()
    trace = await traces.get_trace(outer.trace_id)
    assert trace is not None
    assert [span.status for span in trace.spans] == ["error", "error"]
    for span in trace.spans:
        assert (span.error["name"], span.error["message"]) == ("LookupError", "no such row")
        assert "test_spans.py" in span.error["stack"]
        assert span.ended_at is not None
    assert [span.output for span in trace.spans if span.name == "inner"] == ["half"]
    async with traces.span("after") as after:
        after.error = {"message": "refused"}
    failed = await traces.get_root_span(after.trace_id)
    assert failed is not None
    assert (failed.status, failed.error, after.parent_span_id) == ("error", {"message": "refused"}, None)


async def test_a_trace_of_another_process_is_continued(traces: mc.AsyncObservabilityStorage) -> None:
    """A span with ids of another process is a child there, wherever it runs."""
    async with traces.span("here"), traces.span("remote", trace_id="a" * 32, parent_span_id="b" * 16) as span:
        pass
    assert (span.trace_id, span.parent_span_id) == ("a" * 32, "b" * 16)
    async with traces.span("here"), traces.span("begun", trace_id="c" * 32) as begun:
        pass
    assert (begun.trace_id, begun.parent_span_id) == ("c" * 32, None)


@pytest.mark.parametrize("deployment", ["memory"], indirect=True)
async def test_a_deployment_that_cannot_be_reached_does_not_stop_the_work(
    deployment: mc.AsyncDeployment, caplog: pytest.LogCaptureFixture
) -> None:
    """Spans that can't be stored are told to the log, and the program goes on."""
    async with mc.connect_async("http://127.0.0.1:9", admin_key="k", retries=0, timeout=5) as nowhere:
        traces = mc.AsyncConvexStore(nowhere).observability
        with caplog.at_level(logging.WARNING, "mastra_convex.observability"):
            async with traces.span("recall") as span:
                done = True
    assert done
    assert caplog.text.count(f"span {span.span_id} of trace {span.trace_id} isn't stored: ") == 2


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((None,), {}, "name missing"),
        (("",), {}, "name is ''"),
        (("n",), {"runId": "r"}, "has no 'runId'; it has: trace_id, "),
        (("n",), {"run_id": 5}, "run_id is 5"),
        (("n",), {"attributes": [1]}, r"attributes is \[1\]; expected a mapping"),
        (("n",), {"input": {1, 2}}, "input"),
    ],
)
async def test_an_invalid_field_is_named_and_nothing_is_stored(
    traces: mc.AsyncObservabilityStorage, arguments: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    """An invalid field raises an error with the field and its value, and nothing is stored."""
    with pytest.raises(mc.InvalidArgumentError, match=f"^ObservabilityStorage.span:? ?.*{message}"):
        async with traces.span(*arguments, **options):
            pass
    assert (await traces.list_traces()).total == 0


async def test_an_output_that_is_no_json_is_named(traces: mc.AsyncObservabilityStorage) -> None:
    """An invalid output is an error at the end, unless the work failed: then its own error goes on."""

    async def work(error: Exception | None) -> None:
        async with traces.span("n") as span:
            span.output = {1, 2}
            if error is not None:
                raise error

    with pytest.raises(mc.InvalidArgumentError, match="output"):
        await work(None)
    with pytest.raises(LookupError):
        await work(LookupError())
    async with traces.span("after") as after:
        pass
    assert after.parent_span_id is None
