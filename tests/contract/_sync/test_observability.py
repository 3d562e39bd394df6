# Generated from _async/test_observability.py by tools/unasync.py: edit that.
"""Traces, made of spans, and evals."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

import mastra_convex as mc
from tests.contract._sync._call import together

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def traces(deployment: mc.Deployment) -> mc.ObservabilityStorage:
    return mc.ConvexStore(deployment).observability


def second(n: int) -> datetime:
    return START + timedelta(seconds=n)


def span(trace_id: str = "t", span_id: str = "root", **fields: Any) -> dict[str, Any]:
    return {"trace_id": trace_id, "span_id": span_id, "name": "agent", **fields}


def test_a_span_comes_back_as_it_was_created(traces: mc.ObservabilityStorage) -> None:
    """A span comes back as it was created, with unchanged keys."""
    odd = {"$schema": ["ü", None, {"camelCase": 1}]}
    given = mc.Span(
        trace_id="t",
        span_id="s",
        name="generate",
        span_type="model_generation",
        parent_span_id="root",
        started_at=START,
        ended_at=second(1),
        attributes=odd,
        metadata=odd,
        tags=["a", "b"],
        input="text",
        output=odd,
        error={"message": "no"},
        thread_id="thread",
    )
    assert traces.create_span(given) == given
    assert traces.get_span("t", "s") == given
    assert given.status == "error"
    assert traces.get_span("t", "other") is None
    assert traces.get_root_span("t") is None


def test_missing_fields_are_filled_in(traces: mc.ObservabilityStorage) -> None:
    """Missing fields are filled in, and creating a span again replaces it."""
    first = traces.create_span(span(tags=["a"], ended_at=second(1)))
    assert (first.span_type, first.is_event, first.status) == ("generic", False, "success")
    assert datetime.now(UTC) - first.started_at < timedelta(minutes=1)
    second_time = traces.create_span(span(name="again", created_at=START))
    assert (second_time.status, second_time.tags) == ("running", None)
    found = traces.get_root_span("t")
    assert found is not None
    assert (found.name, found.tags, found.ended_at, found.created_at) == ("again", None, None, first.created_at)


def test_spans_whose_names_join_to_one_are_two(traces: mc.ObservabilityStorage) -> None:
    """The span `c` of trace `a-b` differs from the span `b-c` of trace `a`."""
    traces.batch_create_spans([span("a-b", "c"), span("a", "b-c", name="other")])
    traces.update_span("a", "b-c", {"ended_at": second(1)})
    one, two = traces.get_span("a-b", "c"), traces.get_span("a", "b-c")
    assert one is not None
    assert two is not None
    assert [(one.name, one.status), (two.name, two.status)] == [("agent", "running"), ("other", "success")]


def test_an_update_changes_what_it_names(traces: mc.ObservabilityStorage) -> None:
    """An update changes the given fields, None clears one, and an unknown span is an error."""
    created = traces.create_span(span(input={"q": 1}, error={"message": "no"}))
    traces.update_span("t", "root", {"ended_at": second(2), "output": {"$a": 1}, "error": None})
    found = traces.get_span("t", "root")
    assert found is not None
    assert (found.status, found.input, found.output) == ("success", {"q": 1}, {"$a": 1})
    assert (found.started_at, found.created_at) == (created.started_at, created.created_at)
    assert found.updated_at is not None
    with pytest.raises(mc.NotFoundError, match="trace 't' has no span 'other'"):
        traces.update_span("t", "other", {"ended_at": second(2)})


def test_many_spans_are_created_and_updated_in_one_call(traces: mc.ObservabilityStorage) -> None:
    """One call takes more spans than a transaction, ignores unknown ones, and the later of two updates wins."""
    traces.batch_create_spans([span(span_id=f"s{n}", started_at=second(n)) for n in range(1_200)])
    updates = [{"trace_id": "t", "span_id": f"s{n}", "updates": {"ended_at": second(n + 1)}} for n in range(1_200)]
    unknown = {"trace_id": "t", "span_id": "unknown", "updates": {"name": "x"}}
    twice = [{"trace_id": "t", "span_id": "s0", "updates": {"name": name}} for name in ("first", "last")]
    traces.batch_update_spans([*updates, unknown, *twice])
    trace = traces.get_trace("t")
    assert trace is not None
    assert [found.span_id for found in trace.spans] == [f"s{n}" for n in range(1_200)]
    assert all(found.ended_at == second(n + 1) for n, found in enumerate(trace.spans))
    assert trace.spans[0].name == "last"
    traces.batch_create_spans([])
    traces.batch_update_spans([])


def test_traces_are_deleted_with_all_their_spans(traces: mc.ObservabilityStorage) -> None:
    """Deleting a trace deletes all its spans and no others."""
    traces.batch_create_spans([span("long", f"s{n}") for n in range(700)])
    traces.batch_create_spans([span("short"), span("kept")])
    traces.batch_delete_traces(["long", "short", "unknown"])
    traces.batch_delete_traces([])
    assert [traces.get_trace(id) for id in ("long", "short", "unknown")] == [None, None, None]
    assert [found.trace_id for found in traces.list_traces()] == ["kept"]


def test_updates_at_once_lose_nothing(traces: mc.ObservabilityStorage) -> None:
    """Sixteen exporters update different fields of one span, and no update is lost."""
    fields = ["user_id", "run_id", "thread_id", "session_id", "request_id", "source", "environment", "service_name"]
    traces.create_span(span())
    together([partial(traces.update_span, "t", "root", {field: field}) for field in fields])
    found = traces.get_span("t", "root")
    assert found is not None
    assert [getattr(found, field) for field in fields] == fields


def created(traces: mc.ObservabilityStorage) -> None:
    """Eight traces, a second apart; each has a child, and the odd ones' children failed."""
    spans = []
    for n in range(8):
        spans.append(
            span(
                f"t{n}",
                started_at=second(n),
                ended_at=None if n % 4 == 3 else second(20 - n),
                error={"message": "no"} if n == 2 else None,
                span_type="agent_run" if n < 6 else "workflow_run",
                entity_id=f"e{n % 3}",
                thread_id=f"thread{n % 2}",
                run_id=f"run{n // 4}",
                resource_id="ada" if n < 3 else None,
                environment="production",
                metadata={"n": n, "kind": {"$deep": n % 2}} if n else None,
                scope={"version": 1},
                tags=["all", f"tag{n % 2}"] if n else None,
            )
        )
        child = {"parent_span_id": "root", "error": "no" if n % 2 else None, "started_at": second(30)}
        spans.append(span(f"t{n}", "child", thread_id="thread0", **child))
    traces.batch_create_spans(spans)


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, [7, 6, 5, 4, 3, 2, 1, 0]),
    ({"trace_id": "t5"}, [5]),
    ({"span_type": "workflow_run"}, [7, 6]),
    ({"entity_id": "e1"}, [7, 4, 1]),
    ({"thread_id": "thread0"}, [6, 4, 2, 0]),
    ({"run_id": "run1", "thread_id": "thread1"}, [7, 5]),
    ({"resource_id": "ada", "environment": "production"}, [2, 1, 0]),
    ({"environment": "test"}, []),
    ({"started_at": {"start": second(2), "end": second(4)}}, [4, 3, 2]),
    ({"started_at": {"start": second(2), "start_exclusive": True, "end": second(4), "end_exclusive": True}}, [3]),
    ({"started_at": {"end": second(3)}, "thread_id": "thread1"}, [3, 1]),
    ({"ended_at": {"start": second(16)}}, [4, 2, 1, 0]),
    ({"ended_at": {"end": second(15)}}, [6, 5]),
    ({"status": "running"}, [7, 3]),
    ({"status": "error"}, [2]),
    ({"status": "success"}, [6, 5, 4, 1, 0]),
    ({"status": "running", "ended_at": {"start": START}}, []),
    ({"has_child_error": True}, [7, 5, 3, 2, 1]),
    ({"has_child_error": False, "thread_id": "thread0"}, [6, 4, 0]),
    ({"metadata": {"n": 3}}, [3]),
    ({"metadata": {"kind": {"$deep": 1}}, "has_child_error": True}, [7, 5, 3, 1]),
    ({"scope": {"version": 1}, "entity_id": "e0"}, [6, 3, 0]),
    ({"scope": {"version": True}}, []),
    ({"tags": ["all", "tag0"]}, [6, 4, 2]),
    ({"tags": []}, [7, 6, 5, 4, 3, 2, 1, 0]),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS, ids=str)
def test_traces_are_listed_by_their_roots(
    traces: mc.ObservabilityStorage, filters: dict[str, Any], expected: list[int]
) -> None:
    """Lists of traces take all filters, come latest first, and their pages concatenate to the whole list."""
    created(traces)
    everything = traces.list_traces(filters=filters)
    assert [found.trace_id for found in everything] == [f"t{n}" for n in expected]
    assert {found.span_id for found in everything} <= {"root"}
    assert (everything.total, everything.has_more, everything.per_page) == (len(expected), False, 10)
    assert [found for found in traces.iter_traces(filters=filters)] == list(everything)
    oldest_first = traces.list_traces(filters=filters, order_by={"direction": "ASC"})
    assert list(oldest_first) == list(everything)[::-1]
    for per_page in (1, 3):
        pages = [
            traces.list_traces(filters=filters, pagination={"page": page, "per_page": per_page})
            for page in range(len(expected) // per_page + 1)
        ]
        assert [found for page in pages for found in page] == list(everything)
        assert {page.total for page in pages} == {len(expected)}


def test_traces_that_run_end_after_all_others(traces: mc.ObservabilityStorage) -> None:
    """Running traces sort after all others by end time, as in Mastra's own store."""
    created(traces)
    by_end: mc.TraceOrderBy = {"field": "ended_at", "direction": "ASC"}
    found = traces.list_traces(order_by=by_end)
    assert [each.trace_id for each in found] == ["t6", "t5", "t4", "t2", "t1", "t0", "t3", "t7"]
    found = traces.list_traces(order_by={**by_end, "direction": "DESC"}, pagination={"per_page": None})
    assert [each.trace_id for each in found] == ["t7", "t3", "t0", "t1", "t2", "t4", "t5", "t6"]
    traces.update_span("t3", "root", {"ended_at": second(15) + timedelta(milliseconds=1)})
    found = traces.list_traces(order_by=by_end, pagination={"per_page": 3})
    assert [each.trace_id for each in found] == ["t6", "t5", "t3"]


def test_evals_come_back_as_they_were_saved(traces: mc.ObservabilityStorage) -> None:
    """Evals are found by run and by agent, newest first, made by tests or not."""
    for n in range(6):
        traces.save_eval(
            {
                "id": f"e{n}",
                "agent_name": f"agent{n % 2}",
                "metric_name": "tone",
                "run_id": f"run{n}",
                "result": {"score": n, "$info": "ü"},
                "created_at": second(n),
                "test_info": {"testName": "x"} if n > 3 else None,
            }
        )
    given = mc.Eval(agent_name="other", metric_name="facts", input="q", output="a", instructions="be kind")
    assert traces.save_eval(given) == given
    assert traces.get_eval(given.run_id) == given
    found = traces.get_eval("run5")
    assert found is not None
    assert (found.result, found.test_info) == ({"score": 5, "$info": "ü"}, {"testName": "x"})
    assert traces.get_eval("unknown") is None

    def ids(agent_name: str, *type: Any) -> list[str]:
        return [each.id for each in traces.get_evals_by_agent_name(agent_name, *type)]

    assert ids("agent0") == ["e4", "e2", "e0"]
    assert [ids("agent0", "test"), ids("agent0", "live")] == [["e4"], ["e2", "e0"]]
    assert ids("unknown") == []
    page = traces.list_evals(pagination={"page": 1, "per_page": 3})
    assert [each.id for each in page] == ["e3", "e2", "e1"]
    assert (page.total, page.has_more) == (7, True)


BAD_CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("create_span", ({"trace_id": "t", "name": "n"},), {}, "span_id missing"),
    ("create_span", (span(trace_id=""),), {}, "trace_id is ''"),
    ("create_span", (span(input={1}),), {}, "input is .* a set"),
    ("create_span", (span(output="x" * (1 << 20)),), {}, "of which output has"),
    ("create_span", (span(started_at="soon"),), {}, "started_at is 'soon'"),
    ("batch_create_spans", ([span("u"), span(is_event=1)],), {}, r"records\[1\]: is_event is 1"),
    ("batch_create_spans", (span("u"),), {}, "expected a list"),
    ("update_span", ("t", "root", {"spanType": "x"}), {}, "has no 'spanType'"),
    ("update_span", ("t", "root", {"trace_id": "u"}), {}, "can't change"),
    ("update_span", ("t", "", {"name": "x"}), {}, "span_id is ''"),
    ("update_span", ("t", "root", {"name": None}), {}, "updates: name is None; a Span can't be without it"),
    ("batch_update_spans", ([{"trace_id": "t", "updates": {}}],), {}, r"records\[0\]: span_id is None"),
    ("batch_delete_traces", (["t", ""],), {}, r"trace_ids\[1\] is ''"),
    ("batch_delete_traces", ("t",), {}, "trace_ids is 't'; expected a list"),
    ("get_trace", ("",), {}, "trace_id is ''"),
    ("list_traces", (), {"filters": {"threadId": "t"}}, "filters has no 'threadId'"),
    ("list_traces", (), {"filters": {"status": "done"}}, "status is 'done'; expected one of: error"),
    ("list_traces", (), {"filters": {"tags": "a"}}, "tags is 'a'; expected a list"),
    ("list_traces", (), {"filters": {"started_at": {"start": "soon"}}}, "filters started_at start is 'soon'"),
    ("list_traces", (), {"filters": {"has_child_error": "no"}}, "has_child_error is 'no'; expected True or False"),
    ("list_traces", (), {"pagination": {"page": -1}}, "page"),
    ("list_traces", (), {"pagination": {"per_page": -1}}, "per_page"),
    ("list_traces", (), {"order_by": {"field": "name"}}, "order_by field 'name'"),
    ("save_eval", ({"agent_name": "a"},), {}, "metric_name missing"),
    ("save_eval", ({"agent_name": "a", "metric_name": "m", "result": 1},), {}, "result is 1; expected a dict"),
    ("list_evals", (), {"type": "both"}, "type is 'both'; expected one of: test, live"),
]


@pytest.mark.parametrize(("method", "arguments", "options", "message"), BAD_CALLS)
def test_invalid_arguments_are_named_and_change_nothing(
    traces: mc.ObservabilityStorage,
    method: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    message: str,
) -> None:
    """An invalid argument raises an error with the method, the argument, its value and the expected form, and changes
    nothing.
    """
    before = traces.create_span(span())
    with pytest.raises(mc.InvalidArgumentError, match=rf"ObservabilityStorage\.{method}.*{message}"):
        getattr(traces, method)(*arguments, **options)
    trace = traces.get_trace("t")
    assert trace is not None
    assert trace.spans == [before]
    assert (traces.list_traces()).total == 1
