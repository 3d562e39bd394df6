"""What users write, type-checked and never run."""

from __future__ import annotations

from typing import assert_type

import numpy as np

import mastra_convex as mc

db = mc.connect("./agent-data", synchronous="normal", limits="off")
assert_type(db, mc.Deployment)
vectors = mc.ConvexVector(db)
docs = vectors.index("docs", dimension=3)
assert_type(docs.upsert(np.ones((2, 3), np.float32), ids=["a", "b"], metadata=[{"year": 2025}, None]), list[str])
found = docs.query([1, 0, 0], top_k=2, filter={"year": {"$gte": 2020}}, include_vector=True)
assert_type(found, mc.QueryResults)
for hit in found:
    assert_type(hit, mc.QueryResult)
    assert_type(hit.score, float)
assert_type(found[0], mc.QueryResult)
assert_type(found[:2], list[mc.QueryResult])
assert_type(docs.describe_index(), mc.IndexStats)
native = mc.ConvexNativeVector("./other", indexes={"docs": mc.NativeIndex("docs_vectors", 3, filter_fields=["kind"])})
assert_type(native.query("docs", [1, 0, 0]), mc.QueryResults)
rows, scores = mc.VectorBatch(np.eye(3), metric="euclidean").top_k([1, 0, 0], 2, threads=2)
assert_type(float(scores[0]), float)


async def asynchronous() -> None:
    """The same with ``await``."""
    async with mc.connect_async(":memory:") as db:
        docs = await mc.AsyncConvexVector(db).index("docs", dimension=3)
        assert_type(docs, mc.AsyncVectorIndex)
        assert_type(await docs.query([1, 0, 0]), mc.QueryResults)
