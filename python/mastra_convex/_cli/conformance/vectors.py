"""Vector indexes: writes, reads, and searches that are held to the exact answer, bit for bit."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

import mastra_convex as mc
from mastra_convex._cli.conformance.check import LacksError, refused, same
from mastra_convex._cli.conformance.room import Room
from mastra_convex._sync.mastra_vector import Strategy, VectorIndex
from mastra_convex.errors import DimensionMismatchError, FilterError, IndexNotFoundError, InvalidArgumentError

METRICS: tuple[mc.Metric, ...] = get_args(mc.Metric)
STRATEGIES: tuple[Strategy, ...] = ("server", "mirror", "pages")
ROWS, DIMENSION, QUERIES = 60, 24, 3


def _hits(found: Any) -> list[tuple[str, float]]:
    return [(hit.id, hit.score) for hit in found]


def _ids(found: Any) -> list[str]:
    return [row and row.id for row in found]


def compass(room: Room) -> VectorIndex:
    """An index of four rows."""
    index = room.index()
    index.upsert(
        [[1, 0], [0, 1], [1, 1], [-1, 0]],
        ids=["east", "north", "north-east", "west"],
        metadata=[{"n": 1}, {"n": 2, "kind": "axis"}, {"n": 3}, None],
    )
    return index


def vectors(room: Room) -> None:
    """Indexes and their rows."""
    check, vectors, index = room.check, room.vectors, compass(room)
    name = index.index_name

    with check("create.again"):
        vectors.create_index(name, 2)
        with refused(DimensionMismatchError):
            vectors.create_index(name, 4)
        with refused(InvalidArgumentError):
            vectors.create_index(name, 2, "euclidean")
    with check("get.in_the_order_of_ids"):
        same(_ids(index.get(["west", "unknown", "east", "west"])), ["west", None, "east", "west"])
    with check("query.top_k"):
        same([_ids(index.query([1, 0], top_k=k)) for k in (1, 2)], [["east"], ["east", "north-east"]])
        same(len(index.query([1, 0], top_k=100)), 4)
    with check("query.min_score"):
        same(_ids(index.query([1, 0], min_score=0)), ["east", "north-east", "north"])
        same(_ids(index.query([1, 0], min_score=1.5)), [])
    with check("query.without_a_vector"):
        same(_hits(index.query(filter={"n": {"$gte": 2}})), [("north", 0.0), ("north-east", 0.0)])
    refusals: tuple[tuple[str, type[mc.MastraConvexError], str, list[int], Any], ...] = (
        ("unknown_index", IndexNotFoundError, room.prefix, [1, 0], None),
        ("other_dimension", DimensionMismatchError, name, [1, 0, 0], None),
        ("unknown_operator", FilterError, name, [1, 0], {"n": {"$nothing": 1}}),
    )
    for case, kind, index_name, query, filter in refusals:
        with check(f"query.{case}"), refused(kind):
            vectors.query(index_name, query, filter=filter)
    with check("update.merges_metadata"):
        index.update_vector("north", vector=[0, -1], metadata={"n": 9})
        with refused(mc.NotFoundError):
            index.update_vector("unknown", metadata={"n": 9})
        same([row and row.metadata for row in index.get(["north"])], [{"n": 9, "kind": "axis"}])
        same((_ids(index.query([0, -1], top_k=1)), index.count()), (["north"], 4))
    with check("update.by_filter"):
        index.update_vectors({"n": {"$lt": 3}}, metadata={"seen": True})
        same((_ids(index.iter({"seen": True})), index.count({"n": 1, "seen": True})), (["east"], 1))
    with check("upsert.replaces"):
        index.upsert([[0, 3], [0, 4]], ids=["east", "east"])
        [hit] = index.query([0, 1], top_k=1, include_vector=True)
        same((hit.id, hit.metadata, hit.vector is not None and hit.vector.tolist()), ("east", {}, [0, 4]))
    with check("delete.by_filter"):
        index.upsert([[1, 0], [0, 1]], ids=["a", "b"], metadata=[{"n": 1}, {"n": "1"}])
        index.delete_vectors(filter={"n": 1})
        same(_ids(index.iter()), ["east", "north", "north-east", "west", "b"])
    with check("query.order_of_ties"):
        index.truncate_index()
        index.upsert([[1, 0], [2, 0], [3, 0]], ids=["t1", "t2", "t3"])
        index.upsert([[5, 0], [4, 0]], ids=["t2", "t4"])
        same(_ids(index.query([1, 0], top_k=4)), ["t1", "t2", "t3", "t4"])
    with check("query.rows_that_cannot_rank"):
        for id, embedding in {"short": [1], "long": [1, 2, 3], "zero": [0, 0]}.items():
            room.storage.call("insert", f"mastra_vector_{name}", record={"id": id, "embedding": embedding})
        found = index.query([1, 0], top_k=100)
        same((len(found), found.stats.skipped), (4, 3))
    with check("delete_index.with_its_rows"):
        index.upsert([[1, 0]])
        index.delete_index()
        with refused(IndexNotFoundError):
            index.query([1, 0])
        same(vectors.index(name, 2).count(), 0)
    for dtype in (np.float32, np.float64):
        with check(f"upsert.{dtype.__name__}_bit_for_bit"):
            matrix: NDArray[Any] = np.random.default_rng(1).standard_normal((3, 5)).astype(dtype)
            matrix[0, :3] = [-0.0, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max / 1e20]
            exact = room.index(5)
            ids = exact.upsert(matrix)
            back = [row and row.vector for row in exact.get(ids, include_vector=True)]
            same([v is not None and v.astype(dtype).tobytes() for v in back], [row.tobytes() for row in matrix])
    with check("upsert.more_than_a_call"):
        many = room.index(3)
        ids = many.upsert(np.random.default_rng(2).standard_normal((620, 3)), ids=[f"r{n}" for n in range(620)])
        same((_ids(many.iter()), many.count()), (ids, 620))


def search(room: Room) -> None:
    """Each way of searching has the exact results, to the bit, and sees the writes before it."""
    check, random = room.check, np.random.default_rng(3)
    matrix = random.standard_normal((ROWS, DIMENSION)).astype(np.float32)
    # Ties, and rows that are almost equal.
    matrix[10] = matrix[20] = matrix[30] * np.float32(2)
    matrix[40] = np.nextafter(matrix[20], np.float32(9))
    ids, metadata = [f"r{n}" for n in range(ROWS)], [{"n": n % 7, "odd": bool(n % 2)} for n in range(ROWS)]
    queries = random.standard_normal((QUERIES, DIMENSION))
    filters: tuple[dict[str, Any] | None, ...] = (None, {"n": {"$in": [1, 4, 6]}, "odd": True}, {})
    indexes, batches = dict[mc.Metric, VectorIndex](), dict[mc.Metric, mc.VectorBatch]()
    for metric in METRICS:
        indexes[metric] = room.index(DIMENSION, metric)
        indexes[metric].upsert(matrix, ids=ids, metadata=metadata)
        batches[metric] = mc.VectorBatch(matrix, ids=ids, metadata=metadata, metric=metric)
    for strategy in STRATEGIES:
        client = room.searching_by(strategy)
        for metric, index in indexes.items():
            with check(f"{strategy}.{metric}"):
                for query, filter in zip(queries, filters, strict=True):
                    found = client.query(index.index_name, query, top_k=12, filter=filter)
                    same(_hits(found), _hits(batches[metric].query(query, 12, filter=filter)))
                _check_strategy(found, strategy)
        with check(f"{strategy}.sees_writes"):
            small = compass(room)
            best = [_ids(client.query(small.index_name, [1, 0], top_k=1))]
            small.delete_vector("east")
            best.append(_ids(client.query(small.index_name, [1, 0], top_k=1)))
            small.upsert([[2, 0]], ids=["far"])
            [hit] = found = client.query(small.index_name, [1, 0], top_k=1, include_vector=True)
            same([*best, hit.vector is not None and hit.vector.tolist()], [["east"], ["north-east"], [2, 0]])
            _check_strategy(found, strategy)
    with check("many.as_one_by_one"):
        many = room.vectors.query_many(indexes["cosine"].index_name, queries, top_k=5)
        same([_hits(each) for each in many], [_hits(batches["cosine"].query(query, 5)) for query in queries])


def _check_strategy(found: mc.QueryResults, strategy: Strategy) -> None:
    """Say where the deployment makes another way be taken. In this process there is one way only."""
    if found.stats.strategy not in (strategy, "embedded"):
        raise LacksError(f"asked for {strategy!r}; this deployment is searched by {found.stats.strategy!r}")


FILTERED: dict[str, dict[str, Any]] = {
    "a": {"n": 1, "t": "apple", "tags": ["x", "y"], "is": True, "o": {"p": {"q": 1}}, "at": "2026-01-01T00:00:00.000Z"},
    "b": {"n": 2.5, "t": "Banana", "tags": [], "is": False, "o": {"p": 2}, "at": "2026-02-01T00:00:00.000Z"},
    "c": {"n": "1", "t": "cherry\npie", "tags": ["y", 1], "is": None},
    "d": {},
    "e": {"n": True, "t": "\U0001f600", "list": [{"k": 1, "m": 5}, {"k": 3, "m": 2}]},
    "f": {"n": 0, "t": "\uffff", "list": [1, 4], "tags": ["xy"]},
}

# Each filter with the ids of the rows that it admits.
FILTERS: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({}, "abcdef"),
    "equal.number": ({"n": 1}, "a"),
    "equal.text": ({"n": "1"}, "c"),
    "equal.boolean": ({"is": False}, "b"),
    "equal.null": ({"is": None}, "cdef"),
    "equal.object": ({"o": {"p": {"q": 1}}}, "a"),
    "ne.number": ({"n": {"$ne": 1}}, "bcdef"),
    "ne.null": ({"is": {"$ne": None}}, "ab"),
    "gt.number": ({"n": {"$gt": 0}}, "ab"),
    "gte_lt.number": ({"n": {"$gte": 0, "$lt": 2.5}}, "af"),
    "gt.text_by_code_point": ({"t": {"$gt": "\uffff"}}, "e"),
    "lte.text": ({"t": {"$lte": "apple"}}, "ab"),
    "gte.date": ({"at": {"$gte": "2026-01-15T00:00:00.000Z"}}, "b"),
    "in.mixed": ({"n": {"$in": [1, "1", 7]}}, "ac"),
    "in.null": ({"is": {"$in": [None, True]}}, "acdef"),
    "in.empty": ({"n": {"$in": []}}, ""),
    "all.items": ({"tags": {"$all": ["y", "x"]}}, "a"),
    "all.empty": ({"tags": {"$all": []}}, "abcf"),
    "contains.item": ({"tags": {"$contains": "y"}}, "ac"),
    "contains.text": ({"t": {"$contains": "an"}}, "b"),
    "elem_match.range": ({"list": {"$elemMatch": {"$gt": 1, "$lt": 5}}}, "f"),
    "elem_match.object": ({"list": {"$elemMatch": {"k": 3, "m": {"$lt": 5}}}}, "e"),
    "exists.true": ({"is": {"$exists": True}}, "abc"),
    "exists.false": ({"is": {"$exists": False}}, "def"),
    "regex.plain": ({"t": {"$regex": "^[ab]"}}, "a"),
    "regex.ignoring_case": ({"t": {"$regex": "^[ab]", "$options": "i"}}, "ab"),
    "regex.lines": ({"t": {"$regex": "^pie$", "$options": "m"}}, "c"),
    "not.operator": ({"n": {"$not": {"$gt": 0}}}, "cdef"),
    "not.filter": ({"$not": {"n": 1, "is": True}}, "bcdef"),
    "and.fields": ({"n": 1, "is": True}, "a"),
    "and.filters": ({"$and": [{"tags": {"$contains": "y"}}, {"n": "1"}]}, "c"),
    "or.filters": ({"$or": [{"n": 1}, {"t": "Banana"}]}, "ab"),
    "or.beside_a_field": ({"$or": [{"n": 1}, {"n": 2.5}], "is": False}, "b"),
    "or.empty": ({"$or": []}, ""),
    "nor.filters": ({"$nor": [{"n": 1}, {"is": None}]}, "b"),
    "path.into_objects": ({"o.p.q": 1}, "a"),
    "path.missing": ({"o.p.q": None}, "bcdef"),
    "wrapper.metadata": ({"metadata": {"n": 1}}, "a"),
}


def filters(room: Room) -> None:
    """Mastra's filter language, evaluated in the deployment where it has our search."""
    index = room.index()
    # No deployment has Rust's regular expressions.
    clients = {has_regex: room.searching_by("pages" if has_regex else "server") for has_regex in (False, True)}
    index.upsert([[1, 0]] * len(FILTERED), ids=list(FILTERED), metadata=list(FILTERED.values()))
    for name, (filter, expected) in FILTERS.items():
        with room.check(name):
            client = clients[name.startswith("regex.")]
            same("".join(_ids(client.query(index.index_name, [1, 0], filter=filter))), expected)
