"""State of threads, such as their task list and their goal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import mastra_convex as mc


@pytest.fixture
def states(deployment: mc.AsyncDeployment) -> mc.AsyncThreadStateStorage:
    return mc.AsyncConvexStore(deployment).thread_state


@pytest.mark.parametrize("value", [[], {"a": [1, None]}, {"$ref": {"ключ": 2.5}}, "[1]", 0, False, None])
async def test_a_state_comes_back_as_it_was_set(states: mc.AsyncThreadStateStorage, value: Any) -> None:
    """Any JSON is a state, keys that Convex refuses included."""
    await states.set_state("t", "task", value)
    assert await states.get_state("t", "task") == value


async def test_a_thread_has_one_state_of_each_type(states: mc.AsyncThreadStateStorage) -> None:
    """Setting a state replaces it as a whole, and leaves those of other types and threads."""
    for thread, type in (("t", "task"), ("t", "goal"), ("u", "task"), ("t-task", "x"), ("t", "task-x")):
        await states.set_state(thread, type, {"of": thread, "type": type})
    first = await states.list_states("t")
    await states.set_state("t", "task", {"new": True})
    second = await states.list_states("t")
    assert [state.type for state in second] == ["goal", "task", "task-x"]
    assert (second[0], second[2]) == (first[0], first[2])
    assert (second[1].value, second[1].created_at) == ({"new": True}, first[1].created_at)
    assert second[1].updated_at >= first[1].updated_at
    assert await states.get_state("u", "task") == {"of": "u", "type": "task"}
    assert await states.get_state("t-task", "x") == {"of": "t-task", "type": "x"}
    assert await states.get_state("t", "plan") is None


async def test_a_deleted_state_is_none(states: mc.AsyncThreadStateStorage) -> None:
    """Deleting it again does nothing."""
    await states.set_state("t", "task", 1)
    await states.set_state("t", "goal", 2)
    for _ in range(2):
        await states.delete_state("t", "task")
        assert await states.get_state("t", "task") is None
    assert await states.get_state("t", "goal") == 2
    await states.dangerously_clear_all()
    assert await states.get_state("t", "goal") is None


async def test_a_state_goes_with_its_thread(deployment: mc.AsyncDeployment) -> None:
    """Deleting a thread deletes its states; forgetting a resource those of its threads."""
    store = mc.AsyncConvexStore(deployment)
    for thread, owner in (("a", "ada"), ("b", "ada"), ("c", "bob")):
        await store.memory.save_thread(mc.Thread(id=thread, resource_id=owner))
        await store.thread_state.set_state(thread, "task", thread)
    await store.memory.delete_thread("a")
    assert await store.thread_state.get_state("a", "task") is None
    assert await store.forget("ada") == {"mastra_threads": 1, "mastra_thread_state": 1}
    assert await store.thread_state.get_state("c", "task") == "c"


async def test_old_states_are_pruned(deployment: mc.AsyncDeployment) -> None:
    """A state ages from the time when it was last set."""
    store = mc.AsyncConvexStore(deployment)
    await store.thread_state.set_state("t", "task", 1)
    assert await store.prune({"mastra_thread_state": {"max_age": timedelta(days=1)}}) == {}
    while not await store.prune({"mastra_thread_state": {"max_age": timedelta(0)}}):
        pass
    assert await store.thread_state.get_state("t", "task") is None


async def test_invalid_arguments_name_the_argument(states: mc.AsyncThreadStateStorage) -> None:
    with pytest.raises(mc.InvalidArgumentError, match="get_state: thread_id is ''; expected text"):
        await states.get_state("", "task")
    with pytest.raises(mc.InvalidArgumentError, match="set_state: type is None"):
        await states.set_state("t", None, 1)  # type: ignore[arg-type]
    with pytest.raises(mc.InvalidArgumentError, match="set_state: value"):
        await states.set_state("t", "task", object())
    assert await states.list_states("t") == []
