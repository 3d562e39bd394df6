"""A subscription returns the newest state first, then each change."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from mastra_convex import _native
from tests.contract._async._call import together
from tests.support.folders import functions_with

WATCH = "mastra/queries:watchThread"


async def save(deployment: mc.AsyncDeployment, title: str, id: str = "t1") -> None:
    await mc.AsyncConvexStore(deployment).memory.save_thread(mc.Thread(id=id, resource_id="ada", title=title))


def watch(deployment: mc.AsyncDeployment, id: str = "t1") -> mc.AsyncSubscription[Any]:
    return deployment.subscribe(WATCH, {"threadId": id})


async def test_the_newest_state_comes_first_and_then_each_change(deployment: mc.AsyncDeployment) -> None:
    """Iterating yields the current state, then each change."""
    titles = ["one", "two", "three"]
    await save(deployment, "one")
    found = []
    async with watch(deployment) as states:
        async for state in states:
            found.append(state["title"])
            if len(found) == len(titles):
                break
            await save(deployment, titles[len(found)])
    assert found == titles


async def test_a_waiting_next_is_woken_by_a_write(deployment: mc.AsyncDeployment) -> None:
    """A write from elsewhere wakes a waiting `next`."""
    states = watch(deployment)
    assert await states.next() is None
    state, _ = await together([lambda: states.next(timeout=20), lambda: save(deployment, "new")])
    assert state["title"] == "new"


async def test_a_slow_consumer_gets_the_newest_state_only(deployment: mc.AsyncDeployment) -> None:
    """Writes between two reads are one change."""
    states = watch(deployment)
    assert await states.next() is None
    for number in range(20):
        await save(deployment, str(number))
    taken: list[str] = []
    while "19" not in taken:
        taken.append((await states.next(timeout=20))["title"])
    # Over HTTP, the last write may still be on its way when the first state is taken.
    assert len(taken) < 5
    with pytest.raises(mc.TransportTimeoutError, match=r"watchThread did not change within 0 s"):
        await states.next(timeout=0)


async def test_nothing_comes_where_nothing_changed(deployment: mc.AsyncDeployment) -> None:
    """A write to other data, and one that is undone before the next read, are no changes."""
    await save(deployment, "same")
    states = watch(deployment)
    await states.next()
    await save(deployment, "other", id="t2")
    with pytest.raises(TimeoutError):
        await states.next(timeout=0.05)


COUNTING = Path(__file__).parent.parent / "counting.ts"


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    """Our functions, and a query that logs each run and fails on one title."""
    return functions_with(tmp_path / "convex", {"counting.ts": COUNTING.read_text()})


async def test_a_query_runs_only_for_a_commit_that_touches_it(
    functions: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an unrelated write nor a read runs the query."""
    caplog.set_level("INFO", "mastra_convex.functions")
    async with mc.connect_async(":memory:", functions=functions) as deployment:
        states = deployment.subscribe("counting:watch", {"title": ""})
        assert await states.next() == 0
        await save(deployment, "elsewhere", id="t2")
        for _ in range(3):
            with pytest.raises(mc.TransportTimeoutError):
                await states.next(timeout=0)
        await save(deployment, "here")
        assert await states.next() == 1
    assert len(caplog.records) == 2


async def test_a_query_that_fails_goes_on(functions: Path) -> None:
    """A failed query's error is raised once, and the next state is a good one."""
    async with mc.connect_async(":memory:", functions=functions) as deployment:
        states = deployment.subscribe("counting:watch", {"title": "bad"})
        assert await states.next() == 0
        await save(deployment, "bad")
        with pytest.raises(mc.FunctionError, match="not that title"):
            await states.next()
        with pytest.raises(mc.TransportTimeoutError):
            await states.next(timeout=0)
        await save(deployment, "good")
        assert await states.next() == 1


async def test_a_cancelled_wait_loses_no_state(deployment: mc.AsyncDeployment) -> None:
    """After a wait is cancelled, the next one gets the state."""
    states = watch(deployment)
    assert await states.next() is None
    for number in range(10):
        with pytest.raises(mc.TransportTimeoutError):
            await states.next(timeout=0.001)
        await save(deployment, str(number))
        assert (await states.next())["title"] == str(number)


async def end(states: mc.AsyncSubscription[Any]) -> bool:
    """Whether a wait ended because the subscription was closed."""
    async for _ in states:
        pass
    return True


CLOSERS: list[Callable[[mc.AsyncDeployment, mc.AsyncSubscription[Any]], Any]] = [
    lambda deployment, states: states.close(),
    lambda deployment, states: deployment.close(),
]


@pytest.mark.parametrize("close", CLOSERS, ids=["subscription", "deployment"])
async def test_closing_ends_a_waiting_next(
    deployment: mc.AsyncDeployment, close: Callable[[mc.AsyncDeployment, mc.AsyncSubscription[Any]], Any]
) -> None:
    """Closing the subscription or its deployment ends every wait, and closing again does nothing."""
    states = watch(deployment)
    await states.next()

    async def closing() -> bool:
        await close(deployment, states)
        return True

    assert await together([lambda: end(states), closing]) == [True, True]
    with pytest.raises(StopAsyncIteration):
        await states.next()
    await close(deployment, states)


async def test_one_that_never_began_can_be_closed(deployment: mc.AsyncDeployment) -> None:
    """A subscription that never began can be closed. Its query isn't called, and no state comes."""
    states = deployment.subscribe("no/such:query")
    await states.close()
    assert await end(states)


async def test_a_query_that_cannot_be_followed_raises_at_its_first_state(deployment: mc.AsyncDeployment) -> None:
    """A query that can't be followed raises the error of a call as its first state."""
    with pytest.raises(mc.FunctionNotFoundError, match="no/such:query"):
        await deployment.subscribe("no/such:query").next()
    with pytest.raises(mc.ArgumentValidationError):
        await deployment.subscribe(WATCH, {"thread": 1}).next()
    with pytest.raises(mc.InvalidArgumentError, match=r"args\.threadId"):
        await deployment.subscribe(WATCH, {"threadId": {1}}).next()


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "1"], ids=repr)
async def test_a_timeout_is_seconds(deployment: mc.AsyncDeployment, timeout: Any) -> None:
    """A timeout that isn't a number of seconds is an error."""
    with pytest.raises(mc.InvalidArgumentError, match=r"next: timeout .*; expected seconds, zero or more"):
        await watch(deployment).next(timeout=timeout)


async def test_a_dropped_subscription_leaves_nothing_behind(tmp_path: Path) -> None:
    """After a dropped subscription, closing the deployment closes the folder."""
    async with mc.connect_async(tmp_path / "data") as deployment:
        states = [watch(deployment, str(number)) for number in range(100)]
        assert [await state.next() for state in states] == [None] * 100
        del states
        gc.collect()
        await save(deployment, "one", id="7")
    native = _native.EmbeddedDeployment(tmp_path / "data", functions=None, limits="off", synchronous="full")
    native.close()
