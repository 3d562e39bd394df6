"""Changes by filter, and deletions of an index, beside other writers: no acknowledged row is lost or resurrected."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

import mastra_convex as mc
from mastra_convex import _native

SHORT, LONG = 1.5, 30


@pytest.fixture(params=["memory", "folder", "served"])
def connect(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], mc.Deployment]]:
    """A function that opens handles on one deployment. In memory all share the first; over HTTP each has its own."""
    if request.param == "served":
        embedded = _native.EmbeddedDeployment(None, functions=None, limits="convex", synchronous="full")
        server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
        yield lambda: mc.connect(server.url, admin_key=server.admin_key)
        server.stop()
        embedded.close()
    else:
        with mc.connect(":memory:" if request.param == "memory" else tmp_path / "data") as db:
            yield lambda: db


@pytest.fixture(params=[pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.long)])
def seconds(request: pytest.FixtureRequest) -> float:
    """How long the writers run beside each other."""
    duration: float = request.param
    return duration


def beside(seconds: float, change: Callable[[], object], write: Callable[[], object]) -> None:
    """Repeat `change` in one thread and `write` in another for so long."""
    done = threading.Event()

    def repeat(act: Callable[[], object]) -> None:
        while not done.is_set():
            act()

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(repeat, act) for act in (change, write)]
        time.sleep(seconds)
        done.set()
        for future in futures:
            future.result(timeout=60)


@pytest.mark.parametrize("filter", [{"stale": True}, {"state": {"$regex": "^st"}}], ids=["equality", "regex"])
def test_a_deletion_by_filter_spares_rows_that_no_longer_match(
    connect: Callable[[], mc.Deployment], seconds: float, filter: mc.types.Filter
) -> None:
    """Each row is written to match, then not to match; the second write was acknowledged, so the row must be there."""
    deleting, writing = mc.ConvexVector(connect()), mc.ConvexVector(connect())
    deleting.create_index("docs", 2)
    written: list[str] = []

    def write() -> None:
        id = f"row {len(written)}"
        for stale, state in ((True, "stale"), (False, "fresh")):
            writing.upsert("docs", [[1, 0]], ids=[id], metadata=[{"stale": stale, "state": state}])
        written.append(id)

    beside(seconds, lambda: deleting.delete_vectors("docs", filter=filter), write)
    found = {hit.id for hit in writing.query("docs", [1, 0], top_k=len(written))}
    assert found == set(written)
    assert len(written) > 5


def test_an_update_by_filter_spares_rows_that_no_longer_match(
    connect: Callable[[], mc.Deployment], seconds: float
) -> None:
    updating, writing = mc.ConvexVector(connect()), mc.ConvexVector(connect())
    updating.create_index("docs", 2)
    written: list[str] = []

    def write() -> None:
        id = f"row {len(written)}"
        for stale in (True, False):
            writing.upsert("docs", [[1, 0]], ids=[id], metadata=[{"stale": stale}])
        written.append(id)

    beside(seconds, lambda: updating.update_vectors("docs", {"stale": True}, metadata={"marked": True}), write)
    hits = writing.query("docs", [1, 0], top_k=len(written))
    assert len(hits) == len(written) > 5
    assert [hit.id for hit in hits if hit.metadata != {"stale": False}] == []


def test_a_row_that_changed_and_still_matches_is_deleted(connect: Callable[[], mc.Deployment], seconds: float) -> None:
    """A delete by filter deletes a matching row even if another field of it is updated again and again."""
    deleting, writing = mc.ConvexVector(connect()), mc.ConvexVector(connect())
    deleting.create_index("docs", 2)
    counter = iter(range(10**9))

    def write() -> None:
        with suppress(mc.NotFoundError):
            writing.update_vector("docs", "a", metadata={"counter": next(counter)})

    def change() -> None:
        deleting.upsert("docs", [[1, 0]], ids=["a"], metadata=[{"stale": True}])
        deleting.delete_vectors("docs", filter={"stale": True})
        assert deleting.describe_index("docs").count == 0

    beside(seconds, change, write)


def test_tasks_that_changed_since_are_not_deleted_by_their_old_status(
    connect: Callable[[], mc.Deployment], seconds: float
) -> None:
    deleting, writing = (mc.ConvexStore(connect()).background_tasks for _ in range(2))
    written: list[str] = []

    def write() -> None:
        id = f"task {len(written)}"
        task = mc.BackgroundTask(id=id, tool_name="t", tool_call_id="c", agent_id="a", run_id="r", status="completed")
        writing.create_task(task)
        if writing.update_task(id, {"status": "pending"}):
            written.append(id)

    beside(seconds, lambda: deleting.delete_tasks(status="completed"), write)
    lost = [id for id in written if writing.get_task(id) is None]
    assert lost == []


def test_no_row_outlives_its_index(connect: Callable[[], mc.Deployment], seconds: float) -> None:
    """The index is deleted and created again beside a writer, whose writes are refused in between."""
    deleting, writing = mc.ConvexVector(connect()), mc.ConvexVector(connect())
    deleting.create_index("docs", 2)
    resurrected: list[set[str]] = []
    begun = [0]
    vectors = np.ones((20, 2))

    def write() -> None:
        begun[0] += 1
        number = begun[0]
        try:
            writing.upsert("docs", vectors, ids=[f"{number}-{row}" for row in range(20)])
        except mc.IndexNotFoundError:
            return

    def change() -> None:
        deleting.delete_index("docs")
        # Writes that began before the last call had ended when the index was deleted.
        last = begun[0]
        deleting.create_index("docs", 2)
        hits = deleting.query("docs", [1, 1], top_k=100_000)
        resurrected.append({hit.id for hit in hits if int(hit.id.split("-")[0]) < last})

    beside(seconds, change, write)
    assert [ids for ids in resurrected if ids] == []
    assert len(resurrected) > 2


def test_a_write_to_an_index_that_is_gone_is_refused(connect: Callable[[], mc.Deployment]) -> None:
    """The transaction that would write refuses, even if the handle still knows the index."""
    db = connect()
    vector = mc.ConvexVector(db)
    vector.create_index("docs", 2)
    vector.upsert("docs", [[1, 0]], ids=["a"])
    request = {"tableName": "mastra_vector_gone", "record": {"id": "a", "embedding": [1.0]}, "id": "a", "ids": ["a"]}
    rows = [{"id": "a", "metadata": {}}]
    for op, more in {
        "insert": {},
        "batchInsert": {"records": [request["record"]]},
        "patch": {},
        "updateVectors": {"metadata": {}},
        "updateSeen": {"metadata": {}, "rows": rows},
    }.items():
        reply = db.mutation("mastra/storage:handle", {"op": op, **request, **more})
        assert (reply["ok"], reply["code"]) == (False, "IndexNotFound"), op
    assert vector.list_indexes() == ["docs"]
