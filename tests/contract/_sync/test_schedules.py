# Generated from _async/test_schedules.py by tools/unasync.py: edit that.
"""Schedules, and the outcomes of their firings. Times are epoch milliseconds."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import pytest

import mastra_convex as mc
from tests.contract._sync._call import together
from tests.contract.deployed import STORAGE

WORKFLOW = {"type": "workflow", "workflowId": "w", "inputData": {"$a": "ü"}}


@pytest.fixture
def schedules(deployment: mc.Deployment) -> mc.SchedulesStorage:
    return mc.ConvexStore(deployment).schedules


def schedule(id: str = "s", **fields: Any) -> dict[str, Any]:
    return {"id": id, "target": WORKFLOW, "cron": "* * * * *", "next_fire_at": 1000, **fields}


def trigger(n: int, **fields: Any) -> dict[str, Any]:
    fired = {"scheduled_fire_at": n, "actual_fire_at": n, "outcome": "published"}
    return {"id": f"t{n}", "schedule_id": "s", **fired, **fields}


def test_a_schedule_comes_back_as_it_was_created(schedules: mc.SchedulesStorage) -> None:
    """A schedule comes back as it was created, with unchanged keys and times as numbers."""
    given = mc.Schedule(
        target={"type": "agent", "agentId": "a", "prompt": "Hi", "$x": None},
        cron="0 9 * * 1",
        timezone="Europe/Berlin",
        next_fire_at=1_767_225_600_000,
        metadata={"$y": [1]},
        owner_type="agent",
        owner_id="a",
    )
    assert schedules.create_schedule(given) == given
    assert schedules.get_schedule(given.id) == given
    assert (given.status, given.last_fire_at) == ("active", None)
    assert abs(given.created_at - time.time() * 1000) < 60_000
    assert schedules.get_schedule("other") is None


def test_a_schedule_is_created_once(schedules: mc.SchedulesStorage) -> None:
    """Creating a schedule with a taken id is an error and leaves the stored schedule unchanged."""
    first = schedules.create_schedule(schedule())
    with pytest.raises(
        mc.AlreadyExistsError, match=r'^SchedulesStorage.create_schedule: Schedule with id "s" already exists'
    ):
        schedules.create_schedule(schedule(cron="0 9 * * *"))
    assert schedules.get_schedule("s") == first


def test_an_update_changes_what_it_names(schedules: mc.SchedulesStorage) -> None:
    """An update changes the given fields, None clears one, a new target is found by its workflow, and an unknown
    schedule is an error.
    """
    schedules.create_schedule(
        schedule(timezone="UTC", metadata={"a": 1}, owner_type="agent", owner_id="a", updated_at=1, created_at=1)
    )
    update = {"timezone": None, "metadata": None, "owner_id": None, "status": "paused", "next_fire_at": 5}
    changed = schedules.update_schedule("s", update)
    assert changed == schedules.get_schedule("s")
    assert (changed.timezone, changed.metadata, changed.owner_id, changed.owner_type) == (None, None, None, "agent")
    assert (changed.status, changed.next_fire_at, changed.cron, changed.created_at) == ("paused", 5, "* * * * *", 1)
    assert changed.updated_at > 1
    assert schedules.update_schedule("s", {}) == changed
    schedules.update_schedule("s", {"target": {"type": "workflow", "workflowId": "v"}})
    assert schedules.list_schedules(workflow_id="w") == []
    assert [found.id for found in schedules.list_schedules(workflow_id="v")] == ["s"]
    schedules.update_schedule("s", {"target": {"type": "agent", "agentId": "a"}})
    assert schedules.list_schedules(workflow_id="v") == []
    with pytest.raises(mc.NotFoundError, match=r"^SchedulesStorage.update_schedule: Schedule other not found"):
        schedules.update_schedule("other", {"cron": "0 9 * * *"})


def test_the_next_time_is_of_the_cron_expression(schedules: mc.SchedulesStorage) -> None:
    """A schedule that is created without its next time, is changed, or is resumed, gets it from its expression and
    time zone.
    """
    before = time.time() * 1000
    made = schedules.create_schedule({"id": "s", "target": WORKFLOW, "cron": "0 9 * * *"})
    assert before < made.next_fire_at <= before + 86_400_000
    assert made.next_fire_at % 86_400_000 == 9 * 3_600_000
    changed = schedules.update_schedule("s", {"timezone": "Asia/Kolkata"})
    assert changed.next_fire_at % 86_400_000 == 3.5 * 3_600_000
    changed = schedules.update_schedule("s", {"cron": "30 * * * *", "timezone": None})
    assert changed.next_fire_at % 3_600_000 == 1_800_000
    changed = schedules.update_schedule("s", {"status": "paused", "next_fire_at": 5})
    assert (schedules.update_schedule("s", {"status": "paused"})).next_fire_at == 5
    assert (schedules.update_schedule("s", {"status": "active"})).next_fire_at > before
    assert (schedules.update_schedule("s", {"cron": "* * * * *", "next_fire_at": 5})).next_fire_at == 5


FILTERS: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["a", "b", "c", "d"]),
    ({"status": "active"}, ["a", "c", "d"]),
    ({"status": "paused", "workflow_id": "w"}, ["b"]),
    ({"workflow_id": "v"}, ["c"]),
    ({"owner_type": "agent"}, ["c", "d"]),
    ({"owner_type": "agent", "owner_id": "x"}, ["d"]),
    ({"owner_type": None}, ["a", "b"]),
    ({"owner_id": None, "status": "active"}, ["a", "c"]),
]


@pytest.mark.parametrize(("filter", "expected"), FILTERS, ids=str)
def test_schedules_are_listed_in_the_order_of_their_making(
    deployment: mc.Deployment, schedules: mc.SchedulesStorage, filter: Any, expected: list[str]
) -> None:
    """Schedules are listed oldest first, and rows without an owner's column have no owner."""
    schedules.create_schedule(schedule("d", created_at=4, owner_type="agent", owner_id="x"))
    schedules.create_schedule(
        schedule("c", created_at=3, target={"type": "workflow", "workflowId": "v"}, owner_type="agent")
    )
    schedules.create_schedule(schedule("b", created_at=2, status="paused"))
    record = {
        "id": "a",
        "target": '{"type":"workflow","workflowId":"u"}',
        "cron": "x",
        "status": "active",
        "next_fire_at": 1,
        "created_at": 1,
        "updated_at": 1,
        "workflow_id": "u",
    }
    deployment.mutation(STORAGE, {"op": "insert", "tableName": "mastra_schedules", "record": record})
    assert [found.id for found in schedules.list_schedules(filter)] == expected
    assert [found.id for found in schedules.list_schedules(**filter)] == expected


def test_more_schedules_than_a_call_reads_are_all_listed(
    deployment: mc.Deployment, schedules: mc.SchedulesStorage
) -> None:
    """All schedules are listed, even beyond Mastra's cap of 8,000."""
    record = {"target": '{"type":"agent"}', "cron": "x", "status": "active", "next_fire_at": 1, "updated_at": 1}
    for begin in range(0, 8_100, 450):
        records = [{"id": f"s{n}", "created_at": n, **record} for n in range(begin, begin + 450)]
        request = {"op": "batchInsert", "tableName": "mastra_schedules", "records": records}
        assert (deployment.mutation(STORAGE, request))["ok"]
    assert [found.id for found in schedules.list_schedules()] == [f"s{n}" for n in range(8_100)]


def test_due_schedules_come_longest_due_first(schedules: mc.SchedulesStorage) -> None:
    """Active schedules that are due now or earlier come longest due first, by default 100 of them."""
    for n in range(120):
        schedules.create_schedule(schedule(f"s{n}", next_fire_at=1000 - n))
    schedules.create_schedule(schedule("paused", next_fire_at=1, status="paused"))
    schedules.create_schedule(schedule("later", next_fire_at=1001))

    def due(*arguments: float) -> list[str]:
        return [found.id for found in schedules.list_due_schedules(*arguments)]

    assert due(1000) == [f"s{n}" for n in reversed(range(20, 120))]
    assert due(1000, 500) == [f"s{n}" for n in reversed(range(120))]
    assert due(1000 - 110, 3) == ["s119", "s118", "s117"]
    assert due(1, 5) == []
    assert due(1000, 0) == []
    assert len(schedules.list_due_schedules(limit=500)) == 121


def test_a_firing_is_won_by_one(schedules: mc.SchedulesStorage) -> None:
    """Of sixteen callers that see a schedule due, one fires it and the others get False."""
    schedules.create_schedule(schedule(next_fire_at=1000))
    fired = together(
        [partial(schedules.update_schedule_next_fire, "s", 1000, 2000, 1001, f"run{n}") for n in range(16)]
    )
    assert sum(fired) == 1
    found = schedules.get_schedule("s")
    assert found is not None
    assert (found.next_fire_at, found.last_fire_at, found.last_run_id) == (2000, 1001, f"run{fired.index(True)}")
    schedules.update_schedule("s", {"status": "paused"})
    assert not schedules.update_schedule_next_fire("s", 2000, 3000, 2001, "run")
    assert not schedules.update_schedule_next_fire("other", 1, 2, 1, "run")


def test_triggers_come_newest_first(schedules: mc.SchedulesStorage) -> None:
    """By default 100 triggers come, newest first; a range includes its start and not its end."""
    for n in range(300):
        schedules.record_trigger(trigger(n))
    schedules.record_trigger(trigger(999, schedule_id="other"))

    def listed(**options: Any) -> list[int]:
        return [int(found.id[1:]) for found in schedules.list_triggers("s", **options)]

    assert listed() == list(range(299, 199, -1))
    assert listed(limit=1000) == list(range(299, -1, -1))
    assert listed(limit=3, to_actual_fire_at=200) == [199, 198, 197]
    assert listed(from_actual_fire_at=297) == [299, 298, 297]
    assert listed(from_actual_fire_at=5, to_actual_fire_at=7) == [6, 5]
    assert listed(limit=0) == []


def test_a_trigger_comes_back_as_it_was_recorded(schedules: mc.SchedulesStorage) -> None:
    """A trigger is stored once, with missing fields filled in."""
    given = mc.ScheduleTrigger(
        schedule_id="s", scheduled_fire_at=1, outcome="failed", error="no", metadata={"$a": 1}, run_id="r"
    )
    assert schedules.record_trigger(given) == given
    assert schedules.list_triggers("s") == [given]
    assert given.trigger_kind == "schedule-fire"
    with pytest.raises(
        mc.AlreadyExistsError,
        match=f'^SchedulesStorage.record_trigger: Schedule trigger with id "{given.id}" already exists',
    ):
        schedules.record_trigger(given)


def test_a_schedule_goes_with_its_triggers(schedules: mc.SchedulesStorage) -> None:
    """All of the schedule's triggers are returned, and none of other schedules."""
    schedules.create_schedule(schedule())
    for n in range(60):
        schedules.record_trigger(trigger(n))
    schedules.record_trigger(trigger(99, schedule_id="other"))
    schedules.delete_schedule("s")
    schedules.delete_schedule("s")
    assert schedules.get_schedule("s") is None
    assert schedules.list_triggers("s") == []
    assert len(schedules.list_triggers("other")) == 1


def test_a_heartbeat_is_an_agent(deployment: mc.Deployment, schedules: mc.SchedulesStorage) -> None:
    """The heartbeat of older versions of Mastra is read as an agent's target."""
    schedules.create_schedule(schedule())
    record = {"target": '{"type":"heartbeat","agentId":"a"}'}
    deployment.mutation(STORAGE, {"op": "patch", "tableName": "mastra_schedules", "id": "s", "record": record})
    found = schedules.get_schedule("s")
    assert found is not None
    assert found.target == {"type": "agent", "agentId": "a"}


BAD_CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("create_schedule", ({"cron": "x"},), {}, "target missing"),
    ("create_schedule", (schedule(target={"workflowId": "w"}),), {}, "target is .*expected a dict with 'type'"),
    ("create_schedule", (schedule(target="w"),), {}, "target is 'w'"),
    ("create_schedule", (schedule(metadata=[]),), {}, r"metadata is \[\]; expected a dict"),
    ("create_schedule", (schedule(status="on"),), {}, "status is 'on'; expected one of: active, paused"),
    ("create_schedule", (schedule(next_fire_at="soon"),), {}, "next_fire_at is 'soon'; expected a finite number"),
    ("create_schedule", (schedule(cron=""),), {}, "cron is ''"),
    ("update_schedule", ("", {}), {}, "id is ''"),
    ("update_schedule", ("s", {"id": "t"}), {}, "a schedule's id can't change"),
    ("update_schedule", ("s", {"nextFireAt": 1}), {}, "has no 'nextFireAt'"),
    ("update_schedule", ("s", {"target": {}}), {}, "expected a dict with 'type'"),
    ("update_schedule", ("s", {"cron": None}), {}, "patch: cron is None; a Schedule can't be without it"),
    ("update_schedule_next_fire", ("s", None, 1, 1, "r"), {}, "expected_next_fire_at is None"),
    ("list_due_schedules", (float("nan"),), {}, "now is nan"),
    ("list_due_schedules", (1, -1), {}, "limit"),
    ("list_schedules", ({"workflowId": "w"},), {}, "filter has no 'workflowId'"),
    ("list_schedules", (), {"status": "on"}, "status is 'on'"),
    ("record_trigger", ({"schedule_id": "s", "outcome": "x"},), {}, "scheduled_fire_at missing"),
    ("list_triggers", ("",), {}, "schedule_id is ''"),
    ("list_triggers", ("s",), {"limit": 1.5}, "limit"),
    ("list_triggers", ("s",), {"from_actual_fire_at": "soon"}, "from_actual_fire_at is 'soon'"),
    ("delete_schedule", ("",), {}, "id is ''"),
]


@pytest.mark.parametrize(("method", "arguments", "options", "message"), BAD_CALLS)
def test_invalid_arguments_are_named_and_change_nothing(
    schedules: mc.SchedulesStorage,
    method: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    message: str,
) -> None:
    """An invalid argument raises an error with the method, the argument, its value and the expected form, and changes
    nothing.
    """
    before = schedules.create_schedule(schedule())
    with pytest.raises(mc.InvalidArgumentError, match=rf"SchedulesStorage\.{method}.*{message}"):
        getattr(schedules, method)(*arguments, **options)
    assert schedules.list_schedules() == [before]
    assert schedules.list_triggers("s") == []


GOOD_CRONS = ["* * * * *", "*/5 9-17 * * MON-FRI", "0 0 9 L * *", "0 9 ? * 1#2", "@daily", "@Hourly", " 0 9 * * * "]
BAD_CRONS = ["nonsense", "* * * *", "60 * * * *", "* * * * * * *", "0 0 31 2 *", "@never", "", None, 5]


@pytest.mark.parametrize("cron", GOOD_CRONS)
def test_a_cron_expression_is_stored_as_it_was_given(schedules: mc.SchedulesStorage, cron: str) -> None:
    assert (schedules.create_schedule(schedule(cron=cron))).cron == cron


@pytest.mark.parametrize("cron", BAD_CRONS)
def test_a_cron_expression_that_is_none_is_refused(schedules: mc.SchedulesStorage, cron: Any) -> None:
    """An invalid schedule is refused when it is created or changed. One that another client wrote can be read."""
    with pytest.raises(mc.InvalidArgumentError, match=r"create_schedule: schedule: cron (is|missing)"):
        schedules.create_schedule(schedule(cron=cron))
    stored = schedules.create_schedule(schedule())
    with pytest.raises(mc.InvalidArgumentError, match="update_schedule: patch: cron is"):
        schedules.update_schedule("s", {"cron": cron})
    assert schedules.get_schedule("s") == stored
    row = {"id": "s", "cron": "nonsense", "timezone": "Mars/North"}
    request = {"op": "insert", "tableName": "mastra_schedules", "record": row}
    schedules._storage._functions.call("mutation", STORAGE, request)
    found = schedules.get_schedule("s")
    assert found is not None
    assert (found.cron, found.timezone) == ("nonsense", "Mars/North")


@pytest.mark.parametrize("zone", ["Mars/North", "", "../etc/passwd", "Europe", "/etc/localtime", 1])
def test_a_time_zone_that_is_none_is_refused(schedules: mc.SchedulesStorage, zone: Any) -> None:
    with pytest.raises(mc.InvalidArgumentError, match="create_schedule: schedule: timezone is"):
        schedules.create_schedule(schedule(timezone=zone))
