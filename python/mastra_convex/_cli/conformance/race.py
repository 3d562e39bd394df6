"""Writers at the same time (`--race`): nothing is lost, nothing comes twice, and no conflict reaches a caller."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from mastra_convex._cli.conformance.check import same
from mastra_convex._cli.conformance.room import Room, at
from mastra_convex._cli.conformance.work import LATER
from mastra_convex.errors import WriteConflictError
from mastra_convex.records.items import Put

T = TypeVar("T")

WRITERS = 16
EVERY = range(WRITERS)


def together(calls: list[Callable[[], T]]) -> list[T]:
    """The results of calls that run at the same time."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [call.result() for call in [pool.submit(call) for call in calls]]


def race(room: Room) -> None:
    """Sixteen writers, mostly."""
    check, store, memory, vectors, cache = room.check, room.store, room.memory, room.vectors, room.cache

    with check("records.apart"):
        owner, ids = room.name("mastra_resources"), [room.name("thread") for _ in EVERY]

        def write(id: str) -> None:
            room.thread(id=id, resource_id=owner)
            memory.save_messages([{"id": f"{id}-{n}", "thread_id": id} for n in range(5)])

        together([partial(write, id) for id in ids])
        same(memory.list_threads(filter={"resource_id": owner}, per_page=1).total, WRITERS)
        same(memory.list_messages_by_resource_id(owner, per_page=1).total, 5 * WRITERS)
    thread = room.thread()
    with check("messages.one_thread"):

        def say(writer: int) -> None:
            for n in range(3):
                memory.save_messages([{"id": f"{thread.id}-{writer}-{n}", "thread_id": thread.id}])

        together([partial(say, writer) for writer in EVERY])
        page = memory.list_messages(thread.id, per_page=None)
        same((len({message.id for message in page}), page.total), (3 * WRITERS, 3 * WRITERS))
    with check("messages.popped_once"):
        popped = together([partial(memory.pop_message, thread.id) for _ in EVERY])
        same(len({message.id for message in popped if message is not None}), WRITERS)
        same(memory.list_messages(thread.id, per_page=1).total, 2 * WRITERS)
    with check("threads.metadata_merges"):
        together([partial(memory.update_thread, thread.id, metadata={f"k{n}": n}) for n in EVERY])
        found = memory.get_thread_by_id(thread.id)
        same(found and found.metadata, {f"k{n}": n for n in EVERY})
    workflow = room.name("workflow")
    with check("workflows.one_snapshot"):
        store.workflows.persist_workflow_snapshot(workflow, "r", {"context": {}})

        def merge(n: int) -> None:
            store.workflows.update_workflow_results(workflow, "r", f"s{n}", {"output": n}, {f"k{n}": n})

        together([partial(merge, n) for n in EVERY])
        stored = store.workflows.load_workflow_snapshot(workflow, "r") or {}
        same(stored["context"], {f"s{n}": {"output": n} for n in EVERY})
        same(stored["requestContext"], {f"k{n}": n for n in EVERY})
    with check("workflows.one_owner"):
        run = room.name("run")
        claims = together([partial(store.workflows.claim_run_ownership, run, f"w{n}", 60_000) for n in EVERY])
        same(sum(own.applied for own in claims), 1)
    with check("tasks.claimed_once"):
        agent, tasks = room.name("agent"), store.background_tasks
        for n in range(8):
            tasks.create_task({"id": f"{agent}-{n}", "agent_id": agent, "tool_name": "t", "created_at": at(n)})
        claimed = together([partial(tasks.claim_task, f"w{n}", agent_id=agent) for n in EVERY])
        same(sorted(task.id for task in claimed if task is not None), [f"{agent}-{n}" for n in range(8)])
    with check("schedules.fired_once"):
        id, target = room.name("schedule"), {"type": "workflow", "workflowId": room.prefix}
        store.schedules.create_schedule({"id": id, "target": target, "cron": "0 9 * * 1", "next_fire_at": LATER})
        fire = partial(store.schedules.update_schedule_next_fire, id, LATER, LATER + 60, LATER, "r")
        same(sum(together([fire] * WRITERS)), 1)
    with check("cache.counter"):
        same(sorted(together([partial(cache.increment, "race")] * WRITERS)), list(range(1, WRITERS + 1)))
    with check("cache.indexed_list"):
        same(sorted(together([partial(cache.list_push_indexed, "raced", "race-index", {})] * WRITERS)), list(EVERY))
        same([item["index"] for item in cache.list_from_to("raced", 0)], list(EVERY))
    with check("items.compare_and_swap"):
        namespace = room.name("namespace")

        def put(n: int) -> bool:
            try:
                return room.items.put([Put(namespace, "k", f"{n}", expected=0)]) == [1]
            except WriteConflictError:
                return False

        same(sum(together([partial(put, n) for n in EVERY])), 1)
    with check("vectors.upserts"):
        name = room.index().index_name
        rows = [[f"{n:02}-{row}" for row in range(5)] for n in EVERY]
        metadata = [{"state": "old"}] * 5
        together([partial(vectors.upsert, name, [[1, 0]] * 5, ids=ids, metadata=metadata) for ids in rows])
        same((vectors.count(name), len(vectors.query(name, [1, 0], top_k=100))), (5 * WRITERS, 5 * WRITERS))
    with check("vectors.changes_by_filter"):
        taken = [ids[0] for ids in rows]
        marks = [partial(vectors.update_vectors, name, {"state": "old"}, metadata={"state": "marked"})] * 2
        takes = [partial(vectors.update_vector, name, id, metadata={"state": "taken"}) for id in taken]
        together([*takes, *marks])
        found_states = {row.id: row.metadata["state"] for row in vectors.iter(name)}
        same(found_states, {id: "taken" if id in taken else "marked" for ids in rows for id in ids})
