"""Erasing: everything of a resource, and the rows that are older than a policy allows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc

DAY = timedelta(days=1)


def days_ago(days: float) -> datetime:
    return datetime.now(UTC) - days * DAY


async def filled(store: mc.AsyncConvexStore, resource: str) -> None:
    """Two threads of 30 messages, a run, a task, a score, a trace and a working memory."""
    for thread in (f"{resource}-1", f"{resource}-2"):
        await store.memory.save_thread(mc.Thread(id=thread, resource_id=resource))
        messages = [mc.Message(id=f"{thread}-{n}", thread_id=thread, content=f"I am {resource}.") for n in range(30)]
        await store.memory.save_messages(messages)
    await store.memory.update_resource(resource, working_memory=f"{resource} likes tea")
    await store.workflows.persist_workflow_snapshot("w", f"{resource}-run", {"status": "success"}, resource_id=resource)
    await store.background_tasks.create_task(
        mc.BackgroundTask(
            tool_call_id="c",
            tool_name="t",
            agent_id="a",
            run_id="r",
            args={},
            id=f"{resource}-task",
            resource_id=resource,
        )
    )
    spans = [
        mc.Span(trace_id=resource, span_id="root", name="n", span_type="agent_run"),
        mc.Span(
            trace_id=resource,
            span_id="child",
            parent_span_id="root",
            name="n",
            span_type="generic",
            resource_id=resource,
        ),
    ]
    await store.observability.batch_create_spans(spans)


async def test_everything_of_a_resource_is_forgotten(deployment: mc.AsyncDeployment) -> None:
    """Also rows of vector indexes that name it, by either of the two names. Another resource's data stays."""
    store, vectors = mc.AsyncConvexStore(deployment), mc.AsyncConvexVector(deployment)
    await filled(store, "ada")
    await filled(store, "bob")
    docs = await vectors.index("docs", dimension=2)
    named: list[Any] = [{"resource_id": "ada"}, {"resourceId": "ada"}, {"resource_id": "bob"}, None]
    await docs.upsert([[1, 0]] * 4, ids=["a", "b", "c", "d"], metadata=named)
    seen: list[int] = []
    report = await store.forget("ada", progress=lambda report: seen.append(sum(report.values())))
    assert report == {
        "mastra_threads": 2,
        "mastra_messages": 60,
        "mastra_resources": 1,
        "mastra_workflow_snapshots": 1,
        "mastra_background_tasks": 1,
        "mastra_ai_spans": 2,
        "mastra_vectors": 2,
    }
    assert seen == sorted(seen)
    assert seen[-1] == sum(report.values())
    assert report.is_complete
    assert (await store.memory.list_threads(filter={"resource_id": "ada"})).total == 0
    assert await store.memory.get_resource_by_id("ada") is None
    assert await store.observability.get_trace("ada") is None
    assert (await store.memory.list_threads(filter={"resource_id": "bob"})).total == 2
    assert (await store.memory.list_messages("bob-1")).total == 30
    assert await store.observability.get_trace("bob") is not None
    assert [hit and hit.id for hit in await docs.get(["a", "b", "c", "d"])] == [None, None, "c", "d"]
    assert await store.forget("ada") == {}


async def test_old_rows_are_pruned(deployment: mc.AsyncDeployment) -> None:
    """Rows as old as the policy allows stay. The number of messages follows."""
    memory = mc.AsyncConvexStore(deployment).memory
    store = mc.AsyncConvexStore(deployment)
    await memory.save_thread(mc.Thread(id="t", resource_id="ada", created_at=days_ago(1)))
    ages = [100, 95, 91, 89, 1]
    messages = [mc.Message(id=f"m{age}", thread_id="t", content="Hi", created_at=days_ago(age)) for age in ages]
    await memory.save_messages(messages)
    policies = {"mastra_messages": {"max_age": 90 * DAY}}
    some = await store.prune(policies, max_rows=2)
    assert (some, some.is_complete) == ({"mastra_messages": 2}, False)
    rest = await store.prune(
        {"mastra_messages": {"max_age": "90d", "batch_size": 1}, "mastra_threads": {"max_age": "1w"}}
    )
    assert (rest, rest.is_complete) == ({"mastra_messages": 1}, True)
    page = await memory.list_messages("t")
    assert ([message.id for message in page], page.total) == (["m89", "m1"], 2)


async def test_an_old_thread_goes_with_its_messages(deployment: mc.AsyncDeployment) -> None:
    store = mc.AsyncConvexStore(deployment)
    for thread, age in (("old", 9), ("new", 1)):
        await store.memory.save_thread(mc.Thread(id=thread, resource_id="ada", created_at=days_ago(age)))
        await store.memory.save_messages([mc.Message(thread_id=thread, content="Hi")])
    report = await store.prune({"mastra_threads": {"max_age": 7 * DAY}}, pause=0.001)
    assert report == {"mastra_threads": 1, "mastra_messages": 1}
    assert (await store.memory.list_messages("new")).total == 1


async def test_work_under_way_is_not_pruned(deployment: mc.AsyncDeployment) -> None:
    """Tasks age from their completion, runs from their last update, triggers from their firing."""
    store = mc.AsyncConvexStore(deployment)

    def task(id: str, **fields: Any) -> mc.BackgroundTask:
        return mc.BackgroundTask(
            tool_call_id="c", tool_name="t", agent_id="a", run_id="r", args={}, id=id, created_at=days_ago(50), **fields
        )

    await store.background_tasks.create_task(task("running", status="running"))
    await store.background_tasks.create_task(task("done", status="completed", completed_at=days_ago(30)))
    for days in (30, 1):
        fired = int(days_ago(days).timestamp() * 1000)
        trigger = mc.ScheduleTrigger(
            id=f"{days}", schedule_id="s", scheduled_fire_at=fired, actual_fire_at=fired, outcome="published"
        )
        await store.schedules.record_trigger(trigger)
    policy = {"max_age": "7d"}
    report = await store.prune({"mastra_background_tasks": policy, "mastra_schedule_triggers": policy})
    assert report == {"mastra_background_tasks": 1, "mastra_schedule_triggers": 1}
    assert await store.background_tasks.get_task("running") is not None
    assert [trigger.id for trigger in await store.schedules.list_triggers("s")] == ["1"]


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        ({"mastra_messages": {}}, r"policies\['mastra_messages'\]: {}; expected"),
        ({"mastra_messages": {"max_age": "90"}}, r"max_age is '90'; expected a timedelta, or text such as"),
        ({"mastra_messages": {"max_age": -DAY}}, "not negative"),
        ({"mastra_messages": {"max_age": DAY, "batch_size": 1001}}, "batch_size"),
        ({"mastra_messages": {"max_age": DAY, "older": 1}}, "expected"),
        ({"mastra_messages": {"max_age": DAY}, "mastra_schedules": {"max_age": DAY}}, "'mastra_schedules' can't be"),
        ({"mine": {"max_age": DAY}}, "table 'mine' can't be pruned; expected one of mastra_ai_spans, "),
        ("90d", "expected a mapping by table"),
    ],
)
async def test_invalid_policies_delete_nothing(deployment: mc.AsyncDeployment, policies: Any, message: str) -> None:
    store = mc.AsyncConvexStore(deployment)
    await store.memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    await store.memory.save_messages([mc.Message(thread_id="t", content="Hi", created_at=days_ago(100))])
    with pytest.raises(mc.InvalidArgumentError, match=message):
        await store.prune(policies)
    assert (await store.memory.list_messages("t")).total == 1
