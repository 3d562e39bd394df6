# Generated from _async/test_native_vector.py by tools/unasync.py: edit that.
"""`ConvexNativeVector`: the same methods over Convex's own vector index, and its limits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mastra_convex as mc
from tests.conftest import Docstrings
from tests.support import reference

NAN = float("nan")


@pytest.fixture
def native(deployment: mc.Deployment) -> mc.ConvexNativeVector:
    indexes = {
        "docs": mc.NativeIndex("docs_vectors", 2, filter_fields=["kind", "n"]),
        "real": mc.NativeIndex("real_vectors", 384, filter_fields=["kind", "public"]),
    }
    return mc.ConvexNativeVector(deployment, indexes=indexes)


def filled(native: mc.ConvexNativeVector) -> mc.VectorIndex:
    """Four rows in two dimensions."""
    docs = native.index("docs", 2)
    docs.upsert(
        [[1, 0], [0, 1], [1, 1], [-1, 0]],
        ids=["east", "north", "north-east", "west"],
        metadata=[{"kind": "a", "n": 1}, {"kind": "b", "n": 1}, {"kind": "a", "n": 2}, None],
    )
    return docs


def ids(docs: mc.VectorIndex, **options: Any) -> list[str]:
    return [hit.id for hit in docs.query([1, 0.1], **options)]


def test_results_equal_the_reference_on_real_embeddings(
    native: mc.ConvexNativeVector, docstrings: Docstrings
) -> None:
    """Ids equal the reference's, and scores equal them to float32 precision, with and without filters."""
    rows, embeddings, questions = docstrings.rows[:600], docstrings.embeddings[:600], docstrings.questions
    docs = native.index("real", 384)
    metadata = [{field: row[field] for field in ("kind", "public")} for row in rows]
    docs.upsert(embeddings, ids=[row["id"] for row in rows], metadata=metadata)
    for question, filter in zip(questions, [None, {"kind": "function"}, {"public": True}] * 4, strict=False):
        found = docs.query(question, top_k=10, filter=filter)
        scores = reference.scores(question, embeddings)
        admitted = [filter is None or row.items() >= filter.items() for row in rows]
        expected = reference.top_k(scores, 10, admitted)
        assert [hit.id for hit in found] == [rows[row]["id"] for row in expected]
        np.testing.assert_allclose([hit.score for hit in found], scores[expected], atol=1e-6)


def test_rows_come_back_with_metadata_and_vectors(native: mc.ConvexNativeVector) -> None:
    """Metadata comes back without the copies in filter fields. A row without metadata has none."""
    docs = filled(native)
    found = docs.query([-1, 0], top_k=1, include_vector=True)
    assert (found[0].id, found[0].metadata) == ("west", {})
    assert found[0].vector is not None
    assert found[0].vector.tolist() == [-1, 0]
    assert (docs.query([1, 0], top_k=1))[0].vector is None
    assert found.stats.strategy == "native"


def test_filters_are_one_equality_or_several_joined_by_or(native: mc.ConvexNativeVector) -> None:
    """A filter is one equality, or an OR of equalities, which npm's client can't send."""
    docs = filled(native)
    assert ids(docs, filter={"kind": "a"}) == ["east", "north-east"]
    assert ids(docs, filter={"metadata": {"n": {"$eq": 2}}}) == ["north-east"]
    assert ids(docs, filter={"$or": [{"kind": "b"}, {"n": 2}]}) == ["north-east", "north"]
    assert ids(docs, filter={}) == ["east", "north-east", "north", "west"]


BAD_FILTERS = [
    ({"title": "x"}, r"'title' is not configured.*kind, n"),
    ({"kind": "a", "n": 1}, "one equality field or"),
    ({"n": {"$gt": 1}}, "support equality only"),
    ({"$and": [{"kind": "a"}]}, r"'\$and' is not configured"),
    ({"$or": {"kind": "a"}}, "expected a list"),
    ({"kind": ["a"]}, "string, number, boolean, and null"),
    (["kind"], "expected a mapping"),
]


@pytest.mark.parametrize(("filter", "message"), BAD_FILTERS)
def test_filters_beyond_convex_name_the_alternative(
    native: mc.ConvexNativeVector, filter: Any, message: str
) -> None:
    """Filters that Convex's index can't express name the scan as the alternative."""
    docs = filled(native)
    with pytest.raises(mc.FilterError, match=message):
        docs.query([1, 0], filter=filter)


@pytest.mark.parametrize("top_k", [0, -1, 257, True, 1.5, "10"])
def test_top_k_is_from_1_to_256(native: mc.ConvexNativeVector, top_k: Any) -> None:
    """A top_k outside 1 to 256 is an error that names the class without that limit."""
    docs = filled(native)
    with pytest.raises(mc.InvalidArgumentError, match=r"from 1 to 256(?s:.*)ConvexVector"):
        docs.query([1, 0], top_k=top_k)


def test_256_results_are_possible(native: mc.ConvexNativeVector, random: np.random.Generator) -> None:
    """A query returns up to 256 results, Convex's limit."""
    docs = native.index("docs", 2)
    docs.upsert(random.standard_normal((300, 2)))
    assert len(docs.query([1, 0], top_k=256)) == 256


def test_upserts_replace_the_row_and_the_last_of_equal_ids_wins(native: mc.ConvexNativeVector) -> None:
    """An upsert without metadata clears metadata and filter fields, and the last of equal ids wins."""
    docs = filled(native)
    given = ["east", "east", "new"]
    assert docs.upsert([[0, 1], [0, -1], [0, -2]], ids=given, metadata=[{"n": 7}, None, {"n": 8}]) == given
    found = docs.query([0, -1], top_k=2)
    assert {hit.id: hit.metadata for hit in found} == {"east": {}, "new": {"n": 8}}
    assert ids(docs, filter={"kind": "a"}) == ["north-east"]
    assert (docs.describe_index()).count == 5


def test_updates_by_id_merge_metadata(native: mc.ConvexNativeVector) -> None:
    """An update by id merges metadata and updates the filter fields. An unknown id is an error that names it."""
    docs = filled(native)
    docs.update_vector("west", metadata={"kind": "c"})
    docs.update_vector("east", vector=[0, -1])
    with pytest.raises(mc.NotFoundError, match=r"^ConvexNativeVector.update_vector: index 'docs' has no row 'nobody'"):
        docs.update_vector("nobody", vector=[0, -1])
    assert ids(docs, filter={"kind": "c"}) == ["west"]
    assert (docs.query([0, -1], top_k=1))[0].id == "east"


def test_deletes_by_id_and_truncation(native: mc.ConvexNativeVector) -> None:
    """Deleting ignores unknown ids, and truncation deletes all rows."""
    docs = filled(native)
    docs.delete_vector("east")
    docs.delete_vectors(ids=["west", "nobody"])
    assert ids(docs) == ["north-east", "north"]
    docs.truncate_index()
    assert ids(docs) == []


def test_operations_that_need_a_scan_are_errors_that_name_the_alternative(
    native: mc.ConvexNativeVector,
) -> None:
    """Operations that need a scan raise errors that name the alternative."""
    docs = filled(native)
    for call in [
        lambda: docs.query(filter={"kind": "a"}),
        lambda: docs.update_vectors({"kind": "a"}, metadata={}),
        lambda: docs.delete_vectors(filter={"kind": "a"}),
        lambda: docs.upsert([[1, 0]], delete_filter={"kind": "a"}),
    ]:
        with pytest.raises(mc.UnsupportedOperationError, match="ConvexVector"):
            call()
    with pytest.raises(mc.UnsupportedOperationError, match=r"schema\.ts"):
        docs.delete_index()
    with pytest.raises(mc.UnsupportedOperationError, match="cosine only"):
        native.create_index("docs", 2, "euclidean")


def test_indexes_are_those_that_were_named(native: mc.ConvexNativeVector) -> None:
    """Named indexes are listed and described; other indexes raise an error."""
    filled(native)
    assert native.list_indexes() == ["docs", "real"]
    assert native.describe_index("docs") == mc.IndexStats(dimension=2, count=4, metric="cosine")
    with pytest.raises(
        mc.IndexNotFoundError, match=r"'dosc' does not exist; there are: docs, real\nDid you mean 'docs'"
    ):
        native.query("dosc", [1, 0])
    with pytest.raises(mc.IndexNotFoundError, match=r"there are: docs, real\nName it: .*indexes={'x': NativeIndex"):
        native.query("x", [1, 0])
    with pytest.raises(mc.DimensionMismatchError, match="has 2 dimensions, but 3 were requested"):
        native.create_index("docs", 3)


def test_counting_stops_at_the_limit_with_a_warning(deployment: mc.Deployment) -> None:
    """Counting reads every row, so it stops at a limit with a warning."""
    indexes = {"docs": mc.NativeIndex("docs_vectors", 2)}
    native = mc.ConvexNativeVector(deployment, indexes=indexes, describe_count_limit=3)
    native.upsert("docs", [[1, 0]] * 5)
    with pytest.warns(UserWarning, match="more than 3 rows"):
        assert (native.describe_index("docs")).count == 3


def test_a_table_declared_otherwise_is_an_error(
    native: mc.ConvexNativeVector, deployment: mc.Deployment
) -> None:
    """A table that is declared with another dimension is an error."""
    filled(native)
    other = mc.ConvexNativeVector(deployment, indexes={"docs": mc.NativeIndex("docs_vectors", 3)})
    with pytest.raises(mc.MastraConvexError, match=r"2 dimensions.*3 dimensions|dimensions 2, received 3"):
        other.query("docs", [1, 0, 0])


def test_a_table_that_is_not_declared_shows_the_lines_to_add(deployment: mc.Deployment) -> None:
    """If the schema lacks the table, the error shows the lines to add; an embedded deployment declares it."""
    native = mc.ConvexNativeVector(deployment, indexes={"new": mc.NativeIndex("new_vectors", 2)})
    if deployment.kind == "embedded":
        assert list(native.query("new", [1, 0])) == []
        native.upsert("new", [[1, 0]])
        return
    lines = r"new_vectors: defineMastraNativeVectorTable\({ dimensions: 2"
    with pytest.raises(mc.ConfigurationError, match=lines):
        native.query("new", [1, 0])
    with pytest.raises(mc.ConfigurationError, match=lines):
        native.upsert("new", [[1, 0]])


def test_fields_may_have_other_names(deployment: mc.Deployment) -> None:
    """The fields of a native table may have other names, as in npm's configuration."""
    index = mc.NativeIndex(
        "odd", 2, id_field="key", id_index_name="by_key", vector_field="v", metadata_field="m", filter_fields=["kind"]
    )
    native = mc.ConvexNativeVector(deployment, indexes={"odd": index})
    native.upsert("odd", [[1, 0], [0, 1]], ids=["a", "b"], metadata=[{"kind": "x"}, {"kind": "y"}])
    found = native.query("odd", [1, 0.1], filter={"kind": "y"}, include_vector=True)
    assert [(hit.id, hit.metadata) for hit in found] == [("b", {"kind": "y"})]


BAD_UPSERTS: list[tuple[dict[str, Any], type[mc.MastraConvexError], str]] = [
    ({"vectors": [[1, 2, 3]]}, mc.DimensionMismatchError, "vectors have 3 dimensions, the index has 2"),
    ({"vectors": [[1, NAN]]}, mc.InvalidArgumentError, r"vectors\[0\]\[1\] is nan"),
    ({"vectors": [[1, 0]], "ids": ["a", "b"]}, mc.InvalidArgumentError, "must match vectors length"),
    ({"vectors": [[1, 0]], "metadata": [{"a": {1}}]}, mc.InvalidArgumentError, r"metadata\[0\]\.a"),
    ({"vectors": [[1, 0]], "batch_size": 101}, mc.InvalidArgumentError, "from 1 to 100"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_UPSERTS)
def test_bad_upserts_store_nothing(
    native: mc.ConvexNativeVector, arguments: dict[str, Any], error: type[mc.MastraConvexError], message: str
) -> None:
    """An invalid upsert sends nothing."""
    docs = filled(native)
    with pytest.raises(error, match=message):
        docs.upsert(**arguments)
    assert (docs.describe_index()).count == 4


@pytest.mark.parametrize(
    ("vector", "message"), [([1, 2, 3], "3 dimensions, the index has 2"), ([1, NAN], "is nan"), ([0, 0], "is zero")]
)
def test_bad_query_vectors_say_what_was_expected(
    native: mc.ConvexNativeVector, vector: list[float], message: str
) -> None:
    """An invalid query vector is refused before anything is sent."""
    docs = filled(native)
    with pytest.raises(mc.InvalidArgumentError, match=message):
        docs.query(vector)
