"""Watching records of a store: the newest state comes first, then each change."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc

pytestmark = pytest.mark.parametrize("deployment", ["memory", "folder"], indirect=True)


@pytest.fixture
def store(deployment: mc.AsyncDeployment) -> mc.AsyncConvexStore:
    """The store of an empty deployment."""
    return mc.AsyncConvexStore(deployment)


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
    assert [await thread.next(timeout=20), await messages.next(timeout=20)] == [None, []]


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
]


@pytest.mark.parametrize(("watch", "message"), BAD, ids=[message for _, message in BAD])
async def test_bad_input_is_refused_at_once(
    store: mc.AsyncConvexStore, watch: Callable[[mc.AsyncConvexStore], Any], message: str
) -> None:
    """Invalid arguments are refused before a query is followed, with place, value and expected form."""
    with pytest.raises(mc.InvalidArgumentError, match=message):
        watch(store)
