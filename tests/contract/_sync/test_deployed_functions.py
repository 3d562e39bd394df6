# Generated from _async/test_deployed_functions.py by tools/unasync.py: edit that.
"""`ConvexStore` with the deployed functions: older ones, npm's, or none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import mastra_convex as mc
from mastra_convex import _native
from tests.support.checkout import FUNCTIONS
from tests.support.folders import OURS, functions_with

OpenStore = Callable[[Path], mc.ConvexStore]


@pytest.fixture(params=["embedded", "served"])
def open_store(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    """Opens stores over folders of functions, in this process and over HTTP."""
    ends: list[Callable[[], None]] = []
    stores: list[mc.ConvexStore] = []

    def open_over(functions: Path) -> mc.ConvexStore:
        if request.param == "embedded":
            stores.append(mc.ConvexStore(":memory:", functions=functions))
        else:
            deployment = _native.EmbeddedDeployment(None, functions=functions, limits="convex", synchronous="full")
            server = _native.HttpServer(deployment, host="127.0.0.1", port=0, folder=None)
            ends.append(server.stop)
            stores.append(mc.ConvexStore(server.url, admin_key=server.admin_key))
        return stores[-1]

    yield open_over
    for store in stores:
        store.close()
    for end in ends:
        end()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions of npm ``@mastra/convex``."""
    folder = tmp_path_factory.mktemp("convex")
    script = FUNCTIONS / "original" / "bundle.js"
    subprocess.run(["node", str(script), str(folder)], check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
def upstream(open_store: OpenStore, original: Path) -> mc.MemoryStorage:
    """A memory over the functions of npm ``@mastra/convex``."""
    store = open_store(original)
    store.init()
    return store.memory


def test_a_store_needs_its_functions(open_store: OpenStore) -> None:
    """Without deployed functions, the error names the missing function and says how to deploy it."""
    store = open_store(FUNCTIONS / "plain")
    for call in (store.init, store.memory.list_threads, store.workflows.list_workflow_runs):
        with pytest.raises(mc.FunctionNotFoundError, match="mastra/storage:handle") as raised:
            call()
        assert "npx convex deploy" in (raised.value.hint or "")
        assert raised.value.code == "FunctionNotFound"


def test_older_functions_do_what_they_can(open_store: OpenStore, tmp_path: Path) -> None:
    """With older functions, a missing operation raises an error with the existing operations and the functions to
    deploy, and changes nothing.
    """
    records = (OURS / "mastra/operations/records.ts").read_text().replace("  queryPage,\n", "")
    storage = (OURS / "mastra/operations/storage.ts").read_text().replace("  fenced: fenced(prepare),\n", "")
    older = {"mastra/operations/records.ts": records, "mastra/operations/storage.ts": storage}
    store = open_store(functions_with(tmp_path / "convex", older))
    store.init()
    thread = store.memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    assert [thread.id for thread in store.memory.iter_threads()] == ["t"]
    with pytest.raises(
        mc.UnsupportedOperationError, match=r"version 1, have no 'queryPage' for mastra_threads; .* queryTable"
    ) as raised:
        store.memory.list_threads()
    assert "updateThread" in raised.value.details["operations"]
    assert "npx convex deploy" in (raised.value.hint or "")
    fence = mc.RunFence("r", 1, "me")
    with pytest.raises(mc.UnsupportedOperationError, match=r"no 'fenced' for mastra_memory_run_fences"):
        store.memory.update_thread("t", title="lost", fence=fence)
    assert store.memory.get_thread_by_id("t") == thread


def test_upstream_s_functions_serve_threads_and_messages(upstream: mc.MemoryStorage) -> None:
    """Npm's functions serve threads and messages in the requested order and pages, though they support neither."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for n in range(3):
        thread = {"id": f"t{n}", "resource_id": "ada", "metadata": {"$n": n}, "created_at": noon + timedelta(hours=n)}
        upstream.save_thread(thread)
    messages = upstream.save_messages(
        [
            mc.Message(id=f"m{n}", thread_id="t0", content=str(n), created_at=noon + timedelta(seconds=n), role=role)
            for n, role in enumerate(["user", "assistant", "system", "user", "user"])
        ]
    )
    assert {message.resource_id for message in messages} == {"ada"}
    assert [thread.id for thread in upstream.list_threads(filter={"resource_id": "ada"})] == ["t2", "t1", "t0"]
    assert [message for message in upstream.iter_messages("t0", order_by={"direction": "DESC"})] == messages[::-1]
    page = upstream.list_messages("t0", per_page=2, page=1, order_by={"direction": "DESC"})
    assert (page.messages, page.total, page.has_more) == ([messages[2], messages[1]], 5, True)
    page = upstream.list_messages(
        "t0", filter={"roles": ["user", "system"], "date_range": {"start": noon, "start_exclusive": True}}
    )
    assert (page.messages, page.total) == (messages[2:], 3)
    include = [{"id": "m2", "with_previous_messages": 1, "with_next_messages": 1}]
    assert (upstream.list_messages("t0", per_page=0, include=include)).messages == messages[1:4]
    for ids in ([], ["m0", "stranger"]):
        upstream.save_thread({"id": "t0", "resource_id": "ada", "updated_at": noon})
        (upstream.delete_messages(ids) if ids else upstream.save_messages(messages[:1]))
        thread = upstream.get_thread_by_id("t0")
        assert thread is not None
        assert thread.updated_at > noon
    assert upstream.list_messages_by_id(["m1", "m0"]) == messages[1:2]
    with pytest.raises(mc.ThreadNotFoundError, match=r"^MemoryStorage.save_messages: Thread x not found"):
        upstream.save_messages([mc.Message(thread_id="x")])
    upstream.delete_thread("t0")
    assert (upstream.list_messages("t0")).total == 0
    assert (upstream.list_threads()).total == 2


def test_upstream_s_functions_serve_resources_and_observations(upstream: mc.MemoryStorage) -> None:
    """Npm's functions serve resources and observations, and initialize a memory once."""
    upstream.update_resource("ada", metadata={"a": 1})
    resource = upstream.update_resource("ada", working_memory="x")
    assert resource == upstream.get_resource_by_id("ada")
    assert resource.metadata == {"a": 1}
    first = upstream.initialize_observational_memory(thread_id="t", resource_id="ada")
    assert upstream.initialize_observational_memory(thread_id="t", resource_id="ada") == first
    upstream.update_buffered_observations(first.id, {"cycle_id": "c", "observations": "o", "message_tokens": 5})
    assert (upstream.swap_buffered_to_active(first.id, 1, 5, 5)).chunks_activated == 1
    record = upstream.get_observational_memory("t", "ada")
    assert record is not None
    assert record.active_observations == "o"


def test_upstream_s_functions_serve_the_other_domains(open_store: OpenStore, original: Path) -> None:
    """Npm's functions serve the other domains, including lists by columns that they lack."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    store = open_store(original)
    for n, status in enumerate(("running", "suspended", "running")):
        snapshot = {"status": status, "context": {}, "n": n}
        store.workflows.persist_workflow_snapshot("w", f"r{n}", snapshot, created_at=noon + timedelta(hours=n))
    page = store.workflows.list_workflow_runs(status="running", per_page=1)
    assert ([run.run_id for run in page], page.total, page.has_more) == (["r2"], 2, True)
    assert store.workflows.update_workflow_results("w", "r0", "s", {"output": 1}) == {"s": {"output": 1}}
    store.workflows.delete_workflow_run_by_id("r0", "w")
    assert store.workflows.get_workflow_run_by_id("r0") is None

    for n in range(3):
        created_at = noon + timedelta(hours=n)
        task = {"id": f"t{n}", "tool_name": "search", "agent_id": "a", "created_at": created_at}
        store.background_tasks.create_task(task)
        score = {"id": f"s{n}", "scorer_id": "tone", "run_id": "r", "score": n, "created_at": created_at}
        store.scores.save_score(score)
        evaluated = {"id": f"e{n}", "agent_name": "a", "metric_name": "tone", "created_at": created_at}
        store.observability.save_eval(evaluated)
        trigger = {"schedule_id": "s", "scheduled_fire_at": n, "actual_fire_at": n, "outcome": "published"}
        store.schedules.record_trigger(trigger)
    with pytest.raises(mc.AlreadyExistsError):
        store.background_tasks.create_task({"id": "t0", "tool_name": "search", "agent_id": "a"})
    assert store.background_tasks.update_task("t1", {"status": "running", "started_at": noon})
    found = store.background_tasks.list_tasks(order_by="started_at", order_direction="desc", per_page=2)
    assert ([task.id for task in found], found.total) == (["t1", "t2"], 3)
    assert store.background_tasks.get_running_count() == 1
    scores = store.scores.list_scores_by_run_id("r", {"page": 1, "per_page": 2})
    assert ([score.id for score in scores], scores.total) == (["s0"], 3)
    assert [each.id for each in store.observability.get_evals_by_agent_name("a")] == ["e2", "e1", "e0"]

    store.schedules.create_schedule({"id": "s", "target": {"type": "agent"}, "cron": "@daily", "next_fire_at": 5})
    assert [due.id for due in store.schedules.list_due_schedules(5)] == ["s"]
    assert [fired.actual_fire_at for fired in store.schedules.list_triggers("s", limit=2)] == [2, 1]
    store.schedules.delete_schedule("s")
    assert [store.schedules.list_schedules(), store.schedules.list_triggers("s")] == [[], []]
    store.channels.save_installation({"id": "i", "platform": "slack", "agent_id": "a"})
    assert [each.id for each in store.channels.list_installations("slack")] == ["i"]

    for thread, type in (("t", "task"), ("t", "task-x"), ("t-task", "x")):
        store.thread_state.set_state(thread, type, [thread, type])
    for _ in range(2):
        store.thread_state.delete_state("t", "task")
    assert [state.value for state in store.thread_state.list_states("t")] == [["t", "task-x"]]
    assert store.thread_state.get_state("t-task", "x") == ["t-task", "x"]


def test_conditions_that_upstream_s_functions_would_ignore_are_refused(
    open_store: OpenStore, original: Path
) -> None:
    """Operations whose conditions npm's functions would ignore are refused."""
    store = open_store(original)
    store.workflows.persist_workflow_snapshot("w", "r", {"status": "running", "context": {}})
    store.background_tasks.create_task({"id": "t", "tool_name": "search", "agent_id": "a"})
    thread = store.memory.save_thread({"id": "t", "resource_id": "ada"})
    for call in (
        lambda: store.workflows.update_workflow_state("w", "r", {"status": "failed"}, expected_status="suspended"),
        lambda: store.background_tasks.update_task("t", {"status": "failed"}, expected_status="running"),
        lambda: store.memory.update_thread_metadata("t", lambda _: {"lost": True}),
        lambda: store.memory.raise_run_fence(mc.RunFence("r", 1, "me")),
        lambda: store.memory.update_thread("t", title="lost", fence=mc.RunFence("r", 1, "me")),
        lambda: store.background_tasks.claim_task("me"),
        lambda: store.notifications.create_notification(
            {"thread_id": "t", "source": "s", "kind": "k", "summary": "lost"}
        ),
        lambda: store.observability.create_span({"trace_id": "t", "span_id": "s", "name": "n"}),
        lambda: store.workflows.claim_run_ownership("r", "me", 1000),
        lambda: store.schedules.run(print),
        lambda: store.observability.span("n").__enter__(),
    ):
        with pytest.raises(mc.UnsupportedOperationError, match="npm @mastra/convex's"):
            call()
    task = store.background_tasks.get_task("t")
    assert task is not None
    assert task.status == "pending"
    assert store.memory.get_thread_by_id("t") == thread
    assert store.workflows.load_workflow_snapshot("w", "r") == {"status": "running", "context": {}}


def test_an_operation_that_upstream_s_functions_lack_is_an_error(upstream: mc.MemoryStorage) -> None:
    """An operation that npm's functions lack raises an error that says that npm's functions are deployed."""
    upstream.save_thread(mc.Thread(id="t", resource_id="ada"))
    with pytest.raises(mc.UnsupportedOperationError, match="npm @mastra/convex's, have no 'copyThread'") as raised:
        upstream.copy_thread("t")
    assert "npx convex deploy" in (raised.value.hint or "")


def test_upstream_s_functions_have_no_live_queries(open_store: OpenStore, original: Path) -> None:
    """A list of the cache can't be followed, and an unknown row of a native index is found out by a second call."""
    store = open_store(original)
    with pytest.raises(mc.FunctionNotFoundError) as raised:
        mc.ConvexServerCache(store._deployment).follow("l").next(timeout=20)
    assert "npx convex deploy" in (raised.value.hint or "")
    indexes = {"docs": mc.NativeIndex("docs_vectors", 3)}
    native = mc.ConvexNativeVector(store._deployment, indexes=indexes)
    native.upsert("docs", [[1, 0, 0]], ids=["a"])
    native.update_vector("docs", "a", metadata={"n": 1})
    with pytest.raises(mc.NotFoundError, match="has no row 'b'"):
        native.update_vector("docs", "b", metadata={"n": 1})


def test_upstream_s_functions_lose_no_rows_silently(
    open_store: OpenStore, original: Path, tmp_path: Path
) -> None:
    """A list beyond the limit of npm's functions raises an error, instead of ending early."""
    functions = Path(shutil.copytree(original, tmp_path / "convex"))
    shutil.copy(FUNCTIONS / "copies" / "copies.ts", functions)
    store = open_store(functions)
    store.init()
    store.memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    store.memory.save_messages([mc.Message(id="0", thread_id="t")])
    store._deployment.mutation("copies:make", {"prefix": "a", "count": 4096})
    store._deployment.mutation("copies:make", {"prefix": "b", "count": 4095})
    assert (store.memory.list_messages("t")).total == 8192
    store._deployment.mutation("copies:make", {"prefix": "c", "count": 1})
    with pytest.raises(mc.LimitExceededError):
        store.memory.list_messages("t")
