# Generated from _async/test_subscribe.py by tools/unasync.py: edit that.
"""A subscription returns the newest state first, then each change."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from mastra_convex import _native
from tests.contract._sync._call import together
from tests.support.folders import functions_with

WATCH = "mastra/queries:watchThread"


def save(deployment: mc.Deployment, title: str, id: str = "t1") -> None:
    mc.ConvexStore(deployment).memory.save_thread(mc.Thread(id=id, resource_id="ada", title=title))


def watch(deployment: mc.Deployment, id: str = "t1") -> mc.Subscription[Any]:
    return deployment.subscribe(WATCH, {"threadId": id})


def test_the_newest_state_comes_first_and_then_each_change(deployment: mc.Deployment) -> None:
    """Iterating yields the current state, then each change."""
    titles = ["one", "two", "three"]
    save(deployment, "one")
    found = []
    with watch(deployment) as states:
        for state in states:
            found.append(state["title"])
            if len(found) == len(titles):
                break
            save(deployment, titles[len(found)])
    assert found == titles


def test_a_waiting_next_is_woken_by_a_write(deployment: mc.Deployment) -> None:
    """A write from elsewhere wakes a waiting `next`."""
    states = watch(deployment)
    assert states.next() is None
    state, _ = together([lambda: states.next(timeout=20), lambda: save(deployment, "new")])
    assert state["title"] == "new"


def test_a_slow_consumer_gets_the_newest_state_only(deployment: mc.Deployment) -> None:
    """Writes between two reads are one change."""
    states = watch(deployment)
    assert states.next() is None
    for number in range(20):
        save(deployment, str(number))
    taken: list[str] = []
    while "19" not in taken:
        taken.append((states.next(timeout=20))["title"])
    # Over HTTP, the last write may still be on its way when the first state is taken.
    assert len(taken) < 5
    with pytest.raises(mc.TransportTimeoutError, match=r"watchThread did not change within 0 s"):
        states.next(timeout=0)


def test_nothing_comes_where_nothing_changed(deployment: mc.Deployment) -> None:
    """A write to other data, and one that is undone before the next read, are no changes."""
    save(deployment, "same")
    states = watch(deployment)
    states.next()
    save(deployment, "other", id="t2")
    with pytest.raises(TimeoutError):
        states.next(timeout=0.05)


COUNTING = Path(__file__).parent.parent / "counting.ts"


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    """Our functions, and a query that logs each run and fails on one title."""
    return functions_with(tmp_path / "convex", {"counting.ts": COUNTING.read_text()})


def test_a_query_runs_only_for_a_commit_that_touches_it(
    functions: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither an unrelated write nor a read runs the query."""
    caplog.set_level("INFO", "mastra_convex.functions")
    with mc.connect(":memory:", functions=functions) as deployment:
        states = deployment.subscribe("counting:watch", {"title": ""})
        assert states.next() == 0
        save(deployment, "elsewhere", id="t2")
        for _ in range(3):
            with pytest.raises(mc.TransportTimeoutError):
                states.next(timeout=0)
        save(deployment, "here")
        assert states.next() == 1
    assert len(caplog.records) == 2


def test_a_query_that_fails_goes_on(functions: Path) -> None:
    """A failed query's error is raised once, and the next state is a good one."""
    with mc.connect(":memory:", functions=functions) as deployment:
        states = deployment.subscribe("counting:watch", {"title": "bad"})
        assert states.next() == 0
        save(deployment, "bad")
        with pytest.raises(mc.FunctionError, match="not that title"):
            states.next()
        with pytest.raises(mc.TransportTimeoutError):
            states.next(timeout=0)
        save(deployment, "good")
        assert states.next() == 1


def test_a_cancelled_wait_loses_no_state(deployment: mc.Deployment) -> None:
    """After a wait is cancelled, the next one gets the state."""
    states = watch(deployment)
    assert states.next() is None
    for number in range(10):
        with pytest.raises(mc.TransportTimeoutError):
            states.next(timeout=0.001)
        save(deployment, str(number))
        assert (states.next())["title"] == str(number)


def end(states: mc.Subscription[Any]) -> bool:
    """Whether a wait ended because the subscription was closed."""
    for _ in states:
        pass
    return True


CLOSERS: list[Callable[[mc.Deployment, mc.Subscription[Any]], Any]] = [
    lambda deployment, states: states.close(),
    lambda deployment, states: deployment.close(),
]


@pytest.mark.parametrize("close", CLOSERS, ids=["subscription", "deployment"])
def test_closing_ends_a_waiting_next(
    deployment: mc.Deployment, close: Callable[[mc.Deployment, mc.Subscription[Any]], Any]
) -> None:
    """Closing the subscription or its deployment ends every wait, and closing again does nothing."""
    states = watch(deployment)
    states.next()

    def closing() -> bool:
        close(deployment, states)
        return True

    assert together([lambda: end(states), closing]) == [True, True]
    with pytest.raises(StopIteration):
        states.next()
    close(deployment, states)


def test_one_that_never_began_can_be_closed(deployment: mc.Deployment) -> None:
    """A subscription that never began can be closed. Its query isn't called, and no state comes."""
    states = deployment.subscribe("no/such:query")
    states.close()
    assert end(states)


def test_a_query_that_cannot_be_followed_raises_at_its_first_state(deployment: mc.Deployment) -> None:
    """A query that can't be followed raises the error of a call as its first state."""
    with pytest.raises(mc.FunctionNotFoundError, match="no/such:query"):
        deployment.subscribe("no/such:query").next()
    with pytest.raises(mc.ArgumentValidationError):
        deployment.subscribe(WATCH, {"thread": 1}).next()
    with pytest.raises(mc.InvalidArgumentError, match=r"args\.threadId"):
        deployment.subscribe(WATCH, {"threadId": {1}}).next()


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "1"], ids=repr)
def test_a_timeout_is_seconds(deployment: mc.Deployment, timeout: Any) -> None:
    """A timeout that isn't a number of seconds is an error."""
    with pytest.raises(mc.InvalidArgumentError, match=r"next: timeout .*; expected seconds, zero or more"):
        watch(deployment).next(timeout=timeout)


def test_a_dropped_subscription_leaves_nothing_behind(tmp_path: Path) -> None:
    """After a dropped subscription, closing the deployment closes the folder."""
    with mc.connect(tmp_path / "data") as deployment:
        states = [watch(deployment, str(number)) for number in range(100)]
        assert [state.next() for state in states] == [None] * 100
        del states
        gc.collect()
        save(deployment, "one", id="7")
    native = _native.EmbeddedDeployment(tmp_path / "data", functions=None, limits="off", synchronous="full")
    native.close()
