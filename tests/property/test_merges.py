"""Concurrent merges give the result of the same merges one after the other, in some order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mastra_convex as mc
from mastra_convex import _native

State = dict[str, Any]

keys = st.sampled_from("ab")
numbers = st.integers(0, 99)
patches = st.dictionaries(keys, numbers, min_size=1)
# Results of loops are merged by element, others as a whole.
outputs = st.lists(st.one_of(st.none(), numbers), min_size=1, max_size=3)
results = st.one_of(numbers, outputs.map(lambda output: {"output": output}))
steps = st.tuples(keys, results, patches)


@pytest.fixture(scope="module", params=["embedded", "served"])
def store(request: pytest.FixtureRequest) -> Iterator[mc.ConvexStore]:
    """A store that all examples share, each with rows of its own."""
    deployment = _native.EmbeddedDeployment(None, functions=None, limits="convex", synchronous="full")
    server = _native.HttpServer(deployment, host="127.0.0.1", port=0, folder=None)
    target = {"embedded": ":memory:", "served": server.url}[request.param]
    options: Any = {"admin_key": server.admin_key} if request.param == "served" else {}
    with mc.ConvexStore(target, **options) as store:
        yield store
    server.stop()


def together(update: Callable[[Any], Any], writers: list[list[Any]]) -> list[list[Any]]:
    """The results of each writer's updates, one after the other, while the other writers update too."""
    start = Barrier(len(writers))

    def write(writes: list[Any]) -> list[Any]:
        start.wait(20)
        return [update(each) for each in writes]

    with ThreadPoolExecutor(len(writers)) as threads:
        return list(threads.map(write, writers))


def has_order(
    state: State, writers: list[list[Any]], returned: list[list[Any]], merge: Callable[[State, Any], Any], end: State
) -> bool:
    """Whether some order of the writes explains the returned values and the stored one."""
    if not any(writers):
        return state == end
    for n, (writes, values) in enumerate(zip(writers, returned, strict=True)):
        if writes:
            after = copy.deepcopy(state)
            if merge(after, writes[0]) == values[0]:
                rest = [*writers[:n], writes[1:], *writers[n + 1 :]]
                values_left = [*returned[:n], values[1:], *returned[n + 1 :]]
                if has_order(after, rest, values_left, merge, end):
                    return True
    return False


def merge_metadata(state: State, patch: State) -> State:
    state |= patch
    return dict(state)


def merge_step(state: State, write: tuple[str, Any, State]) -> State:
    """A list's elements replace those stored unless they are None."""
    step, result, request_context = write
    context = state["context"]
    before = context.get(step)
    if isinstance(before, dict) and isinstance(result, dict):
        old, new = before["output"], result["output"]
        length = max(len(old), len(new))
        filled = [[*values, *[None] * (length - len(values))] for values in (old, new)]
        result = {"output": [was if now is None else now for was, now in zip(*filled, strict=True)]}
    context[step] = result
    state["requestContext"] |= request_context
    return copy.deepcopy(context)


def of_three(writes: st.SearchStrategy[Any]) -> st.SearchStrategy[list[list[Any]]]:
    """The updates of three writers."""
    return st.lists(st.lists(writes, min_size=1, max_size=3), min_size=3, max_size=3)


some = settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])


@some
@given(writers=of_three(patches))
def test_metadata_of_threads_and_resources(store: mc.ConvexStore, writers: list[list[State]]) -> None:
    id = str(uuid4())
    memory = store.memory
    memory.save_thread(mc.Thread(id=id, resource_id="ada"))

    def update_thread(patch: State) -> State:
        return memory.update_thread(id, metadata=patch).metadata

    def update_resource(patch: State) -> State:
        return memory.update_resource(id, metadata=patch).metadata

    for update in (update_thread, update_resource):
        assert has_order({}, writers, together(update, writers), merge_metadata, update({}))


@some
@given(writers=of_three(steps))
def test_results_of_steps(store: mc.ConvexStore, writers: list[list[Any]]) -> None:
    id = str(uuid4())
    begin: State = {"context": {}, "requestContext": {}}
    store.workflows.persist_workflow_snapshot("w", id, begin)

    def update(step: tuple[str, Any, State]) -> State:
        return store.workflows.update_workflow_results("w", id, *step)

    returned = together(update, writers)
    assert has_order(begin, writers, returned, merge_step, store.workflows.load_workflow_snapshot("w", id) or {})


@some
@given(writers=of_three(patches))
def test_states_of_runs(store: mc.ConvexStore, writers: list[list[State]]) -> None:
    id = str(uuid4())
    begin: State = {"context": {}}
    store.workflows.persist_workflow_snapshot("w", id, begin)

    def update(patch: State) -> State | None:
        return store.workflows.update_workflow_state("w", id, patch)

    returned = together(update, writers)
    assert has_order(begin, writers, returned, merge_metadata, store.workflows.load_workflow_snapshot("w", id) or {})
