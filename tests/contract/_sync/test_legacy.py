# Generated from _async/test_legacy.py by tools/unasync.py: edit that.
"""`legacy.ConvexStorage`: the first release's interface over today's tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc
from tests.contract._sync._call import Inbox, nothing_follows

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)


@pytest.fixture
def storage(deployment: mc.Deployment) -> mc.legacy.ConvexStorage:
    """The storage of an empty deployment."""
    return mc.legacy.ConvexStorage(deployment)


def test_threads_go_by_their_first_names(storage: mc.legacy.ConvexStorage) -> None:
    """Threads take the first release's names and epoch milliseconds, and a store sees the same thread."""
    thread = storage.save_thread({"thread_id": "t0", "resource_id": "ada", "created_at": NOON_MS + 5})
    assert thread == mc.Thread(
        id="t0", resource_id="ada", created_at=NOON + timedelta(milliseconds=5), updated_at=thread.updated_at
    )
    assert storage.get_thread_by_id("t0") == thread == storage.store.memory.get_thread_by_id("t0")
    updated = storage.update_thread("t0", "Hello", {"a": 1})
    assert (updated.title, updated.metadata) == ("Hello", {"a": 1})
    for n in range(1, 5):
        storage.save_thread(mc.Thread(id=f"t{n}", resource_id="ada", created_at=NOON + timedelta(hours=n)))
    assert [t.id for t in storage.get_threads_by_resource_id("ada")] == ["t4", "t3", "t2", "t1", "t0"]
    page = storage.get_threads_by_resource_id_paginated("ada", page=2, per_page=2)
    assert ([t.id for t in page], page.page, page.total, page.has_more) == (["t2", "t1"], 2, 5, True)
    storage.delete_thread("t0")
    assert storage.get_thread_by_id("t0") is None


def test_messages_go_by_their_first_names(storage: mc.legacy.ConvexStorage) -> None:
    storage.save_thread({"thread_id": "t", "resource_id": "ada"})
    first = storage.save_message(
        {"message_id": "m0", "thread_id": "t", "message_type": "text", "content": "Hi", "created_at": NOON_MS}
    )
    assert (first.id, first.type, first.text, first.created_at) == ("m0", "text", "Hi", NOON)
    rest = storage.save_messages(
        [{"thread_id": "t", "content": str(n), "created_at": NOON_MS + n} for n in (1, 2)]
    )
    assert storage.get_messages("t") == [first, *rest]
    assert storage.get_message("m0") == first
    assert storage.get_message("m9") is None
    page = storage.get_messages_paginated("t", page=2, per_page=2)
    assert (page.messages, page.page, page.total, page.has_more) == (rest[1:], 2, 3, False)
    assert [m.text for m in storage.update_messages([{"message_id": "m0", "content": "Ho"}])] == ["Ho"]
    with pytest.raises(mc.ThreadNotFoundError, match="Thread x not found"):
        storage.save_message({"thread_id": "x"})


def test_messages_come_in_the_first_form_too(storage: mc.legacy.ConvexStorage) -> None:
    """In the first release's form, tool calls and results are messages whose ids derive from the whole message's id."""
    storage.save_thread({"thread_id": "t", "resource_id": "ada"})

    def call(name: str, **fields: Any) -> dict[str, Any]:
        invocation = {"toolCallId": name, "toolName": name, "args": {"q": 1}, "state": "call", **fields}
        return {"type": "tool-invocation", "toolInvocation": invocation}

    parts = [
        {"type": "text", "text": "Let me see."},
        call("search", state="result", result=[1]),
        call("ask"),
        call("updateWorkingMemory", state="result", result="ok"),
        {"type": "text", "text": "Found."},
        {"type": "reasoning", "reasoning": "hm"},
    ]
    old = [{"type": "tool-call", "toolCallId": "c", "toolName": "old", "args": {}}]
    contents: list[Any] = ["Hi", {"format": 2, "parts": parts}, old, {"format": 2, "content": "bare"}]
    for n, content in enumerate(contents):
        given = {"message_id": f"m{n}", "thread_id": "t", "content": content, "created_at": NOON_MS + n}
        storage.save_message({**given, "role": "assistant", "message_type": "tool-call" if n == 2 else "v2"})

    first = storage.get_messages("t", "v1")
    assert [(m.id, m.role, m.type, m.content) for m in first] == [
        ("m0", "assistant", "text", "Hi"),
        ("m1", "assistant", "text", "Let me see."),
        (
            "m1__split-1",
            "assistant",
            "tool-call",
            [
                {"type": "tool-call", "toolCallId": "search", "toolName": "search", "args": {"q": 1}},
                {"type": "tool-call", "toolCallId": "ask", "toolName": "ask", "args": {"q": 1}},
            ],
        ),
        (
            "m1__split-2",
            "tool",
            "tool-result",
            [{"type": "tool-result", "toolCallId": "search", "toolName": "search", "result": [1]}],
        ),
        ("m1__split-3", "assistant", "text", parts[4:]),
        ("m2", "assistant", "tool-call", old),
        ("m3", "assistant", "text", "bare"),
    ]
    assert {(m.thread_id, m.resource_id) for m in first} == {("t", "ada")}
    assert first[-1].created_at == NOON + timedelta(milliseconds=3)
    assert [m.id for m in storage.get_messages("t")] == ["m0", "m1", "m2", "m3"]


def test_callbacks_follow_a_thread_until_they_are_ended(
    storage: mc.legacy.ConvexStorage, caplog: pytest.LogCaptureFixture
) -> None:
    """An exception of a callback is logged, and the next state comes."""
    threads: Inbox[mc.Thread | None] = Inbox()
    messages: Inbox[list[mc.Message]] = Inbox()

    def fail_once(thread: mc.Thread | None) -> None:
        threads.put(thread)
        if thread is None:
            raise ValueError("no thread yet")

    ends = [storage.subscribe_to_thread("t", fail_once), storage.subscribe_to_thread_messages("t", messages.put)]
    assert [threads.take(), messages.take()] == [None, []]
    thread = storage.save_thread({"thread_id": "t", "resource_id": "ada"})
    assert threads.take() == thread
    assert "no thread yet" in caplog.text
    message = storage.save_message({"thread_id": "t", "content": "Hi"})
    assert messages.take() == [message]
    for end in ends:
        end()
        end()
    storage.delete_thread("t")
    nothing_follows()
    assert messages.is_empty()


def test_a_query_that_cannot_be_followed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    storage = mc.legacy.ConvexStorage(":memory:")
    storage.close()
    end = storage.subscribe_to_thread("t", print)
    nothing_follows()
    end()
    assert "watchThread') ended" in caplog.text


def test_rows_are_kept_by_their_columns(storage: mc.legacy.ConvexStorage) -> None:
    """Rows of Mastra's tables are records of a store; rows of other tables are stored as they are."""
    storage.ensure_tables()
    storage.create_table("mastra_threads", {"id": {"type": "text"}})
    storage.alter_table("mastra_threads", {"more": {"type": "text"}}, ["more"])
    columns = {"resourceId": "ada", "title": "", "metadata": {}, "createdAt": NOON, "updatedAt": NOON}
    storage.insert("mastra_threads", {"id": "t", **columns})
    assert storage.get_thread_by_id("t") == mc.Thread(id="t", resource_id="ada", created_at=NOON, updated_at=NOON)
    row = storage.load("mastra_threads", {"resourceId": "ada"})
    assert row == {"id": "t", **columns, "createdAt": "2026-01-01T12:00:00.000Z", "updatedAt": row and row["createdAt"]}
    assert storage.get_table_columns("mastra_threads") == ["id", *columns]
    assert storage.load("mastra_threads", {"id": "u"}) is None

    run = {"workflow_name": "w", "run_id": "r", "snapshot": "{}", "createdAt": NOON, "updatedAt": NOON}
    storage.insert("mastra_workflow_snapshot", run)
    assert storage.get_workflow_run("r") is not None
    storage.batch_insert("mine", [{"id": "a", "n": 1}, {"n": 2}])
    assert storage.load("mine", {"id": "a"}) == {"id": "a", "n": 1}
    unnamed = storage.load("mine", {"n": 2})
    assert unnamed is not None
    assert len(unnamed["id"]) == 36
    assert storage.get_table_columns("mine") == []
    storage.clear_table("mine")
    assert storage.load("mine", {"n": 1}) is None
    storage.drop_all_tables()
    assert [storage.get_thread_by_id("t"), storage.get_workflow_run("r")] == [None, None]


def test_a_trace_is_what_is_a_span_today(storage: mc.legacy.ConvexStorage) -> None:
    """Fields without a column are stored in the metadata."""
    for n in range(3):
        span = {
            "id": "s",
            "trace_id": f"t{n}",
            "name": "run",
            "start_time": NOON_MS + n,
            "kind": 1,
            "status": {"code": 0},
        }
        saved = storage.save_trace(
            {**span, "end_time": NOON_MS + n + 9, "scope": "agent", "thread_id": f"{n % 2}"}
        )
    assert (saved.span_id, saved.ended_at, saved.scope) == ("s", NOON + timedelta(milliseconds=11), "agent")
    assert saved.metadata == {"kind": 1, "status": {"code": 0}}
    storage.save_trace(mc.Span(trace_id="t0", span_id="child", parent_span_id="s", name="step"))
    assert storage.store.observability.get_root_span("t2") == saved
    assert [span.trace_id for span in storage.get_traces()] == ["t2", "t1", "t0"]
    assert [span.trace_id for span in storage.get_traces_by_thread_id("0")] == ["t2", "t0"]
    page = storage.get_traces_paginated(page=2, per_page=1, to_date=NOON_MS + 1)
    assert ([span.trace_id for span in page], page.page, page.total) == (["t0"], 2, 2)


def test_evals_are_found_by_run_and_agent(storage: mc.legacy.ConvexStorage) -> None:
    given = {"eval_id": "e", "agent_name": "a", "metric_name": "tone", "run_id": "r", "result": {"score": 1}}
    saved = storage.save_eval({**given, "created_at": NOON_MS})
    assert (saved.id, saved.created_at) == ("e", NOON)
    assert storage.get_eval("r") == saved
    assert storage.get_evals_by_agent_name("a") == [saved]
    assert storage.get_evals_by_agent_name("a", "test") == []


def test_a_run_s_state_is_its_snapshot(storage: mc.legacy.ConvexStorage) -> None:
    """A run's state is its snapshot, and its state type is the status, in which completed is today's success."""
    for n, state_type in enumerate(["running", "completed", "failed", "completed"]):
        run = {"workflow_name": "w", "run_id": f"r{n}", "state_type": state_type, "created_at": NOON_MS + n}
        saved = storage.save_workflow_run({**run, "state": {"step": n}, "resource_id": "ada"})
    assert saved.snapshot == {"context": {}, "step": 3, "status": "success"}
    assert (saved.resource_id, saved.created_at) == ("ada", NOON + timedelta(milliseconds=3))
    assert storage.get_workflow_run("r3") == storage.get_workflow_run_by_id("r3", "w") == saved
    assert storage.save_workflow_run(saved) == saved
    assert [run.run_id for run in storage.get_workflow_runs_by_state_type("completed")] == ["r3", "r1"]
    for offset, expected in ((0, ["r3", "r2"]), (1, ["r2", "r1"]), (2, ["r1"]), (3, [])):
        page = storage.get_workflow_runs("w", from_date=NOON_MS + 1, limit=2, offset=offset)
        assert ([run.run_id for run in page], page.total) == (expected, 3)
        assert (page.page, page.has_more) == (offset // 2, offset == 0)
    storage.update_workflow_runs(
        [
            {"workflow_name": "w", "run_id": "r0", "state_type": "failed", "error": "no"},
            {"workflow_name": "w", "run_id": "x"},
        ]
    )
    assert storage.store.workflows.load_workflow_snapshot("w", "r0") == {
        "context": {},
        "step": 0,
        "status": "failed",
        "error": "no",
    }
    storage.store.workflows.update_workflow_results("w", "r0", "s", 1)


BAD_CALLS: list[tuple[str, tuple[Any, ...], str]] = [
    ("save_thread", ({"thread_id": "t", "id": "t", "resource_id": "a"},), "names a field twice"),
    (
        "save_thread",
        ({"resource_id": "a", "created_at": float("nan")},),
        "created_at is nan; expected a date, or epoch",
    ),
    ("save_messages", ("hi",), "messages is 'hi'; expected a list"),
    ("get_messages_paginated", ("t", 0), "page 0; expected an integer from 1"),
    ("get_workflow_runs", (None, None, None, None, 3), "offset 3 without a limit"),
    ("get_workflow_runs", (None, None, None, -1), "limit -1; expected an integer from 0"),
    ("get_messages", ("t", "v3"), "format is 'v3'; expected one of: v1, v2"),
    ("insert", ("mastra_threads", "t"), "record is 't'; expected a mapping of columns to values"),
    ("batch_insert", ("mastra_threads", {"id": "t"}), "records is .*; expected a list"),
    ("batch_insert", ("mastra_threads", [{"id": {1}}]), r"records\[0\]\['id'\] is \{1\}"),
    ("load", ("", {"id": "t"}), "table_name is ''"),
    ("get_table_columns", ("",), "table_name is ''"),
    ("get_workflow_runs", (None, 1e300), r"from_date is 1e\+300; expected a date"),
    ("save_workflow_run", ("r",), "workflow_run is 'r'; expected a mapping"),
    ("save_workflow_run", ({"workflow_name": "w", "run_id": "r", "state": "s"},), "state is 's'; expected a dict"),
    ("save_workflow_run", ({"workflow_name": "w"},), "run_id missing"),
    ("save_workflow_run", ({"workflow_name": "w", "run_id": "r", "steps": 1},), "has no 'steps'"),
    ("update_workflow_runs", ([{"workflow_name": "w", "run_id": "r", "resource_id": "a"}],), "has no 'resource_id'"),
]


@pytest.mark.parametrize(("method", "arguments", "message"), BAD_CALLS)
def test_invalid_arguments_are_named(
    storage: mc.legacy.ConvexStorage, method: str, arguments: tuple[Any, ...], message: str
) -> None:
    with pytest.raises(mc.InvalidArgumentError, match=rf"^ConvexStorage\.{method}: .*{message}"):
        getattr(storage, method)(*arguments)


def test_credentials_go_by_their_first_names(deployment: mc.Deployment) -> None:
    """Credentials have the first release's names. They are refused beside an open deployment, which has its own."""
    with mc.legacy.ConvexStorage(
        "http://127.0.0.1:9", {"threads": {}}, admin_auth_token="secret"
    ) as storage:
        assert "secret" not in repr(storage)
    with pytest.raises(TypeError, match="admin_key"):
        mc.legacy.ConvexStorage(deployment, admin_auth_token="secret")
