"""Repeated and unrepeated calls, on failing networks and with deployments that refuse."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import mastra_convex as mc
from tests.support.checkout import FUNCTIONS
from tests.support.peer import Peer, answer
from tests.support.proxy import proxies
from tests.support.refusing import Conflicts, Pace, running
from tests.support.served import Served, serve

WRITERS = 16
# Calls through one proxy, whose first four connections break.
CALLS = 20


@pytest.fixture(scope="module")
def chat() -> Iterator[Served]:
    with serve(data=":memory:", functions=FUNCTIONS / "chat") as served:
        yield served


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(data=":memory:") as served:
        yield served


@pytest.mark.parametrize(
    "seeds", [range(10), pytest.param(range(10, 110), marks=[pytest.mark.long, pytest.mark.timeout(1200)])], ids=str
)
def test_no_mutation_is_executed_twice(chat: Served, seeds: range) -> None:
    """An acknowledged write is executed once, one of unknown outcome at most once, and any other not at all."""
    print("seeds", seeds)
    outcomes = Counter[str]()
    wrong: list[str] = []
    with proxies(chat.url, seeds) as made:
        for proxy in made:
            with mc.connect(proxy.url, timeout=20) as db:
                for number in range(CALLS):
                    name = f"{proxy.seed} {number}"
                    try:
                        db.mutation("chat:increment", {"name": name})
                        outcome = "done"
                    except mc.OutcomeUnknownError:
                        outcome = "unknown"
                    except mc.ConnectError:
                        outcome = "not reached"
                    outcomes[outcome] += 1
                    count = chat.call("query", "chat:count", {"name": name})["value"]
                    if count not in {"done": (1,), "unknown": (0, 1), "not reached": (0,)}[outcome]:
                        wrong.append(f"{name}: {outcome}, executed {count} times")
    assert wrong == []
    print(outcomes)
    assert outcomes["done"] > 0
    assert outcomes["unknown"] > 0


@pytest.mark.parametrize("merges", [10, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(600)])], ids=str)
def test_writers_of_one_snapshot_all_land(served: Served, merges: int) -> None:
    """Writers succeed even if the deployment gives up every third mutation as a conflict."""
    run = {"workflow_name": "w", "run_id": f"run {merges}"}
    with running(Conflicts(served.url, 1 / 3, seed=7)) as gateway:
        options = {"admin_key": served.admin_key}
        with mc.ConvexStore(gateway.url, **options) as store:  # type: ignore[arg-type]
            store.workflows.persist_workflow_snapshot(**run, snapshot={"context": {}, "runId": run["run_id"]})

            def write(writer: int) -> None:
                for number in range(merges):
                    store.workflows.update_workflow_results(
                        **run, step_id=f"{writer} {number}", result={"status": "success"}, request_context={}
                    )

            with ThreadPoolExecutor(WRITERS) as writers:
                list(writers.map(write, range(WRITERS)))
            snapshot = store.workflows.load_workflow_snapshot(**run)
    assert snapshot is not None
    assert len(snapshot["context"]) == WRITERS * merges
    assert gateway.refused > WRITERS * merges / 4


def test_an_upsert_paces_itself(served: Served) -> None:
    """An upsert slows down for a deployment that limits bytes per second: progress continues, and nothing fails."""
    rows, dimension = 2000, 64
    seen: list[int] = []
    with (
        running(Pace(served.url, 500_000)) as gateway,
        mc.ConvexVector(gateway.url, admin_key=served.admin_key) as vectors,
    ):
        docs = vectors.index("paced", dimension)
        docs.upsert(
            [[1.0 + row / 7] * dimension for row in range(rows)],
            ids=[str(row) for row in range(rows)],
            batch_size=100,
            progress=lambda done, total: seen.append(done),
        )
        assert docs.describe_index().count == rows
    assert gateway.refused > 0
    assert seen == sorted(seen)
    assert seen[-1] == rows


def test_clients_of_a_failing_deployment_do_not_double_its_load() -> None:
    """A hundred clients with a few calls each put less than twice the usual load on a failing deployment."""
    failing = Peer(
        lambda connection, _, __: answer(connection, 503, {"code": "TooManyConcurrentRequests", "message": ""})
    )
    calls, clients = 3, 100

    def call(_: int) -> None:
        with mc.connect(failing.url) as db:
            for _ in range(calls):
                with pytest.raises(mc.TransportError):
                    db.query("a:b")

    begin = threading.Barrier(20)

    def begin_together(number: int) -> None:
        if number < 20:
            begin.wait()
        call(number)

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(begin_together, range(clients)))
    failing.close()
    assert len(failing.requests) < 2 * calls * clients
