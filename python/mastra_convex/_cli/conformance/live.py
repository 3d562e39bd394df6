"""Live queries: the state now, and again after each change."""

from __future__ import annotations

from typing import Any, TypeVar

import mastra_convex as mc
from mastra_convex._cli.conformance.check import LacksError, same
from mastra_convex._cli.conformance.room import NOON, Room, at, texts
from mastra_convex._cli.conformance.vectors import compass
from mastra_convex.errors import ConnectError

T = TypeVar("T")

SECONDS = 10


def _first(states: mc.Subscription[T]) -> T:
    """The state now. Calls over HTTP came through before, so only a WebSocket can be what is missing."""
    try:
        return states.next(timeout=SECONDS)
    except ConnectError as error:
        raise LacksError(f"no WebSocket: {error.args[0]}") from error


def live(room: Room) -> None:
    """What `watch_…` methods follow, and the live queries beside them."""
    check, store, memory = room.check, room.store, room.memory

    with check("thread.follows"):
        id = room.name("thread")
        with store.watch_thread(id) as states:
            found: list[Any] = [_first(states)]
            saved = room.thread(id=id)
            found.append(states.next(timeout=SECONDS))
            updated = memory.update_thread(id, title="new")
            found.append(states.next(timeout=SECONDS))
            memory.delete_thread(id)
            found.append(states.next(timeout=SECONDS))
        same(found, [None, saved, updated, None])
    thread, messages = room.chat(4)
    with check("messages.follow"), store.watch_messages(thread.id, last=3) as last:
        same(texts(_first(last)), "1 2 3")
        memory.delete_messages([messages[0].id, messages[3].id])
        same(texts(last.next(timeout=SECONDS)), "1 2")
    memory.save_messages([messages[0], messages[3]])
    for name, asked, expected in (
        ("last_newest_first", {"last": 2, "order": "desc"}, "3 2"),
        ("first", {"limit": 2}, "0 1"),
        ("newest_first", {"limit": 2, "order": "desc"}, "3 2"),
    ):
        with check(f"messages.{name}"), store.watch_messages(thread.id, **asked) as some:
            same(texts(_first(some)), expected)
    with check("threads.of_a_resource"), store.watch_threads_by_resource(thread.resource_id) as threads:
        same([each.id for each in _first(threads)], [thread.id])
        second = room.thread(resource_id=thread.resource_id, created_at=at(1))
        same([each.id for each in threads.next(timeout=SECONDS)], [second.id, thread.id])
    with check("resource.follows"), store.watch_resource(thread.resource_id) as resource:
        same(_first(resource), None)
        created = memory.update_resource(thread.resource_id, working_memory="tea")
        same(resource.next(timeout=SECONDS), created)
    workflow = room.name("workflow")
    with (
        check("runs.follow"),
        store.watch_workflow_run(workflow, "r0") as run,
        store.watch_workflow_runs(workflow_name=workflow) as runs,
    ):
        same((_first(run), _first(runs)), (None, []))
        store.workflows.persist_workflow_snapshot(workflow, "r0", {}, created_at=NOON)
        found_run, found_runs = run.next(timeout=SECONDS), runs.next(timeout=SECONDS)
        same((found_run and found_run.run_id, found_runs), ("r0", [found_run]))
    with check("search.follows"):
        index = compass(room)
        with index.watch([1, 0], top_k=2, filter={"n": {"$gt": 0}}) as hits:
            same([hit.id for hit in _first(hits)], ["east", "north-east"])
            index.delete_vector("east")
            same([hit.id for hit in hits.next(timeout=SECONDS)], ["north-east", "north"])

    def ask(query: str, **args: Any) -> Any:
        return room.functions.read("query", f"mastra/queries:{query}", args)

    for name, query, args, count in (
        ("messages", "countMessages", {"threadId": thread.id}, 4),
        ("threads", "countThreads", {"resourceId": thread.resource_id}, 2),
        ("runs", "countWorkflowRuns", {"workflowName": workflow}, 1),
    ):
        with check(f"count.{name}"):
            same(ask(query, **args)["count"], count)
