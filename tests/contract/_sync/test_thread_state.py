# Generated from _async/test_thread_state.py by tools/unasync.py: edit that.
"""State of threads, such as their task list and their goal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import mastra_convex as mc


@pytest.fixture
def states(deployment: mc.Deployment) -> mc.ThreadStateStorage:
    return mc.ConvexStore(deployment).thread_state


@pytest.mark.parametrize("value", [[], {"a": [1, None]}, {"$ref": {"ключ": 2.5}}, "[1]", 0, False, None])
def test_a_state_comes_back_as_it_was_set(states: mc.ThreadStateStorage, value: Any) -> None:
    """Any JSON is a state, keys that Convex refuses included."""
    states.set_state("t", "task", value)
    assert states.get_state("t", "task") == value


def test_a_thread_has_one_state_of_each_type(states: mc.ThreadStateStorage) -> None:
    """Setting a state replaces it as a whole, and leaves those of other types and threads."""
    for thread, type in (("t", "task"), ("t", "goal"), ("u", "task"), ("t-task", "x"), ("t", "task-x")):
        states.set_state(thread, type, {"of": thread, "type": type})
    first = states.list_states("t")
    states.set_state("t", "task", {"new": True})
    second = states.list_states("t")
    assert [state.type for state in second] == ["goal", "task", "task-x"]
    assert (second[0], second[2]) == (first[0], first[2])
    assert (second[1].value, second[1].created_at) == ({"new": True}, first[1].created_at)
    assert second[1].updated_at >= first[1].updated_at
    assert states.get_state("u", "task") == {"of": "u", "type": "task"}
    assert states.get_state("t-task", "x") == {"of": "t-task", "type": "x"}
    assert states.get_state("t", "plan") is None


def test_a_deleted_state_is_none(states: mc.ThreadStateStorage) -> None:
    """Deleting it again does nothing."""
    states.set_state("t", "task", 1)
    states.set_state("t", "goal", 2)
    for _ in range(2):
        states.delete_state("t", "task")
        assert states.get_state("t", "task") is None
    assert states.get_state("t", "goal") == 2
    states.dangerously_clear_all()
    assert states.get_state("t", "goal") is None


def test_a_state_goes_with_its_thread(deployment: mc.Deployment) -> None:
    """Deleting a thread deletes its states; forgetting a resource those of its threads."""
    store = mc.ConvexStore(deployment)
    for thread, owner in (("a", "ada"), ("b", "ada"), ("c", "bob")):
        store.memory.save_thread(mc.Thread(id=thread, resource_id=owner))
        store.thread_state.set_state(thread, "task", thread)
    store.memory.delete_thread("a")
    assert store.thread_state.get_state("a", "task") is None
    assert store.forget("ada") == {"mastra_threads": 1, "mastra_thread_state": 1}
    assert store.thread_state.get_state("c", "task") == "c"


def test_old_states_are_pruned(deployment: mc.Deployment) -> None:
    """A state ages from the time when it was last set."""
    store = mc.ConvexStore(deployment)
    store.thread_state.set_state("t", "task", 1)
    assert store.prune({"mastra_thread_state": {"max_age": timedelta(days=1)}}) == {}
    while not store.prune({"mastra_thread_state": {"max_age": timedelta(0)}}):
        pass
    assert store.thread_state.get_state("t", "task") is None


def test_invalid_arguments_name_the_argument(states: mc.ThreadStateStorage) -> None:
    with pytest.raises(mc.InvalidArgumentError, match="get_state: thread_id is ''; expected text"):
        states.get_state("", "task")
    with pytest.raises(mc.InvalidArgumentError, match="set_state: type is None"):
        states.set_state("t", None, 1)  # type: ignore[arg-type]
    with pytest.raises(mc.InvalidArgumentError, match="set_state: value"):
        states.set_state("t", "task", object())
    assert states.list_states("t") == []
