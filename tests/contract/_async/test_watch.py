"""Watching records of a store: the newest state comes first, then each change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc


@pytest.fixture
def store(deployment: mc.AsyncDeployment) -> mc.AsyncConvexStore:
    """The store of an empty deployment."""
    return mc.AsyncConvexStore(deployment)


async def reached(
    states: mc.AsyncSubscription[Any], wanted: object, shown: Callable[[Any], object] = lambda state: state
) -> None:
    """Wait for a state. Over HTTP, states on the way to it may come before."""
    found: object = None
    while found != wanted:
        try:
            found = shown(await states.next(timeout=20))
        except mc.TransportTimeoutError:
            pytest.fail(f"the last state was {found!r}; expected {wanted!r}")


def ids(records: Iterable[Any]) -> list[str]:
    return [record.id for record in records]


async def test_a_thread_and_its_messages_are_watched(store: mc.AsyncConvexStore) -> None:
    """Watching one record returns it or None. Watching several returns a list of records in order."""
    thread, messages = store.watch_thread("t1"), store.watch_messages("t1")
    latest = store.watch_messages("t1", limit=1, order="desc")
    threads = store.watch_threads_by_resource("ada")
    assert [await thread.next(), await messages.next(), await latest.next(), await threads.next()] == [None, [], [], []]
    saved = await store.memory.save_thread(mc.Thread(id="t1", resource_id="ada", title="Hello"))
    assert await thread.next(timeout=20) == saved
    assert await threads.next(timeout=20) == [saved]
    texts = ["one", "two"]
    await store.memory.save_messages([mc.Message(thread_id="t1", role="user", content=text) for text in texts])
    found = await messages.next(timeout=20)
    assert found == (await store.memory.list_messages("t1")).messages
    assert [message.text for message in found] == texts
    assert await latest.next(timeout=20) == found[-1:]
    await store.memory.delete_thread("t1")
    await reached(thread, None)
    await reached(messages, [])


async def test_the_newest_messages_are_watched(store: mc.AsyncConvexStore) -> None:
    """A watched chat shows its newest messages beyond the first 100, the oldest of them first."""
    await store.memory.save_thread(mc.Thread(id="t1", resource_id="ada"))
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    messages = [
        mc.Message(id=f"m{n}", thread_id="t1", content=f"{n}", created_at=noon + timedelta(seconds=n))
        for n in range(120)
    ]
    await store.memory.save_messages(messages[:110])
    shown = {
        "100 oldest first": (store.watch_messages("t1"), slice(-100, None), 1),
        "last 3": (store.watch_messages("t1", last=3), slice(-3, None), 1),
        "last 3, newest first": (store.watch_messages("t1", last=3, order="desc"), slice(-3, None), -1),
        "newest first": (store.watch_messages("t1", order="desc"), slice(-100, None), -1),
        "first 3": (store.watch_messages("t1", limit=3), slice(3), 1),
    }

    async def check(texts: list[str], names: Iterable[str]) -> None:
        for name in names:
            states, part, step = shown[name]
            assert [message.text for message in await states.next(timeout=20)] == texts[part][::step], name

    await check([f"{n}" for n in range(110)], shown)
    await store.memory.save_messages(messages[110:])
    # The first three states never change.
    await check([f"{n}" for n in range(120)], [name for name in shown if name != "first 3"])


async def test_a_resource_is_watched(store: mc.AsyncConvexStore) -> None:
    """A watched resource is None until it is created, then shows its working memory."""
    resource = store.watch_resource("ada")
    assert await resource.next() is None
    updated = await store.memory.update_resource("ada", working_memory="likes tea")
    assert await resource.next(timeout=20) == updated


async def test_runs_are_watched(store: mc.AsyncConvexStore) -> None:
    """Watching returns one run, or the runs of a workflow, of a resource, of both, or all, newest first."""
    run = store.watch_workflow_run("w1", "r1")
    lists = {
        "r3 r2 r1": store.watch_workflow_runs(),
        "r2 r1": store.watch_workflow_runs(workflow_name="w1"),
        "r3 r1": store.watch_workflow_runs(resource_id="ada"),
        "r1": store.watch_workflow_runs(workflow_name="w1", resource_id="ada"),
        "r3": store.watch_workflow_runs(limit=1),
    }
    assert await run.next() is None
    for number, (workflow, resource) in enumerate([("w1", "ada"), ("w1", "bob"), ("w2", "ada")], start=1):
        await store.workflows.persist_workflow_snapshot(
            workflow_name=workflow,
            run_id=f"r{number}",
            resource_id=resource,
            snapshot={"status": "running"},
            created_at=f"2026-01-0{number}T00:00:00Z",
        )
    assert await run.next(timeout=20) == await store.workflows.get_workflow_run_by_id("r1")
    for wanted, runs in lists.items():
        assert " ".join(run.run_id for run in await runs.next(timeout=20)) == wanted


BAD: list[tuple[Callable[[mc.AsyncConvexStore], Any], str]] = [
    (lambda store: store.watch_thread(""), r"watch_thread: thread_id is ''; expected text, not empty"),
    (lambda store: store.watch_messages("t1", last=0), r"watch_messages: last 0; expected a positive integer"),
    (
        lambda store: store.watch_messages("t1", last=1, limit=1),
        r"watch_messages: last 1 and limit 1; expected one of them",
    ),
    (lambda store: store.watch_messages("t1", limit=0), r"watch_messages: limit 0; expected a positive integer"),
    (
        lambda store: store.watch_messages("t1", order="up"),
        r"watch_messages: order is 'up'; expected one of: asc, desc",
    ),
    (lambda store: store.watch_threads_by_resource(1), r"watch_threads_by_resource: resource_id is 1; expected text"),
    (lambda store: store.watch_resource(None), r"watch_resource: resource_id is None; expected text"),
    (lambda store: store.watch_workflow_run("w", ""), r"watch_workflow_run: run_id is ''; expected text"),
    (lambda store: store.watch_workflow_runs(workflow_name=""), r"watch_workflow_runs: workflow_name is ''"),
    (lambda store: store.watch_workflow_runs(limit=True), r"watch_workflow_runs: limit True; expected a positive"),
    (lambda store: store.watch_thread_state("t", ""), r"watch_thread_state: type is ''; expected text, not empty"),
    (lambda store: store.watch_thread_states(None), r"watch_thread_states: thread_id is None; expected text"),
    (lambda store: store.watch_notifications(""), r"watch_notifications: thread_id is ''; expected text, not empty"),
    (
        lambda store: store.watch_notifications("t", status="new"),
        r"watch_notifications: status is 'new'; expected one of: pending",
    ),
    (
        lambda store: store.watch_experiments(status="new"),
        r"watch_experiments: status is 'new'; expected one of: pending",
    ),
    (lambda store: store.watch_experiments(dataset_id=1), r"watch_experiments: dataset_id is 1; expected text"),
]


@pytest.mark.parametrize(("watch", "message"), BAD, ids=[message for _, message in BAD])
async def test_bad_input_is_refused_at_once(
    store: mc.AsyncConvexStore, watch: Callable[[mc.AsyncConvexStore], Any], message: str
) -> None:
    """Invalid arguments are refused before a query is followed, with place, value and expected form."""
    with pytest.raises(mc.InvalidArgumentError, match=message):
        watch(store)


async def test_traces_are_watched(store: mc.AsyncConvexStore) -> None:
    """Watching traces returns their root spans, newest first: all, or those of a run, thread, resource or entity."""
    wanted: dict[str, dict[str, str]] = {
        "all": {},
        "run": {"run_id": "r1"},
        "thread": {"thread_id": "t1"},
        "resource": {"resource_id": "ada"},
        "entity": {"entity_id": "e1"},
        "both": {"run_id": "r1", "resource_id": "ada"},
    }
    states = {name: store.watch_traces(**filters) for name, filters in wanted.items()}
    last = store.watch_traces(limit=1)
    assert [await state.next() for state in [*states.values(), last]] == [[]] * 7
    spans = [
        mc.Span(
            trace_id=f"t{n}",
            span_id="s",
            name="agent",
            run_id=f"r{n % 2}",
            thread_id=f"t{n % 2}",
            resource_id="ada" if n < 2 else "bob",
            entity_id=f"e{n}",
            started_at=datetime(2026, 1, n + 1, tzinfo=UTC),
        )
        for n in range(4)
    ]
    child = mc.Span(trace_id="t0", span_id="c", parent_span_id="s", name="tool", run_id="r1")
    await store.observability.batch_create_spans([*spans, child])

    async def traces(state: mc.AsyncSubscription[list[mc.Span]]) -> list[str]:
        return [span.trace_id for span in await state.next(timeout=20)]

    assert {name: await traces(state) for name, state in states.items()} == {
        "all": ["t3", "t2", "t1", "t0"],
        "run": ["t3", "t1"],
        "thread": ["t3", "t1"],
        "resource": ["t1", "t0"],
        "entity": ["t1"],
        "both": ["t1"],
    }
    assert await traces(last) == ["t3"]
    await store.observability.update_span("t3", "s", {"ended_at": datetime(2026, 2, 1, tzinfo=UTC)})
    assert [span.status for span in await last.next(timeout=20)] == ["success"]


async def test_scores_are_watched(store: mc.AsyncConvexStore) -> None:
    """Watching scores returns the newest first: all, or those of a scorer, a run or an entity."""
    states = {
        "all": store.watch_scores(limit=3),
        "scorer": store.watch_scores(scorer_id="s1"),
        "run": store.watch_scores(run_id="r2"),
        "entity": store.watch_scores(entity_id="a", entity_type="AGENT"),
    }
    assert [await state.next() for state in states.values()] == [[]] * 4
    for n in range(4):
        await store.scores.save_score(
            mc.Score(
                id=f"{n}",
                scorer_id=f"s{n % 2}",
                run_id=f"r{n}",
                score=n / 4,
                entity_id="a" if n else "b",
                entity_type="AGENT",
                created_at=datetime(2026, 1, n + 1, tzinfo=UTC),
            )
        )
    wanted = {"all": ["3", "2", "1"], "scorer": ["3", "1"], "run": ["2"], "entity": ["3", "2", "1"]}
    for name, state in states.items():
        await reached(state, wanted[name], ids)


async def test_tasks_are_watched(store: mc.AsyncConvexStore) -> None:
    """Watching tasks returns the newest first: all, or those in a state, of an agent, thread, resource or run."""
    states = {
        "all": store.watch_tasks(limit=3),
        "pending": store.watch_tasks(status="pending"),
        "agent": store.watch_tasks(agent_id="a1"),
        "both": store.watch_tasks(agent_id="a1", status="pending"),
        "thread": store.watch_tasks(thread_id="t1"),
        "resource": store.watch_tasks(resource_id="ada"),
        "run": store.watch_tasks(run_id="r3"),
    }
    assert [await state.next() for state in states.values()] == [[]] * 7
    for n in range(4):
        await store.background_tasks.create_task(
            mc.BackgroundTask(
                id=f"{n}",
                tool_name="t",
                agent_id=f"a{n % 2}",
                status="pending" if n < 2 else "running",
                thread_id=f"t{n % 2}",
                resource_id="ada" if n else "bob",
                run_id=f"r{n}",
                created_at=datetime(2026, 1, n + 1, tzinfo=UTC),
            )
        )
    wanted = {
        "all": ["3", "2", "1"],
        "pending": ["1", "0"],
        "agent": ["3", "1"],
        "both": ["1"],
        "thread": ["3", "1"],
        "resource": ["3", "2", "1"],
        "run": ["3"],
    }
    for name, state in states.items():
        await reached(state, wanted[name], ids)


async def test_states_of_a_thread_are_watched(store: mc.AsyncConvexStore) -> None:
    """Watching a thread's state returns it or None; watching its states, all by their type."""
    one, every = store.watch_thread_state("t", "task"), store.watch_thread_states("t")
    assert [await one.next(), await every.next()] == [None, []]
    await store.thread_state.set_state("t", "task", {"$todo": [1]})
    state = await one.next(timeout=20)
    assert state is not None
    assert state.value == {"$todo": [1]}
    assert await every.next(timeout=20) == [state]
    await store.thread_state.set_state("u", "goal", "another thread's")
    await store.thread_state.set_state("t", "goal", "rest")
    both = [("goal", "rest"), ("task", {"$todo": [1]})]
    await reached(every, both, lambda found: [(one.type, one.value) for one in found])
    await store.thread_state.delete_state("t", "task")
    assert await one.next(timeout=20) is None


async def test_notifications_are_watched(store: mc.AsyncConvexStore) -> None:
    """Watching notifications returns those of a thread, or those in a state, updated last first."""
    states = {
        "all": store.watch_notifications("t"),
        "two": store.watch_notifications("t", limit=2),
        "seen": store.watch_notifications("t", status="seen"),
    }
    assert [await state.next() for state in states.values()] == [[]] * 3
    for n in range(3):
        await store.notifications.create_notification(
            mc.Notification(
                id=f"{n}",
                thread_id="t",
                source="s",
                kind="k",
                summary="",
                created_at=datetime(2026, 1, n + 1, tzinfo=UTC),
            )
        )
    await store.notifications.update_notification("t", "0", {"status": "seen"})
    wanted = {"all": ["0", "2", "1"], "two": ["0", "2"], "seen": ["0"]}
    for name, state in states.items():
        await reached(state, wanted[name], ids)


async def test_experiments_are_watched(store: mc.AsyncConvexStore) -> None:
    """Watching experiments returns the newest first, with their counts: all, or those on a dataset, or in a state."""
    states = {
        "all": store.watch_experiments(limit=2),
        "dataset": store.watch_experiments(dataset_id="d0"),
        "running": store.watch_experiments(status="running"),
    }
    assert [await state.next() for state in states.values()] == [[]] * 3
    for n in range(3):
        await store.experiments.create_experiment(
            {"id": f"{n}", "dataset_id": f"d{n % 2}", "created_at": datetime(2026, 1, n + 1, tzinfo=UTC)}
        )
    await store.experiments.update_experiment("1", {"status": "running", "succeeded_count": 7})
    wanted = {"all": ["2", "1"], "dataset": ["2", "0"], "running": ["1"]}
    for name, state in states.items():
        await reached(state, wanted[name], ids)
    await store.experiments.update_experiment("1", {"succeeded_count": 8})
    await reached(states["running"], [8], lambda found: [one.succeeded_count for one in found])
