"""All strategies, and embedded indexes, give the same ids, order, score bits, metadata and vectors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import numpy as np
import pytest

import mastra_convex as mc
from mastra_convex import _native
from mastra_convex._sync.mastra_vector import Strategy

REMOTE: tuple[Strategy, ...] = ("server", "mirror", "pages")


@pytest.fixture(scope="module")
def served() -> Iterator[_native.HttpServer]:
    """A served deployment."""
    embedded = _native.EmbeddedDeployment(None, functions=None, limits="convex", synchronous="full")
    server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
    yield server
    server.stop()
    embedded.close()


@pytest.fixture
def remote(served: _native.HttpServer) -> Iterator[mc.ConvexVector]:
    """The vector class on the served deployment."""
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        yield mc.ConvexVector(db)


def shown(hits: mc.QueryResults) -> list[tuple[str, float, dict[str, Any], bytes]]:
    return [
        (hit.id, hit.score, hit.metadata, b"" if hit.vector is None else hit.vector.astype(float).tobytes())
        for hit in hits
    ]


# Values of types that compare with each other in different ways.
VALUES: list[Any] = [None, True, 1, 1.5, mc.Int64(1), "a", "b\U0001f600", "b\uffff", [1, "a"], [], {"x": 1}, {}]


def some_metadata(random: np.random.Generator) -> dict[str, Any]:
    fields = ["f", "g", "h.x"]
    return {name: VALUES[random.integers(len(VALUES))] for name in fields if random.random() < 0.6}


def some_filter(random: np.random.Generator, depth: int = 2) -> dict[str, Any]:
    def value() -> Any:
        return VALUES[random.integers(len(VALUES))]

    def comparable() -> Any:
        return [1, 1.5, mc.Int64(1), "a", "b\U0001f600"][random.integers(5)]

    kind = random.integers(14 if depth else 11)
    field = ["f", "g", "h.x", "h"][random.integers(4)]
    simple = [
        lambda: {field: value()},
        lambda: {field: {"$ne": value()}},
        lambda: {field: {"$gt": comparable()}},
        lambda: {field: {"$gte": comparable(), "$lte": comparable()}},
        lambda: {field: {"$in": [value(), value()]}},
        lambda: {field: {"$nin": [value(), value()]}},
        lambda: {field: {"$exists": bool(random.integers(2))}},
        lambda: {field: {"$contains": value()}},
        lambda: {field: {"$size": int(random.integers(3))}},
        lambda: {field: {"$all": [value()]}},
        lambda: {field: {"$elemMatch": {"$eq": value()}}},
        lambda: {"$or": [some_filter(random, depth - 1), some_filter(random, depth - 1)]},
        lambda: {"$nor": [some_filter(random, depth - 1)]},
        lambda: {"$and": [some_filter(random, depth - 1), some_filter(random, depth - 1)]},
    ]
    return simple[kind]()


@pytest.mark.parametrize("rounds", [pytest.param(40, id="short"), pytest.param(2000, marks=pytest.mark.long)])
def test_every_strategy_gives_the_same(remote: mc.ConvexVector, random: np.random.Generator, rounds: int) -> None:
    here = mc.ConvexVector(":memory:")
    for number in range(rounds):
        name, dimension = f"index {number}", int(random.choice([1, 2, 3, 16, 40]))
        metric = ("cosine", "dotproduct", "euclidean")[random.integers(3)]
        count = int(random.integers(0, 60))
        # Few different numbers make ties; some need float64.
        rows = random.integers(-2, 3, (count, dimension)).astype(float)
        if random.random() < 0.5:
            rows += random.standard_normal((count, dimension)) * 0.1
        ids = [f"id {row}" for row in range(count)]
        metadata = [some_metadata(random) for _ in range(count)]
        for vector in (here, remote):
            vector.create_index(name, dimension, metric)
            vector.upsert(name, rows, ids=ids, metadata=metadata)
        query = random.standard_normal(dimension) if count == 0 or random.random() < 0.3 else rows[0]
        if metric == "cosine" and not query.any():
            query = np.ones(dimension)
        options: dict[str, Any] = {
            "top_k": int(random.integers(1, 20)),
            "filter": some_filter(random) if random.random() < 0.7 else None,
            "include_vector": bool(random.integers(2)),
            "min_score": 0.1 if random.random() < 0.2 else None,
        }
        expected = here.query(name, query, **options)
        for strategy in (*REMOTE, "auto"):
            found = remote.query(name, query, strategy=strategy, **options)
            assert shown(found) == shown(expected), (number, strategy, options)
            assert (found.stats.rows, found.stats.skipped) == (count, expected.stats.skipped), (number, strategy)
        listed = {"filter": some_filter(random), "top_k": 100}
        for strategy in REMOTE:
            assert shown(remote.query(name, strategy=strategy, **listed)) == shown(here.query(name, **listed))
    here.close()


def test_the_strategy_is_the_one_asked_for(remote: mc.ConvexVector) -> None:
    remote.create_index("named", 2)
    remote.upsert("named", [[1, 0]], ids=["a"])
    used = {strategy: remote.query("named", [1, 0], strategy=strategy).stats.strategy for strategy in REMOTE}
    assert used == {"server": "server", "mirror": "pages", "pages": "pages"}
    assert remote.query("named", [1, 0], strategy="mirror").stats.strategy == "mirror"
    # A kept mirror is used.
    assert remote.query("named", [1, 0]).stats.strategy == "mirror"
    assert [hits.stats.strategy for hits in remote.query_many("named", [[1, 0]] * 2, strategy="server")] == [
        "server"
    ] * 2
    assert get_args(Strategy) == ("auto", *REMOTE)


def test_a_first_query_asks_the_deployment_and_many_buy_a_mirror(served: _native.HttpServer) -> None:
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        docs = mc.ConvexVector(db).index("rent or buy", dimension=3)
        docs.upsert(np.eye(3), ids=["a", "b", "c"])
        used = [docs.query([1, 0, 0]).stats.strategy for _ in range(200)]
        assert used[0] == "server"
        assert used[-1] == "mirror"
        # The rows are transferred once in between.
        assert sorted(set(used), key=used.index) == ["server", "pages", "mirror"]


def test_an_index_too_large_for_a_mirror_is_searched_by_the_deployment(served: _native.HttpServer) -> None:
    with mc.connect(served.url, admin_key=served.admin_key, mirror_bytes=1000) as db:
        docs = mc.ConvexVector(db).index("large", dimension=3)
        docs.upsert(np.eye(3), ids=["a", "b", "c"])
        assert {docs.query([1, 0, 0]).stats.strategy for _ in range(100)} == {"server"}


@pytest.mark.parametrize("strategy", REMOTE)
def test_errors_are_the_same_wherever_rows_are_scored(remote: mc.ConvexVector, strategy: Strategy) -> None:
    remote.create_index("errors", 2)
    remote.upsert("errors", [[1, 0]], ids=["a"])

    def error(*args: Any, **options: Any) -> mc.MastraConvexError:
        with pytest.raises(mc.MastraConvexError) as caught:
            remote.query(*args, strategy=strategy, **options)
        return caught.value

    assert type(error("gone", [1, 0])) is mc.IndexNotFoundError
    mismatch = error("errors", [1, 0, 0])
    assert (type(mismatch), mismatch.details) == (mc.DimensionMismatchError, {"found": 3, "expected": 2})
    assert type(error("errors", [1, 0], filter={"f": {"$gtt": 1}})) is mc.FilterError
    assert type(error("errors", [0, 0])) is mc.InvalidArgumentError
    assert type(error("errors", [np.nan, 0])) is mc.InvalidArgumentError
    assert type(error("errors", [1, 0], top_k=0)) is mc.InvalidArgumentError
    assert type(error("errors")) is mc.InvalidArgumentError


def test_a_regular_expression_is_matched_here(remote: mc.ConvexVector) -> None:
    remote.create_index("regex", 2)
    remote.upsert("regex", [[1, 0], [0, 1]], ids=["a", "b"], metadata=[{"f": "x1"}, {"f": "y"}])
    filter = {"$or": [{"f": {"$regex": r"\d"}}]}
    assert [hit.id for hit in remote.query("regex", [1, 1], filter=filter)] == ["a"]
    with pytest.raises(mc.FilterError, match="mirror"):
        remote.query("regex", [1, 1], filter=filter, strategy="server")


@pytest.mark.parametrize("strategy", ["nearest", "", None, 1])
def test_a_strategy_is_one_of_four(strategy: Any) -> None:
    with pytest.raises(mc.InvalidArgumentError, match=r"ConvexVector: strategy .*; expected 'auto', 'server'"):
        mc.ConvexVector(":memory:", strategy=strategy)


@pytest.mark.parametrize("strategy", [*REMOTE, "auto"])
def test_no_search_misses_an_acknowledged_write_or_takes_a_row_twice(
    served: _native.HttpServer, strategy: Strategy
) -> None:
    """No search misses an acknowledged write while a client writes, deletes and rewrites rows."""
    name, written, deleting, deleted = f"concurrent {strategy}", set[str](), set[str](), set[str]()
    done = threading.Event()
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        mc.ConvexVector(db).create_index(name, 4)

        def write() -> None:
            index = mc.ConvexVector(db).index(name)
            for step in range(40):
                ids = [f"{step}-{row}" for row in range(5)]
                index.upsert(np.ones((6, 4)), ids=[*ids, "again"])
                written.update(ids)
                deleting.add(ids[0])
                index.delete_vectors(ids=[ids[0], "again"])
                deleted.add(ids[0])

        def read() -> int:
            index, searches = mc.ConvexVector(db, strategy=strategy).index(name), 0
            while not done.is_set():
                gone, there = set(deleted), set(written)
                found = [hit.id for hit in index.query(np.ones(4), top_k=10_000)]
                assert len(found) == len(set(found))
                assert there - set(deleting) <= set(found)
                assert not gone & set(found)
                searches += 1
            return searches

        with ThreadPoolExecutor(3) as pool:
            readers = [pool.submit(read) for _ in range(2)]
            try:
                pool.submit(write).result(timeout=100)
            finally:
                done.set()
            assert all(reader.result(timeout=60) > 0 for reader in readers)


def test_a_live_search_follows_the_rows(remote: mc.ConvexVector) -> None:
    remote.create_index("live", 2)
    remote.upsert("live", [[1, 0], [0, 1]], ids=["a", "b"], metadata=[{"n": 1}, {"n": 2}])
    with remote.watch("live", [1, 0], top_k=1, filter={"n": {"$gte": 1}}) as states:
        assert [(hit.id, hit.score) for hit in states.next(timeout=10)] == [("a", 1.0)]
        remote.delete_vector("live", "a")
        assert [hit.id for hit in states.next(timeout=10)] == ["b"]
        remote.upsert("live", [[2, 0]], ids=["c"], metadata=[{"n": 3}])
        assert [(hit.id, hit.metadata) for hit in states.next(timeout=10)] == [("c", {"n": 3})]
    with pytest.raises(mc.FilterError, match="regex"):
        remote.watch("live", [1, 0], filter={"n": {"$regex": "a"}})
