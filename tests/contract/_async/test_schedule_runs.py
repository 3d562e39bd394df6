"""`schedules.run`: each firing is handled by one of any number of runners."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

import mastra_convex as mc
from mastra_convex._async._call import pause
from mastra_convex._async.store.schedule_runs import FIRES
from tests.contract._async._call import a_stop, together
from tests.contract.deployed import STORAGE

AGENT = {"type": "agent", "agentId": "a"}


@pytest.fixture
def schedules(deployment: mc.AsyncDeployment) -> mc.AsyncSchedulesStorage:
    return mc.AsyncConvexStore(deployment).schedules


def schedule(id: str, **fields: Any) -> dict[str, Any]:
    """A schedule that was due long ago, and is next due in months."""
    return {"id": id, "target": AGENT, "cron": "0 0 29 2 *", "next_fire_at": 1000, **fields}


async def test_a_due_schedule_is_fired(schedules: mc.AsyncSchedulesStorage) -> None:
    """The handler gets the schedule, which has its next time, and the firing's id. The outcome is recorded."""
    await schedules.create_schedule(schedule("s", metadata={"$a": 1}))
    await schedules.create_schedule(schedule("later", next_fire_at=2**52))
    await schedules.create_schedule(schedule("paused", status="paused"))
    stop = a_stop()
    handled = []

    async def handle(due: mc.Schedule, fire_id: str) -> None:
        handled.append((due, fire_id))
        stop.set()

    before = time.time() * 1000
    await schedules.run(handle, interval=0.01, stop=stop)
    [(due, fire_id)] = handled
    assert (fire_id, due.metadata) == ("sched_s_1000", {"$a": 1})
    assert due == await schedules.get_schedule("s")
    assert (due.next_fire_at, due.last_run_id) == (due.next_fire_after(), fire_id)
    assert due.last_fire_at is not None
    assert before - 60_000 < due.last_fire_at
    [trigger] = await schedules.list_triggers("s")
    assert trigger == mc.ScheduleTrigger(
        id=trigger.id,
        schedule_id="s",
        run_id=fire_id,
        scheduled_fire_at=1000,
        actual_fire_at=due.last_fire_at,
        outcome="succeeded",
    )


async def test_each_firing_is_one_runners(schedules: mc.AsyncSchedulesStorage) -> None:
    """Of six runners, each of forty firings is handled by one."""
    ids = [f"s{n}" for n in range(40)]
    for id in ids:
        await schedules.create_schedule(schedule(id))
    stop = a_stop()
    handled: Counter[str] = Counter()

    async def handle(due: mc.Schedule, fire_id: str) -> None:
        handled[fire_id] += 1
        if len(handled) == len(ids):
            stop.set()

    await together([partial(schedules.run, handle, interval=0.01, stop=stop) for _ in range(6)])
    assert handled == {f"sched_{id}_1000": 1 for id in ids}
    for id in ids:
        assert [trigger.outcome for trigger in await schedules.list_triggers(id)] == ["succeeded"]


async def test_a_failed_handler_is_recorded(
    schedules: mc.AsyncSchedulesStorage, caplog: pytest.LogCaptureFixture
) -> None:
    """A handler's error is recorded and logged, and the runner goes on. A handler may be a plain function."""
    await schedules.create_schedule(schedule("s"))
    await schedules.create_schedule(schedule("t", next_fire_at=1001))
    stop = a_stop()

    def handle(due: mc.Schedule, fire_id: str) -> None:
        if due.id == "s":
            raise LookupError("no such agent")

    async def stop_after_both() -> None:
        while not await schedules.list_triggers("t"):
            await pause(0.01, None)
        stop.set()

    with caplog.at_level(logging.ERROR, "mastra_convex.schedules"):
        await together([partial(schedules.run, handle, interval=0.01, stop=stop), stop_after_both])
    assert "schedule 's': the handler failed at sched_s_1000" in caplog.text
    [failed], [done] = await schedules.list_triggers("s"), await schedules.list_triggers("t")
    assert (failed.outcome, failed.error) == ("failed", "LookupError: no such agent")
    assert (done.outcome, done.error) == ("succeeded", None)


async def test_a_dead_runners_firing_is_anothers_after_the_lease(
    deployment: mc.AsyncDeployment, schedules: mc.AsyncSchedulesStorage
) -> None:
    """A runner that died leaves its firing, under the same id, to another one, when the lease has ended."""
    await schedules.create_schedule(schedule("s"))
    claim = {"scheduleId": "s", "scheduledFireAt": 1000, "nextFireAt": 2**52, "ownerId": "dead", "leaseMs": 600}
    reply = await schedules._storage._functions.call(
        "mutation", STORAGE, {"op": "claimFire", "tableName": FIRES, **claim}
    )
    assert reply["result"]["id"] == "sched_s_1000"
    claimed = time.monotonic()
    stop = a_stop()
    handled = []

    async def handle(due: mc.Schedule, fire_id: str) -> None:
        handled.append((fire_id, time.monotonic() - claimed))
        stop.set()

    await schedules.run(handle, interval=0.02, stop=stop)
    [(fire_id, waited)] = handled
    assert fire_id == "sched_s_1000"
    assert waited > 0.5


async def test_a_long_handler_keeps_its_firing(schedules: mc.AsyncSchedulesStorage) -> None:
    """A handler that takes longer than the lease isn't called twice: its runner renews the lease."""
    await schedules.create_schedule(schedule("s"))
    stop = a_stop()
    handled = []

    async def handle(due: mc.Schedule, fire_id: str) -> None:
        handled.append(fire_id)
        await pause(2, None)
        stop.set()

    await together([partial(schedules.run, handle, interval=0.05, lease=0.6, stop=stop) for _ in range(2)])
    assert handled == ["sched_s_1000"]


async def test_a_schedule_that_cannot_be_fired_is_told(
    deployment: mc.AsyncDeployment, schedules: mc.AsyncSchedulesStorage, caplog: pytest.LogCaptureFixture
) -> None:
    """A schedule of another client with an expression that can't be read is logged once, and others fire."""
    await schedules.create_schedule(schedule("bad", next_fire_at=999))
    row = {"id": "bad", "cron": "nonsense"}
    request = {"op": "insert", "tableName": "mastra_schedules", "record": row}
    await schedules._storage._functions.call("mutation", STORAGE, request)
    stop = a_stop()

    async def handle(due: mc.Schedule, fire_id: str) -> None:
        if due.id == "second":
            stop.set()
        else:
            await schedules.create_schedule(schedule("second"))

    await schedules.create_schedule(schedule("first"))
    with caplog.at_level(logging.ERROR, "mastra_convex.schedules"):
        await schedules.run(handle, interval=0.01, stop=stop)
    assert caplog.text.count("schedule 'bad' is due and can't be fired: ") == 1
    assert await schedules.list_triggers("bad") == []


async def test_closing_the_deployment_ends_a_run(
    deployment: mc.AsyncDeployment, schedules: mc.AsyncSchedulesStorage
) -> None:
    """A run returns after its deployment was closed. A run on a closed deployment is an error."""
    await schedules.create_schedule(schedule("s"))

    async def handle(due: mc.Schedule, fire_id: str) -> None:
        await deployment.close()

    await schedules.run(handle, interval=0.01)
    with pytest.raises(mc.MastraConvexError, match="closed"):
        await schedules.run(handle)


def nothing(due: mc.Schedule, fire_id: str) -> None:
    """A handler."""


@pytest.mark.parametrize(
    ("handler", "options", "message"),
    [
        (None, {}, "handler is None; expected a function of a schedule and an id"),
        (nothing, {"interval": 0}, "interval 0; expected seconds, more than 0"),
        (nothing, {"interval": "1"}, "interval '1'; expected seconds"),
        (nothing, {"lease": 0}, "lease 0; expected seconds, more than 0"),
        (nothing, {"stop": "now"}, "stop is 'now'; expected an Event"),
    ],
)
async def test_invalid_arguments_are_named_and_fire_nothing(
    schedules: mc.AsyncSchedulesStorage, handler: Callable[..., Any], options: dict[str, Any], message: str
) -> None:
    """An invalid argument raises an error with the argument, its value and the expected form."""
    await schedules.create_schedule(schedule("s"))
    with pytest.raises(mc.InvalidArgumentError, match=f"^SchedulesStorage.run: {message}"):
        await schedules.run(handler, **options)
    assert await schedules.list_triggers("s") == []
