"""Workflows, background tasks, schedules and channels."""

from __future__ import annotations

from typing import Any

import mastra_convex as mc
from mastra_convex._cli.conformance.check import refused, same
from mastra_convex._cli.conformance.room import NOON, Room, at
from mastra_convex.errors import AlreadyExistsError, FunctionError

ODD = {"$ref": {"ключ": [None, -1.5]}}

# Epoch milliseconds: in more than a hundred years, so that no scheduler fires a schedule meanwhile.
LATER = 4_900_000_000_000
# More than a program has schedules, of which all are due before ours.
MANY = 100_000


def workflows(room: Room) -> None:
    """Runs of workflows, and their owners."""
    check, runs, name = room.check, room.store.workflows, room.name("workflow")

    def persist(workflow: str, run: str, snapshot: dict[str, Any], n: int = 0, **more: Any) -> None:
        runs.persist_workflow_snapshot(workflow, run, snapshot, created_at=at(n), **more)

    def load(run: str, workflow: str = name) -> Any:
        return runs.load_workflow_snapshot(workflow, run)

    with check("persist.round_trip"):
        persist(name, "r", {"status": "running", "context": {"input": ODD}}, resource_id=room.prefix)
        same(load("r"), {"status": "running", "context": {"input": ODD}})
    with check("persist.keeps_date_and_resource"):
        persist(name, "r", {"status": "running", "context": {"input": 1}, "requestContext": {"a": 1}}, 5)
        run = runs.get_workflow_run_by_id("r", name)
        same(run and (run.created_at, run.resource_id), (NOON, room.prefix))
    with check("results.are_merged"):
        merged = runs.update_workflow_results(name, "r", "s", {"output": ODD}, {"b": 2})
        same(merged, {"input": 1, "s": {"output": ODD}})
        same((load("r")["context"], load("r")["requestContext"]), (merged, {"a": 1, "b": 2}))
    with check("results.lists_are_merged"):
        suspended, pending = {"status": "suspended", "suspendPayload": {}}, {"__mastra_pending__": True}
        persist(name, "loop", {"status": "running", "context": {"s": {"output": [1, suspended]}}}, 1)
        outputs = [
            runs.update_workflow_results(name, "loop", "s", {"output": output})["s"]["output"]
            for output in ([None, None, 3], [pending, pending, None], [None, 2])
        ]
        same(outputs, [[1, suspended, 3], [1, None, 3], [1, 2, 3]])
    with check("state.at_an_expected_status"):
        refusal = runs.update_workflow_state(name, "r", {"status": "failed"}, expected_status=["suspended"])
        changed = runs.update_workflow_state(name, "r", {"status": "success"}, expected_status="running")
        same((refusal, changed and changed["status"], load("r")), (None, "success", changed))

    def listed(**asked: Any) -> list[str]:
        return [run.run_id for run in runs.list_workflow_runs(workflow_name=name, **asked)]

    memory = {"messageListState": {"memoryInfo": {"threadId": room.prefix}}}
    persist(name, "agent", {"status": "suspended", "context": {"input": memory}}, 2, resource_id=room.prefix)
    for check_name, asked, expected in (
        ("newest_first", {}, ["agent", "loop", "r"]),
        ("status", {"status": "success"}, ["r"]),
        ("resource", {"resource_id": room.prefix}, ["agent", "r"]),
        ("dates", {"from_date": NOON, "to_date": at(1)}, ["loop", "r"]),
        ("thread_of_a_suspended_agent", {"thread_id": room.prefix}, ["agent"]),
    ):
        with check(f"list.{check_name}"):
            same(listed(**asked), expected)
    with check("delete.one_of_joined_names"):
        # The run b-c of workflow a is another one than the run c of workflow a-b.
        longer = room.name("workflow")
        first, _, last = longer.rpartition("-")
        persist(longer, "c", {"n": 1})
        runs.delete_workflow_run_by_id(f"{last}-c", first)
        same(load("c", longer), {"n": 1})
        runs.delete_workflow_run_by_id("c", longer)
        same(load("c", longer), None)

    run_id = room.name("run")

    def claim(owner: str, lease_ms: float = 60_000, **how: Any) -> mc.RunOwnership:
        return runs.claim_run_ownership(run_id, owner, lease_ms, **how)

    with check("owner.one_at_a_time"):
        same(claim("a").fence, mc.RunFence(run_id, 1, "a"))
        refusal_of = claim("b")
        same((refusal_of.applied, refusal_of.fence, refusal_of.owner_id), (False, None, "a"))
        same(runs.get_run_ownership(run_id).owner_id, "a")
    first_fence, forced = mc.RunFence(run_id, 1, "a"), claim("b", force=True)
    with check("owner.by_force"):
        same((forced.applied, forced.generation), (True, 2))
        same(runs.renew_run_ownership(first_fence, 1000).applied, False)
    with check("fence.refuses_who_lost_the_run"):
        runs.update_workflow_state(name, "r", {"n": 1}, fence=forced.fence)
        with refused(FunctionError, "STORAGE_RUN_FENCE_CONFLICT"):
            runs.update_workflow_state(name, "r", {"n": 2}, fence=first_fence)
        same(load("r")["n"], 1)
    with check("owner.lease_ends"):
        renewed = runs.renew_run_ownership(mc.RunFence(run_id, 2, "b"), 0)
        same((renewed.applied, renewed.lease_expires_at), (True, renewed.now))
        same(claim("c").generation, 3)


def tasks(room: Room) -> None:
    """Background tasks. They are an agent's of ours, by which they are claimed and listed."""
    check, store, agent = room.check, room.store.background_tasks, room.name("agent")

    def create(n: int, of: str = agent, **more: Any) -> mc.BackgroundTask:
        given = {"id": f"{of}-{n}", "agent_id": of, "tool_name": f"t{n % 2}", "created_at": at(n), "status": "failed"}
        return store.create_task({**given, **more})

    created = create(0, args=ODD, result=1, started_at=at(9), owner_id="me", lease_expires_at=NOON)
    with check("create.once"):
        with refused(AlreadyExistsError, "AlreadyExists"):
            create(0, tool_name="other")
        same(store.get_task(created.id), created)
    guards: list[tuple[str, dict[str, Any], bool]] = [
        ("status", {"expected_status": "failed"}, True),
        ("other_status", {"expected_status": "running"}, False),
        ("owner", {"expected_owner_id": "me"}, True),
        ("no_owner", {"expected_owner_id": None}, False),
        ("lease", {"expected_lease_expires_at": NOON}, True),
        ("other_lease", {"expected_lease_expires_at": at(1)}, False),
    ]
    for count, (name, guard, expected) in enumerate(guards):
        with check(f"update.expects_{name}"):
            same(store.update_task(created.id, {"retry_count": count + 1}, **guard), expected)
            found = store.get_task(created.id)
            same(found and found.retry_count == count + 1, expected)
    for n, status in enumerate(("completed", "cancelled", "failed"), start=1):
        create(n, status=status, started_at=None if n == 3 else at(9 - n))
    lists: list[tuple[str, dict[str, Any], list[int]]] = [
        ("oldest_first", {}, [0, 1, 2, 3]),
        ("newest_first", {"order_direction": "desc"}, [3, 2, 1, 0]),
        ("statuses", {"status": ["failed", "completed"]}, [0, 1, 3]),
        ("tool", {"tool_name": "t1"}, [1, 3]),
        ("dates", {"from_date": at(1), "to_date": at(3)}, [1, 2]),
        ("dates_of_start", {"date_filter_by": "started_at", "from_date": at(7), "to_date": at(9)}, [1, 2]),
        ("without_the_date_first", {"order_by": "started_at"}, [3, 2, 1, 0]),
    ]
    for name, asked, places in lists:
        with check(f"list.{name}"):
            page = store.list_tasks(agent_id=agent, per_page=3, **asked)
            same(([task.id for task in page], page.total), ([f"{agent}-{n}" for n in places[:3]], len(places)))
    with check("delete.by_filter"):
        store.delete_tasks(agent_id=agent, status="failed")
        same([task.id for task in store.iter_tasks(agent_id=agent)], [f"{agent}-{n}" for n in (1, 2)])
    with check("claim.oldest_first"):
        pending = room.name("agent")
        for n in (1, 0):
            create(n, pending, status="pending")
        claims = [store.claim_task("me", agent_id=pending, lease_expires_at=at(9)) for _ in range(3)]
        found_claims = [task and (task.id, task.status, task.owner_id, task.lease_expires_at) for task in claims]
        same(found_claims, [*((f"{pending}-{n}", "running", "me", at(9)) for n in (0, 1)), None])
        same(store.get_running_count_by_agent(pending), 2)
    with check("claim.by_id"):
        one = create(2, pending, status="pending")
        claims = [store.claim_task(owner, task_id=one.id) for owner in ("me", "you")]
        same([task and task.owner_id for task in claims], ["me", None])


def schedules(room: Room) -> None:
    """Schedules and their triggers."""
    check, store, workflow = room.check, room.store.schedules, room.prefix
    target = {"type": "workflow", "workflowId": workflow}

    def create(**more: Any) -> mc.Schedule:
        given = {"cron": "0 9 * * 1", "next_fire_at": LATER, "target": target, "created_at": 5}
        return store.create_schedule({"id": room.name("schedule"), **given, **more})

    created = create(timezone="Europe/Berlin", metadata=ODD, target={**target, **ODD})
    with check("create.once"):
        with refused(AlreadyExistsError, "AlreadyExists"):
            create(id=created.id, cron="* * * * *")
        same(store.get_schedule(created.id), created)
    with check("update.changes_what_it_names"):
        changed = store.update_schedule(created.id, {"metadata": None, "owner_id": "me"})
        same((changed.metadata, changed.owner_id, changed.timezone), (None, "me", "Europe/Berlin"))
        same(store.get_schedule(created.id), changed)
    paused, later = create(status="paused", created_at=3), create(next_fire_at=LATER - 1, created_at=4)
    for name, asked, expected in (
        ("oldest_first", {}, [paused, later, created]),
        ("status", {"status": "active"}, [later, created]),
        ("owner", {"owner_id": "me"}, [created]),
        ("no_owner", {"owner_id": None}, [paused, later]),
    ):
        with check(f"list.{name}"):
            found = store.list_schedules(workflow_id=workflow, **asked)
            same([schedule.id for schedule in found], [schedule.id for schedule in expected])
    with check("due.longest_first"):
        ids = {schedule.id for schedule in (created, paused, later)}
        due = [found.id for found in store.list_due_schedules(LATER, MANY) if found.id in ids]
        same(due, [later.id, created.id])
    with check("fire.once"):
        fired = [store.update_schedule_next_fire(created.id, LATER, LATER + 60, LATER, "run") for _ in range(2)]
        fired.append(store.update_schedule_next_fire(paused.id, LATER, LATER + 60, LATER, "run"))
        same(fired, [True, False, False])
        fired_one = store.get_schedule(created.id)
        same(fired_one and (fired_one.next_fire_at, fired_one.last_run_id), (LATER + 60, "run"))
    rows = [
        mc.ScheduleTrigger(
            id=f"{created.id}-{n}", schedule_id=created.id, scheduled_fire_at=n, actual_fire_at=n, outcome="published"
        )
        for n in range(4)
    ]
    with check("triggers.newest_first"):
        for row in rows:
            store.record_trigger(row)
        same(store.list_triggers(created.id, limit=2), [rows[3], rows[2]])
        same(store.list_triggers(created.id, from_actual_fire_at=1, to_actual_fire_at=3), [rows[2], rows[1]])
    with check("triggers.once"), refused(AlreadyExistsError):
        store.record_trigger(rows[0])
    with check("delete.with_triggers"):
        store.delete_schedule(created.id)
        same((store.get_schedule(created.id), store.list_triggers(created.id)), (None, []))


def channels(room: Room) -> None:
    """Installations of agents on chat platforms, and the platforms' configurations."""
    check, store, platform = room.check, room.store.channels, room.name("platform")

    def save(id: str, **more: Any) -> mc.ChannelInstallation:
        given = {"id": f"{platform}-{id}", "platform": platform, "agent_id": "a", "created_at": NOON}
        return store.save_installation({**given, **more})

    with check("installation.again_keeps_the_date"):
        save("error", data=ODD, webhook_id="w", error="no", status="error")
        again = save("error", created_at=at(9), status="error")
        same((again.data, again.webhook_id, again.error, again.created_at), ({}, None, None, NOON))
    with check("installation.newest_first"):
        for n, status in enumerate(("active", "pending"), start=1):
            save(status, status=status, created_at=at(n))
        same([found.status for found in store.list_installations(platform)], ["pending", "active", "error"])
    with check("installation.best_of_an_agent"):
        statuses: list[str] = []
        while (best := store.get_installation_by_agent(platform, "a")) is not None and len(statuses) < 4:
            statuses.append(best.status)
            store.delete_installation(best.id)
        same(statuses, ["active", "pending", "error"])
    with check("config.replaced"):
        platform = room.name("mastra_channel_config")
        for data in ({"a": 1}, ODD):
            config = store.save_config({"platform": platform, "data": data, "updated_at": NOON})
        same((config.data, store.get_config(platform)), (ODD, config))
        store.delete_config(platform)
        same(store.get_config(platform), None)
