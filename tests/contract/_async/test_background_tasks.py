"""Tool calls that run beside a conversation, and their claims by workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from tests.contract._async._call import together
from tests.support.folders import functions_with

DAY = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def tasks(deployment: mc.AsyncDeployment) -> mc.AsyncBackgroundTasksStorage:
    return mc.AsyncConvexStore(deployment).background_tasks


def task(id: str = "t", **fields: Any) -> dict[str, Any]:
    return {"id": id, "tool_name": "search", "agent_id": "agent", **fields}


def day(n: int) -> datetime:
    return DAY + timedelta(days=n)


async def test_a_task_comes_back_as_it_was_created(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """A stored task equals the created one, and keys inside its JSON are unchanged."""
    given = mc.BackgroundTask(
        tool_name="search",
        agent_id="agent",
        args={"$q": ["ü", None]},
        result={"$r": 1},
        error={"message": "no"},
        suspend_payload=[1],
        thread_id="t1",
        timeout_ms=1000,
        started_at=DAY,
        owner_id="me",
        lease_expires_at=day(1),
    )
    assert await tasks.create_task(given) == given
    assert await tasks.get_task(given.id) == given
    assert await tasks.get_task("other") is None


async def test_missing_fields_are_filled_in(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """Missing ids, the time, the status and counters are filled in."""
    stored = await tasks.create_task({"tool_name": "search", "agent_id": "agent"})
    assert [len(id) for id in (stored.id, stored.tool_call_id, stored.run_id)] == [36, 36, 36]
    assert (stored.status, stored.args, stored.result, stored.retry_count) == ("pending", {}, None, 0)
    assert await tasks.get_task(stored.id) == stored


async def test_a_task_is_created_once(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """Creating a task with a taken id is an error and leaves the stored task unchanged."""
    first = await tasks.create_task(task())
    with pytest.raises(
        mc.AlreadyExistsError, match=r'^BackgroundTasksStorage.create_task: Background task with id "t" already exists'
    ):
        await tasks.create_task(task(status="failed"))
    assert await tasks.get_task("t") == first


async def test_an_update_changes_what_it_names(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """An update changes the given fields, None clears one, and an update of an unknown task returns False."""
    await tasks.create_task(task(args={"a": 1}, result=1, started_at=DAY, owner_id="me"))
    update = {"status": "suspended", "result": None, "started_at": None, "owner_id": None, "suspended_at": day(1)}
    assert await tasks.update_task("t", update)
    assert await tasks.update_task("t", {})
    found = await tasks.get_task("t")
    assert found is not None
    assert (found.status, found.result, found.started_at, found.owner_id) == ("suspended", None, None, None)
    assert (found.args, found.suspended_at) == ({"a": 1}, day(1))
    assert not await tasks.update_task("other", update)


GUARDS = [
    ({"expected_status": "running"}, True),
    ({"expected_status": "pending"}, False),
    ({"expected_owner_id": "me"}, True),
    ({"expected_owner_id": None}, False),
    ({"expected_owner_id": "other"}, False),
    ({"expected_lease_expires_at": "2026-01-02T00:00:00.000Z"}, True),
    ({"expected_lease_expires_at": day(2)}, False),
    ({"expected_lease_expires_at": None}, False),
    ({"expected_status": "running", "expected_owner_id": "me", "expected_lease_expires_at": day(1)}, True),
    ({"expected_status": "running", "expected_owner_id": "other"}, False),
]


@pytest.mark.parametrize(("guards", "is_updated"), GUARDS, ids=str)
async def test_an_update_asks_for_what_it_expects(
    tasks: mc.AsyncBackgroundTasksStorage, guards: dict[str, Any], is_updated: bool
) -> None:
    """An update happens only if all expectations hold; otherwise nothing changes."""
    await tasks.create_task(task(status="running", owner_id="me", lease_expires_at=day(1)))
    assert await tasks.update_task("t", {"retry_count": 1}, **guards) is is_updated
    found = await tasks.get_task("t")
    assert found is not None
    assert found.retry_count == int(is_updated)


async def test_no_owner_is_expected_of_a_task_without_one(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """An expected owner of None matches only tasks without an owner."""
    await tasks.create_task(task())
    assert await tasks.update_task("t", {"owner_id": "me"}, expected_owner_id=None, expected_lease_expires_at=None)
    assert not await tasks.update_task("t", {"owner_id": "you"}, expected_owner_id=None)


async def test_each_pending_task_is_claimed_by_one(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """Sixteen workers claim eight tasks: the oldest come first, and no task goes to two workers."""
    for n in range(8):
        await tasks.create_task(task(f"t{n}", created_at=day(-n)))
    claims = await together(
        [partial(tasks.claim_task, f"worker{worker}", lease_expires_at=day(1)) for worker in range(16)]
    )
    claimed = [found for found in claims if found is not None]
    assert sorted(found.id for found in claimed) == [f"t{n}" for n in range(8)]
    for found in claimed:
        assert await tasks.get_task(found.id) == found
        assert (found.status, found.lease_expires_at) == ("running", day(1))
        assert found.started_at is not None
    assert len({found.owner_id for found in claimed}) == 8


async def test_a_claim_names_a_task_or_an_agent(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """A claim can name a task or an agent; without either it takes the oldest pending task."""
    for n, agent in enumerate(("a", "b", "a", "c")):
        await tasks.create_task(task(f"t{n}", agent_id=agent, created_at=day(n)))

    async def claimed(**which: str) -> str | None:
        found = await tasks.claim_task("me", **which)
        return None if found is None else found.id

    assert await claimed(task_id="t2") == "t2"
    assert await claimed(task_id="t2") is None
    assert await claimed(agent_id="b") == "t1"
    assert await claimed(agent_id="b") is None
    assert [await claimed() for _ in range(3)] == ["t0", "t3", None]


async def created(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """Twelve tasks, a day apart; every third began, in reverse."""
    for n in range(12):
        await tasks.create_task(
            task(
                f"t{n}",
                agent_id=f"agent{n % 2}",
                status=("pending", "running", "failed")[n % 3],
                tool_name=f"tool{n % 4}",
                tool_call_id=f"call{n}",
                run_id=f"run{n // 4}",
                thread_id=f"thread{n // 6}",
                resource_id="ada" if n < 4 else None,
                created_at=day(n),
                started_at=day(100 - n) if n % 3 else None,
            )
        )


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({}, list(range(12))),
    ({"status": "running"}, [1, 4, 7, 10]),
    ({"status": ["running", "failed"]}, [1, 2, 4, 5, 7, 8, 10, 11]),
    ({"status": ["failed"]}, [2, 5, 8, 11]),
    ({"agent_id": "agent1"}, [1, 3, 5, 7, 9, 11]),
    ({"agent_id": "agent1", "status": "pending"}, [3, 9]),
    ({"tool_name": "tool3"}, [3, 7, 11]),
    ({"tool_call_id": "call5"}, [5]),
    ({"run_id": "run1"}, [4, 5, 6, 7]),
    ({"thread_id": "thread1", "status": ["pending", "running"]}, [6, 7, 9, 10]),
    ({"resource_id": "ada"}, [0, 1, 2, 3]),
    ({"from_date": day(9)}, [9, 10, 11]),
    ({"to_date": day(2)}, [0, 1]),
    ({"from_date": "2026-01-03T00:00:00.000Z", "to_date": day(4), "status": "pending"}, [3]),
    ({"date_filter_by": "started_at", "to_date": day(93)}, [8, 10, 11]),
    ({"date_filter_by": "started_at", "from_date": day(93), "to_date": day(99)}, [2, 4, 5, 7]),
]


@pytest.mark.parametrize(("filter", "expected"), FILTERS, ids=str)
async def test_tasks_are_listed_oldest_first(
    tasks: mc.AsyncBackgroundTasksStorage, filter: Any, expected: list[int]
) -> None:
    """Lists accept all filters, in a mapping or as keywords, and the pages concatenate to the whole list."""
    await created(tasks)
    everything = await tasks.list_tasks(filter)
    assert [found.id for found in everything] == [f"t{n}" for n in expected]
    assert (everything.total, everything.has_more) == (len(expected), False)
    assert list(await tasks.list_tasks(**filter)) == list(everything)
    assert [found async for found in tasks.iter_tasks(filter)] == list(everything)
    assert list(await tasks.list_tasks(filter, order_direction="desc")) == list(everything)[::-1]
    for per_page in (1, 5):
        pages = [
            await tasks.list_tasks(filter, page=page, per_page=per_page)
            for page in range(len(expected) // per_page + 1)
        ]
        assert [found for page in pages for found in page] == list(everything)
        assert {page.total for page in pages} == {len(expected)}


async def test_tasks_are_ordered_by_any_date(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """Tasks without the date come first, last in reverse order, and not at all in a range of dates."""
    await created(tasks)
    began = [11, 10, 8, 7, 5, 4, 2, 1]
    found = await tasks.list_tasks(order_by="started_at")
    assert [int(each.id[1:]) for each in found] == [0, 3, 6, 9, *began]
    found = await tasks.list_tasks(order_by="started_at", order_direction="desc", per_page=10)
    assert [int(each.id[1:]) for each in found] == [*began[::-1], 9, 6]
    found = await tasks.list_tasks(date_filter_by="started_at", to_date=day(93), order_by="started_at")
    assert [int(each.id[1:]) for each in found] == [11, 10, 8]


async def test_tasks_are_deleted_by_filter(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """Deleting by a filter deletes the matching tasks; without a filter nothing is deleted."""
    await created(tasks)
    await tasks.delete_tasks()
    await tasks.delete_tasks({})
    assert (await tasks.list_tasks()).total == 12
    await tasks.delete_tasks({"status": ["failed", "running"]}, to_date=day(8))
    assert [found.id for found in await tasks.list_tasks()] == ["t0", "t3", "t6", "t8", "t9", "t10", "t11"]
    await tasks.delete_task("t0")
    await tasks.delete_task("t0")
    assert (await tasks.list_tasks()).total == 6


async def test_running_tasks_are_counted(tasks: mc.AsyncBackgroundTasksStorage) -> None:
    """The number of running tasks is counted, for all agents or for one."""
    await created(tasks)
    assert await tasks.get_running_count() == 4
    assert await tasks.get_running_count_by_agent("agent1") == 2
    assert await tasks.get_running_count_by_agent("unknown") == 0


OLDER = """
import { mutationGeneric } from "convex/server";

export const keep = mutationGeneric(async ({ db }, { record }) => {
  const table = "mastra_background_tasks";
  await db.insert("mastra_documents", { table, primaryKey: record.id, record });
});
"""


@pytest.fixture
async def older(tmp_path: Path) -> AsyncIterator[mc.AsyncBackgroundTasksStorage]:
    """Rows on odd days, and on even days documents, as older versions of Mastra stored tasks. A row hides one."""
    functions = functions_with(tmp_path / "convex", {"older.ts": OLDER})
    async with mc.connect_async(":memory:", functions=functions) as deployment:
        tasks = mc.AsyncConvexStore(deployment).background_tasks
        for n in range(8):
            if n % 2:
                await tasks.create_task(task(f"t{n}", created_at=day(n), agent_id="new"))
            else:
                created_at = f"2026-01-0{n + 1}T00:00:00.000Z"
                record = {"id": f"t{n}", "toolName": "search", "agentId": "old", "status": "pending"}
                record |= {"args": '{"$a":1}', "createdAt": created_at}
                await deployment.mutation("older:keep", {"record": record})
        await deployment.mutation("older:keep", {"record": {"id": "t1", "status": "failed", "agentId": "hidden"}})
        yield tasks


async def test_tasks_kept_as_documents_are_tasks_like_others(older: mc.AsyncBackgroundTasksStorage) -> None:
    """Tasks that older functions stored as documents are read, listed, updated, counted, claimed and deleted as
    others.
    """
    found = await older.get_task("t2")
    assert found is not None
    assert (found.tool_name, found.agent_id, found.args, found.created_at) == ("search", "old", {"$a": 1}, day(2))
    everything = await older.list_tasks()
    assert [found.id for found in everything] == [f"t{n}" for n in range(8)]
    assert everything.total == 8
    pages = [await older.list_tasks(order_direction="desc", page=page, per_page=3) for page in range(3)]
    assert [found.id for page in pages for found in page] == [f"t{n}" for n in reversed(range(8))]
    assert [page.total for page in pages] == [8, 8, 8]
    assert [found.id for found in await older.list_tasks(agent_id="old", from_date=day(2), to_date=day(6))] == [
        "t2",
        "t4",
    ]
    assert (await older.list_tasks(agent_id="hidden")).total == 0
    newest_first = [found.id async for found in older.iter_tasks(order_direction="desc", from_date=day(3))]
    assert newest_first == ["t7", "t6", "t5", "t4", "t3"]
    assert await older.update_task("t2", {"status": "running", "retry_count": 1}, expected_status="pending")
    assert not await older.update_task("t2", {"status": "failed"}, expected_status="pending")
    assert [await older.get_running_count(), await older.get_running_count_by_agent("old")] == [1, 1]
    claimed = [await older.claim_task("me", agent_id="old") for _ in range(4)]
    assert sorted(each.id for each in claimed if each) == ["t0", "t4", "t6"]
    await older.delete_tasks(agent_id="old", status="running")
    assert [found.id for found in await older.list_tasks()] == ["t1", "t3", "t5", "t7"]
    await older.dangerously_clear_all()
    assert (await older.list_tasks()).total == 0


BAD_CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("create_task", ({"agent_id": "a"},), {}, "tool_name missing"),
    ("create_task", (task(status="done"),), {}, "status is 'done'; expected one of: pending, running"),
    ("create_task", (task(args={"x": {1}}),), {}, r"args\['x'\] is .* a set"),
    ("create_task", (task(args={"x": "x" * (1 << 20)}),), {}, "of which args has"),
    ("create_task", (task(timeout_ms=float("inf")),), {}, "timeout_ms is inf"),
    ("create_task", (task(created_at="soon"),), {}, "created_at is 'soon'"),
    ("update_task", ("", {}), {}, "task_id is ''"),
    ("update_task", ("t", {"state": 1}), {}, "has no 'state'"),
    ("update_task", ("t", {"status": "done"}), {}, "status is 'done'"),
    ("update_task", ("t", {"status": None}), {}, "update: status is None; a BackgroundTask can't be without it"),
    ("update_task", ("t", {"id": "u"}), {}, "update has id 'u'; a task's id can't change"),
    ("update_task", ("t", {}), {"expected_status": "done"}, "expected: status is 'done'"),
    ("claim_task", ("",), {}, "owner_id is ''"),
    ("claim_task", ("me",), {"lease_expires_at": "soon"}, "lease_expires_at is 'soon'"),
    ("list_tasks", ({"state": 1},), {}, "filter has no 'state'"),
    ("list_tasks", (), {"status": []}, r"status is \[\]"),
    ("list_tasks", (), {"status": ["running", "done"]}, "status is 'done'"),
    ("list_tasks", (), {"from_date": "soon"}, "from_date is 'soon'"),
    ("list_tasks", (), {"order_by": "id"}, "order_by is 'id'; expected one of: created_at"),
    ("list_tasks", (), {"order_direction": "up"}, "order_direction is 'up'; expected one of: asc, desc"),
    ("list_tasks", (), {"date_filter_by": "id", "to_date": DAY}, "date_filter_by is 'id'"),
    ("list_tasks", (), {"page": -1, "per_page": 3}, "page"),
    ("list_tasks", (), {"per_page": -1}, "per_page"),
    ("delete_tasks", ({"run_id": ""},), {}, "run_id is ''"),
]


@pytest.mark.parametrize(("method", "arguments", "options", "message"), BAD_CALLS)
async def test_invalid_arguments_are_named_and_change_nothing(
    tasks: mc.AsyncBackgroundTasksStorage,
    method: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    message: str,
) -> None:
    """An invalid argument raises an error with the method, the argument, its value and the expected form, and changes
    nothing.
    """
    before = await tasks.create_task(task())
    with pytest.raises(mc.InvalidArgumentError, match=rf"BackgroundTasksStorage\.{method}.*{message}"):
        await getattr(tasks, method)(*arguments, **options)
    assert list(await tasks.list_tasks()) == [before]
