"""LangGraph's own conformance suite, and tests of features beyond it."""

from __future__ import annotations

import asyncio
import operator
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

import numpy as np
import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.store.base import BaseStore
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, interrupt

import mastra_convex as mc
from mastra_convex import _native
from mastra_convex.adapters.langgraph import ConvexGraphStore, ConvexSaver
from tests.adapters.pages import follow
from tests.support.checkout import ROOT


async def test_the_saver_passes_the_conformance_suite(deployment: mc.Deployment) -> None:
    """The saver passes the suite with all capabilities, base and extended."""

    @checkpointer_test(name="ConvexSaver")
    async def saver() -> AsyncIterator[ConvexSaver]:
        yield ConvexSaver(deployment)

    report = await validate(saver)
    assert report.passed_all(), report.to_dict()


class State(TypedDict):
    """The state of the graphs in these tests."""

    steps: Annotated[list[str], operator.add]


def asking(checkpointer: ConvexSaver) -> Any:
    """A graph that asks for an answer between two steps."""
    builder = StateGraph(State)
    builder.add_node("first", lambda state: {"steps": ["first"]})
    builder.add_node("ask", lambda state: {"steps": [interrupt("go on?")]})
    builder.add_edge(START, "first")
    builder.add_edge("first", "ask")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=checkpointer)


def test_a_graph_is_interrupted_resumed_and_looked_at_again(deployment: mc.Deployment) -> None:
    """A graph gives the results of LangGraph's saver in memory, with a new saver each time, as in another process."""
    kept = InMemorySaver()
    assert travelled(lambda: ConvexSaver(deployment)) == travelled(lambda: kept)


def travelled(saver: Callable[[], BaseCheckpointSaver[Any]]) -> list[Any]:
    """The states of a graph that is interrupted, resumed, read, changed in the past, and continued from there."""
    config: Any = {"configurable": {"thread_id": "t"}}
    seen: list[Any] = [asking(saver()).invoke({"steps": []}, config)["steps"]]
    graph = asking(saver())
    seen.append(graph.get_state(config).next)
    seen.append(graph.invoke(Command(resume="yes"), config))
    history = list(graph.get_state_history(config))
    seen.extend((state.values, state.next, state.metadata["source"], state.metadata["step"]) for state in history)
    before = next(state for state in history if state.next == ("ask",))
    seen.append(graph.invoke(Command(resume="no"), before.config))
    fork = graph.update_state(history[-1].config, {"steps": ["changed"]})
    seen.append(asking(saver()).invoke(None, fork)["steps"])
    seen.append(len(list(graph.get_state_history(config))))
    return seen


async def test_a_graph_runs_by_awaited_calls(deployment: mc.Deployment) -> None:
    """Awaited calls give the results of sync calls."""
    config = {"configurable": {"thread_id": "t"}}
    graph = asking(ConvexSaver(deployment))
    await graph.ainvoke({"steps": []}, config)
    assert await graph.ainvoke(Command(resume="yes"), config) == {"steps": ["first", "yes"]}


def test_a_checkpoint_may_be_larger_than_a_document(deployment: mc.Deployment) -> None:
    """A checkpoint of 3 MiB comes back unchanged, and its deletion leaves nothing behind."""
    saver = ConvexSaver(deployment)
    checkpoint = {**empty_checkpoint(), "channel_values": {"large": "x" * (3 << 20)}}
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    written = saver.put(config, checkpoint, {"source": "input", "step": -1}, {})
    saver.put_writes(written, [("large", b"y" * (2 << 20))], "task")
    found = saver.get_tuple(config)
    assert found is not None
    assert found.checkpoint["channel_values"] == checkpoint["channel_values"]
    assert found.pending_writes == [("task", "large", b"y" * (2 << 20))]
    saver.delete_thread("t")
    assert saver.get_tuple(config) is None
    left = deployment.mutation("mastra/storage:handle", {"op": "queryTable", "tableName": "mastra_blobs"})
    assert left["result"] == []


STEPS = """
import operator, sys, time
from typing import Annotated, TypedDict
from langgraph.graph import END, START, StateGraph
from mastra_convex.adapters.langgraph import ConvexSaver

class State(TypedDict):
    steps: Annotated[list[int], operator.add]

def step(state):
    print("ran", len(state["steps"]), flush=True)
    return {"steps": [len(state["steps"])]}

builder = StateGraph(State)
builder.add_node("step", step)
builder.add_edge(START, "step")
builder.add_conditional_edges("step", lambda state: END if len(state["steps"]) == 30 else "step")
saver = ConvexSaver(sys.argv[1])
graph = builder.compile(checkpointer=saver)
config = {"configurable": {"thread_id": "t"}, "recursion_limit": 100}
state = graph.get_state(config)
steps = state.values.get("steps", [])
if len(steps) < 30:  # A run may be killed when all is done but told.
    given = None if state.next else {"steps": []}
    steps = graph.invoke(given, config, durability="sync")["steps"]
print("result", steps, flush=True)
saver.close()
"""


@pytest.mark.parametrize("kill_after", [1, 7, 20])
def test_a_killed_graph_goes_on_where_its_last_checkpoint_is(tmp_path: Path, kill_after: int) -> None:
    """No checkpointed step runs again; the interrupted one does."""
    follow_killed(tmp_path, [kill_after])


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_graphs_that_are_killed_a_hundred_times_end_as_if_they_weren_t(tmp_path: Path) -> None:
    """Runs of 30 steps, each killed again and again after a few steps, until a hundred kills are done."""
    chosen = np.random.default_rng(20_261)
    kills, runs = 0, 0
    while kills < 100:
        kills += follow_killed(tmp_path / str(runs), [int(after) for after in chosen.integers(1, 8, size=12)])
        runs += 1


def follow_killed(folder: Path, kill_after: list[int]) -> int:
    """Run a graph to its end, killed each time after so many steps. Returns how often it was killed."""
    program = [sys.executable, "-c", textwrap.dedent(STEPS), str(folder)]
    last, kills = -1, 0
    for steps in kill_after:
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            ran = [process.stdout.readline() for _ in range(steps)]
            process.send_signal(signal.SIGKILL)
            ran += process.stdout.read().splitlines()
        if any(line.startswith("result") for line in ran):
            break
        kills += 1
        done = [int(line.split()[1]) for line in ran if line.strip()]
        # The interrupted step runs again, unless its checkpoint was written.
        assert done[0] in (last, last + 1)
        assert done == list(range(done[0], done[-1] + 1))
        last = done[-1]
    again = subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines()
    assert again[-1] == f"result {list(range(30))}"
    if len(again) > 1:
        assert int(again[0].split()[1]) in (last, last + 1)
    return kills


def embed(texts: list[str]) -> list[list[float]]:
    """Vectors that depend on the texts alone."""
    return [np.random.default_rng(abs(hash(text)) % 2**32).standard_normal(16).tolist() for text in texts]


@pytest.fixture
def stores(deployment: mc.Deployment) -> tuple[ConvexGraphStore, InMemoryStore]:
    """Our store, and LangGraph's own in memory."""
    index: Any = {"dims": 16, "embed": embed, "fields": ["text", "tags[*]"]}
    return ConvexGraphStore(deployment, index=index), InMemoryStore(index=index)


def test_the_store_answers_as_the_one_in_memory(stores: tuple[ConvexGraphStore, InMemoryStore]) -> None:
    """Random programs give equal results on both stores."""
    random = np.random.default_rng(7)
    for n in range(200):
        run = operation(random, n)
        ours, theirs = (run(store) for store in stores)
        assert ours == theirs


def operation(random: np.random.Generator, n: int) -> Callable[[BaseStore], Any]:
    """A random operation of a store. No two texts are equal, since the order of equal scores is undefined."""
    paths = [("a",), ("a", "b"), ("a", "c"), ("ab",), ("d", "b")]
    path, key = paths[random.integers(len(paths))], f"k{random.integers(4)}"
    prefix = [(), ("a",), ("a", "b")][random.integers(3)]
    value = {"text": f"text {n}", "tags": [f"tag {n}", f"other {n}"], "n": int(random.integers(5))}
    condition: Any = [None, {"n": 2}, {"n": {"$gte": 2}}, {"text": {"$ne": "text 1"}}][random.integers(4)]

    def search(store: BaseStore) -> Any:
        found = store.search(prefix, query="a question", filter=condition, limit=5)
        return [(item.namespace, item.key, item.value, round(item.score or 9, 9)) for item in found]

    def get(store: BaseStore) -> Any:
        item = store.get(path, key)
        return item and item.value

    kinds: list[Callable[[BaseStore], Any]] = [
        lambda store: store.put(path, key, value),
        lambda store: store.put(path, key, value),
        lambda store: store.delete(path, key) if n % 3 == 0 else None,
        search,
        get,
    ]
    return kinds[random.integers(len(kinds))]


def test_namespaces_are_listed_as_in_memory(stores: tuple[ConvexGraphStore, InMemoryStore]) -> None:
    """Listing namespaces by prefix, suffix, wildcard and depth gives the results of the store in memory."""
    for store in stores:
        for path in [("a",), ("a", "b"), ("a", "c"), ("ab",), ("d", "b"), ("a", "b", "c")]:
            store.put(path, "k", {"text": ".".join(path)})
    questions: list[dict[str, Any]] = [
        {},
        {"prefix": ("a",)},
        {"suffix": ("b",)},
        {"prefix": ("*", "b")},
        {"max_depth": 1},
        {"prefix": ("a",), "max_depth": 2, "limit": 2, "offset": 1},
    ]
    for question in questions:
        ours, theirs = (store.list_namespaces(**question) for store in stores)
        assert ours == theirs


async def test_the_store_is_awaited(deployment: mc.Deployment) -> None:
    """Awaited calls work, and expired items are gone."""
    store = ConvexGraphStore(deployment, index={"dims": 16, "embed": embed})
    await store.aput(("a", "b"), "k", {"text": "hello"})
    await store.aput(("a", "b"), "gone", {"text": "soon"}, ttl=0.02 / 60)
    await asyncio.sleep(0.1)
    found = await store.aget(("a", "b"), "k")
    assert found is not None
    assert found.value == {"text": "hello"}
    assert await store.aget(("a", "b"), "gone") is None
    assert [item.key for item in await store.asearch(("a",), query="hello")] == ["k"]
    assert await store.alist_namespaces() == [("a", "b")]
    assert await store.asweep_ttl() == 1


def test_a_value_that_is_no_json_is_named(deployment: mc.Deployment) -> None:
    """An error names the value that isn't JSON, and nothing is written."""
    store = ConvexGraphStore(deployment)
    with pytest.raises(mc.InvalidArgumentError, match=r"ConvexGraphStore.put: the value of 'k' in \('a',\) isn't JSON"):
        store.put(("a",), "k", {"x": object()})
    assert store.get(("a",), "k") is None


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    """Each block of the adapter's page runs and prints the output on the page."""
    follow("langgraph", tmp_path)


def test_the_example_is_followed_live_by_another_process() -> None:
    """The help desk's agent asks a person, and each of its runs is a process of its own."""
    example = ROOT / "docs" / "examples" / "desk"
    embedded = _native.EmbeddedDeployment(None, functions=None, limits="convex", synchronous="full")
    server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
    environment = {**os.environ, "CONVEX_URL": server.url, "CONVEX_ADMIN_KEY": server.admin_key}
    watch = subprocess.Popen(
        [sys.executable, str(example / "watch.py")], stdout=subprocess.PIPE, text=True, env=environment
    )
    with watch:
        assert watch.stdout is not None
        for arguments, lines in [
            (["Where is parcel 7?"], ["user: Where is parcel 7?", "assistant: Parcel 7 is in Rome."]),
            (
                ["I want my money back"],
                ["user: I want my money back", "assistant: One moment: a colleague has to agree."],
            ),
            (["--answer", "yes"], ["assistant: You get your money back."]),
        ]:
            subprocess.run([sys.executable, str(example / "agent.py"), *arguments], check=True, env=environment)
            assert [watch.stdout.readline().strip() for _ in lines] == lines
        watch.kill()
    server.stop()
