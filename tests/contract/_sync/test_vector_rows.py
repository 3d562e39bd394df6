# Generated from _async/test_vector_rows.py by tools/unasync.py: edit that.
"""Reading rows of an index without a query, by id, by filter or all, with both vector classes."""

from __future__ import annotations

import numpy as np
import pytest

import mastra_convex as mc


@pytest.fixture(params=["scan", "native"])
def docs(request: pytest.FixtureRequest, deployment: mc.Deployment) -> mc.VectorIndex:
    """An index of each class with 300 rows, a page and a half."""
    vectors: mc.ConvexVector | mc.ConvexNativeVector
    if request.param == "scan":
        vectors = mc.ConvexVector(deployment)
    else:
        indexes = {"docs": mc.NativeIndex("docs_vectors", 2, filter_fields=["kind", "n"])}
        vectors = mc.ConvexNativeVector(deployment, indexes=indexes)
    docs = vectors.index("docs", 2)
    rows = [[n + 1.0, 0.5] for n in range(300)]
    docs.upsert(rows, ids=[f"r{n}" for n in range(300)], metadata=[{"n": n % 3} for n in range(300)])
    return docs


def test_rows_are_found_by_id_in_the_order_of_the_ids(docs: mc.VectorIndex) -> None:
    """Rows come in the order of the ids, with None for an unknown id. An id may come twice."""
    found = docs.get(["r7", "unknown", "r2", "r7"])
    assert [row and (row.id, row.score, row.metadata) for row in found] == [
        ("r7", 0.0, {"n": 1}),
        None,
        ("r2", 0.0, {"n": 2}),
        ("r7", 0.0, {"n": 1}),
    ]
    assert found[0] is not None
    assert found[0].vector is None
    [with_vector] = docs.get(["r7"], include_vector=True)
    assert with_vector is not None
    np.testing.assert_array_equal(with_vector.vector, [8, 0.5])
    assert docs.get([]) == []


def test_all_rows_are_iterated_in_stored_order(docs: mc.VectorIndex) -> None:
    """Iterating returns each row once across pages. With a filter, it returns the matching rows."""
    assert [row.id for row in docs.iter()] == [f"r{n}" for n in range(300)]
    found = [row for row in docs.iter({"n": {"$in": [1]}}, include_vector=True)]
    assert [row.id for row in found] == [f"r{n}" for n in range(1, 300, 3)]
    np.testing.assert_array_equal(found[0].vector, [2, 0.5])
    with pytest.raises(mc.FilterError):
        [row for row in docs.iter({"n": {"$unknown": 1}})]


def test_matching_rows_are_counted(docs: mc.VectorIndex) -> None:
    """Without a filter, counting counts all rows, as `len` of the sync class does."""
    assert docs.count() == 300
    assert docs.count({"n": 2}) == 100
    assert docs.count({"n": 7}) == 0
    assert docs.__len__() == 300
