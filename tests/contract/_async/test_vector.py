"""`ConvexVector`: Mastra's contract of a vector class, with exact results."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import mastra_convex as mc
from tests.conftest import Docstrings
from tests.contract.deployed import STORAGE
from tests.support import reference

NAN = float("nan")


@pytest.fixture
def vectors(deployment: mc.AsyncDeployment) -> mc.AsyncConvexVector:
    return mc.AsyncConvexVector(deployment)


async def stored(vectors: mc.AsyncConvexVector, index_name: str = "docs") -> list[str]:
    """The ids of all rows, in stored order."""
    if not (await vectors.describe_index(index_name)).count:
        return []
    everything = {"no such field": None}
    return [hit.id for hit in await vectors.query(index_name, top_k=10_000, filter=everything)]


async def filled(vectors: mc.AsyncConvexVector) -> mc.AsyncVectorIndex:
    """Five rows in two dimensions."""
    docs = await vectors.index("docs", 2)
    await docs.upsert(
        [[1, 0], [0, 1], [1, 1], [-1, 0], [2, 2]],
        ids=["east", "north", "north-east", "west", "far"],
        metadata=[{"n": 1}, {"n": 2, "tags": ["a", "b"]}, {"n": 3}, None, {"n": 5}],
    )
    return docs


async def test_results_equal_the_reference_on_real_embeddings(
    vectors: mc.AsyncConvexVector, docstrings: Docstrings
) -> None:
    """Ids, order and score bits equal the reference's, with and without filters, for one query and many."""
    rows, embeddings, questions = docstrings.rows[:1500], docstrings.embeddings[:1500], docstrings.questions
    docs = await vectors.index("docs", 384)
    fields = ["kind", "public", "length"]
    metadata = [{field: row[field] for field in fields} for row in rows]
    await docs.upsert(embeddings, ids=[row["id"] for row in rows], metadata=metadata)
    filters: list[tuple[dict[str, Any] | None, Any]] = [
        (None, lambda row: True),
        ({"kind": "method"}, lambda row: row["kind"] == "method"),
        (
            {"public": True, "length": {"$gte": 100, "$lt": 500}},
            lambda row: row["public"] and 100 <= row["length"] < 500,
        ),
    ]
    for filter, admits in filters:
        many = await docs.query_many(questions, top_k=10, filter=filter)
        for question, among_many in zip(questions, many, strict=True):
            found = await docs.query(question, top_k=10, filter=filter)
            scores = reference.scores(question, embeddings)
            expected = reference.top_k(scores, 10, [admits(row) for row in rows])
            assert [(hit.id, hit.score) for hit in found] == [(rows[row]["id"], scores[row]) for row in expected]
            assert found == among_many


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
async def test_a_vector_comes_back_bit_for_bit(
    vectors: mc.AsyncConvexVector, random: np.random.Generator, dtype: type
) -> None:
    """Vectors of float32 and float64 keep their type and bits, short and long, with ±0 and subnormals."""
    for dimension in (3, 40):
        matrix = random.standard_normal((4, dimension)).astype(dtype)
        matrix[0, :3] = [-0.0, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max / 1e20]
        docs = await vectors.index(f"docs{dimension}", dimension)
        ids = await docs.upsert(matrix)
        found = await docs.query(matrix[1], top_k=4, include_vector=True)
        by_id = {hit.id: hit.vector for hit in found}
        for id, row in zip(ids, matrix, strict=True):
            back = by_id[id]
            assert back is not None
            assert back.astype(dtype).tobytes() == row.tobytes()
            assert back.astype(np.float64).tobytes() == row.astype(np.float64).tobytes()


async def test_lists_are_vectors_too(vectors: mc.AsyncConvexVector) -> None:
    """Rows and queries may be lists instead of arrays."""
    docs = await filled(vectors)
    assert [hit.id for hit in await docs.query([1, 0], top_k=2)] == ["east", "north-east"]


async def test_ties_come_in_stored_order_and_upserts_keep_their_place(vectors: mc.AsyncConvexVector) -> None:
    """Ties come in stored order, and a replaced row keeps its place."""
    docs = await vectors.index("docs", 2)
    await docs.upsert([[1, 0], [2, 0], [3, 0]], ids=["a", "b", "c"])
    await docs.upsert([[5, 0], [4, 0]], ids=["b", "d"])
    assert [hit.id for hit in await docs.query([1, 0], top_k=10)] == ["a", "b", "c", "d"]


async def test_an_upsert_replaces_the_row_and_its_metadata(vectors: mc.AsyncConvexVector) -> None:
    """An upsert without metadata clears it, and the last of equal ids in one call wins."""
    docs = await filled(vectors)
    await docs.upsert([[0, -1], [0, -2], [0, 1]], ids=["east", "east", "new"])
    hit = (await docs.query([0, -1], top_k=1, include_vector=True))[0]
    assert (hit.id, hit.metadata) == ("east", {})
    assert hit.vector is not None
    assert hit.vector.tolist() == [0, -2]
    assert await stored(vectors) == ["east", "north", "north-east", "west", "far", "new"]


async def test_ids_are_made_where_none_are_given(vectors: mc.AsyncConvexVector) -> None:
    """Missing ids are created, unique, and returned in order. They begin with the time, so they are neighbours."""
    begun = time.time_ns() // 1_000_000
    docs = await vectors.index("docs", 2)
    ids = await docs.upsert([[1, 0], [0, 1]])
    assert len(set(ids)) == 2
    assert await stored(vectors) == ids
    for made in map(UUID, ids):
        assert made.version == 7
        assert begun <= made.int >> 80 <= time.time_ns() // 1_000_000


async def test_scores_of_each_metric(vectors: mc.AsyncConvexVector) -> None:
    """A higher score is better for every metric."""
    expected = {
        "cosine": [("far", 4 / (np.sqrt(2) * np.sqrt(8))), ("north-east", 2 / (np.sqrt(2) * np.sqrt(2)))],
        "dotproduct": [("far", 4.0), ("north-east", 2.0)],
        "euclidean": [("north-east", 1.0), ("east", 0.5)],
    }
    for metric, best in expected.items():
        await vectors.create_index(metric, 2, metric)  # type: ignore[arg-type]
        await vectors.upsert(metric, [[1, 0], [2, 2], [1, 1]], ids=["east", "far", "north-east"])
        found = await vectors.query(metric, [1, 1], top_k=2)
        assert sorted((hit.id, hit.score) for hit in found) == sorted(best)


async def test_a_query_without_a_vector_lists_rows(vectors: mc.AsyncConvexVector) -> None:
    """A query without a vector returns up to top_k rows in stored order with score 0."""
    docs = await filled(vectors)
    found = await docs.query(filter={"n": {"$gte": 2}}, top_k=2)
    assert [(hit.id, hit.score) for hit in found] == [("north", 0), ("north-east", 0)]
    with pytest.raises(mc.InvalidArgumentError, match="query_vector"):
        await docs.query()


async def test_min_score_leaves_out_lower_scores(vectors: mc.AsyncConvexVector) -> None:
    """min_score leaves out lower scores; by default no row is left out."""
    docs = await filled(vectors)
    assert len(await docs.query([1, 0])) == 5
    assert [hit.id for hit in await docs.query([1, 0], min_score=0.9)] == ["east"]


async def test_filters_reach_into_metadata(vectors: mc.AsyncConvexVector) -> None:
    """Filters apply to queries; the language's rules are tested in Rust."""
    docs = await filled(vectors)

    async def ids(filter: dict[str, Any]) -> list[str]:
        return [hit.id for hit in await docs.query([1, 0], filter=filter)]

    assert await ids({"n": 2}) == ["north"]
    assert await ids({"n": None}) == ["west"]
    assert await ids({"tags": {"$contains": "a"}, "n": {"$in": [1, 2]}}) == ["north"]
    assert await ids({"$or": [{"n": 1}, {"n": 5}]}) == ["east", "far"]
    assert await ids({"metadata": {"n": {"$gt": 2, "$lt": 5}}}) == ["north-east"]
    assert len(await ids({})) == 5


async def test_dates_compare_as_iso_text(vectors: mc.AsyncConvexVector) -> None:
    """A datetime in a filter equals its ISO text in metadata."""
    docs = await vectors.index("docs", 2)
    await docs.upsert(
        [[1, 0], [0, 1]],
        ids=["old", "new"],
        metadata=[{"at": "2020-01-01T00:00:00.000Z"}, {"at": "2026-01-01T00:00:00.000Z"}],
    )
    since = datetime(2025, 1, 1, tzinfo=UTC)
    assert [hit.id for hit in await docs.query([1, 0], filter={"at": {"$gte": since}})] == ["new"]
    with pytest.raises(mc.InvalidArgumentError, match="time zone"):
        await docs.query([1, 0], filter={"at": {"$gte": datetime(2025, 1, 1)}})


async def test_rows_of_other_clients_that_cannot_rank_are_skipped(
    vectors: mc.AsyncConvexVector, deployment: mc.AsyncDeployment
) -> None:
    """Rows of another length, not finite or zero are left out and counted."""
    await filled(vectors)
    bad = [[1.0], [NAN, 1.0], [0.0, 0.0], []]
    records = [{"id": f"bad{n}", "embedding": embedding} for n, embedding in enumerate(bad)]
    await deployment.mutation(STORAGE, {"op": "batchInsert", "tableName": "mastra_vector_docs", "records": records})
    found = await vectors.query("docs", [1, 0], top_k=100)
    assert len(found) == 5
    strategy = "embedded" if deployment.kind == "embedded" else "server"
    assert (found.stats.skipped, found.stats.rows, found.stats.strategy) == (4, 9, strategy)


async def test_updates_replace_vectors_and_merge_metadata(vectors: mc.AsyncConvexVector) -> None:
    """Arguments that aren't given change nothing. An unknown id is an error that names it."""
    docs = await filled(vectors)
    await docs.update_vector("north", vector=[0, -1])
    await docs.update_vector("north", metadata={"n": 20, "new": True})
    with pytest.raises(mc.NotFoundError, match=r"^ConvexVector.update_vector: index 'docs' has no row 'nobody'"):
        await docs.update_vector("nobody", metadata={"n": 1})
    hit = (await docs.query([0, -1], top_k=1))[0]
    assert (hit.id, hit.metadata) == ("north", {"n": 20, "tags": ["a", "b"], "new": True})
    await docs.update_vectors({"n": {"$gte": 3}}, metadata={"big": True})
    found = await docs.query(filter={"big": True})
    assert [hit.id for hit in found] == ["north", "north-east", "far"]
    assert found[0].metadata["n"] == 20


async def test_deletes_by_id_and_by_filter(vectors: mc.AsyncConvexVector) -> None:
    """Rows are deleted by id, ignoring unknown ids, and by filter."""
    docs = await filled(vectors)
    await docs.delete_vector("east")
    await docs.delete_vectors(ids=["west", "nobody"])
    await docs.delete_vectors(filter={"n": 5})
    assert await stored(vectors) == ["north", "north-east"]
    await docs.upsert([[1, 0]], ids=["east"], delete_filter={"n": 2})
    assert await stored(vectors) == ["north-east", "east"]


@pytest.mark.parametrize("empty", [{}, {"metadata": {}}, {"$and": []}])
async def test_destructive_calls_refuse_empty_filters(vectors: mc.AsyncConvexVector, empty: dict[str, Any]) -> None:
    """A filter that matches everything deletes nothing."""
    docs = await filled(vectors)
    with pytest.raises(mc.InvalidArgumentError, match="empty filter"):
        await docs.delete_vectors(filter=empty)
    with pytest.raises(mc.InvalidArgumentError, match="empty filter"):
        await docs.update_vectors(empty, metadata={"a": 1})
    assert (await docs.describe_index()).count == 5


async def test_indexes_are_made_listed_described_and_deleted(vectors: mc.AsyncConvexVector) -> None:
    """Each index has its own rows, and can be listed, described and deleted."""
    await filled(vectors)
    await vectors.create_index("other", 3, "euclidean")
    assert await vectors.list_indexes() == ["docs", "other"]
    assert await vectors.describe_index("docs") == mc.IndexStats(dimension=2, count=5, metric="cosine")
    assert await vectors.describe_index("other") == mc.IndexStats(dimension=3, count=0, metric="euclidean")
    await vectors.truncate_index("docs")
    assert (await vectors.describe_index("docs")).count == 0
    await vectors.delete_index("docs")
    assert await vectors.list_indexes() == ["other"]
    with pytest.raises(mc.IndexNotFoundError):
        await vectors.query("docs", [1, 0])


async def test_creating_an_index_again_is_nothing_or_an_error_naming_both(vectors: mc.AsyncConvexVector) -> None:
    """Creating an index again does nothing if it is the same, and otherwise raises an error with both descriptions."""
    await filled(vectors)
    await vectors.create_index("docs", 2)
    with pytest.raises(mc.DimensionMismatchError, match=r"'docs' exists with 2 dimensions, asked for 3"):
        await vectors.create_index("docs", 3)
    with pytest.raises(mc.InvalidArgumentError, match=r"metric 'cosine', asked for 'euclidean'"):
        await vectors.create_index("docs", 2, "euclidean")
    assert await vectors.describe_index("docs") == mc.IndexStats(dimension=2, count=5, metric="cosine")


async def test_large_upserts_go_in_batches_and_report_progress(
    vectors: mc.AsyncConvexVector, random: np.random.Generator
) -> None:
    """Upserts and deletes of more rows than a call takes go in batches, with progress."""
    docs = await vectors.index("docs", 8)
    done: list[tuple[int, int]] = []
    ids = await docs.upsert(random.standard_normal((1200, 8)), batch_size=400, progress=lambda *at: done.append(at))
    assert done == [(400, 1200), (800, 1200), (1200, 1200)]
    assert await stored(vectors) == ids
    await docs.delete_vectors(ids=ids[:1100])
    assert await stored(vectors) == ids[1100:]
    await docs.truncate_index()
    assert await stored(vectors) == []


async def test_rows_with_much_metadata_are_replaced_changed_and_deleted(vectors: mc.AsyncConvexVector) -> None:
    """Calls are sized by the stored rows too: 30 rows of 600 kB are more than a transaction may read."""
    docs = await vectors.index("docs", 2)
    ids = [str(n) for n in range(30)]
    await docs.upsert([[1, 0]] * 30, ids=ids, metadata=[{"text": "x" * 600_000}] * 30)
    await docs.upsert([[0, 1]] * 29, ids=ids[:29])
    assert await stored(vectors) == ids
    await docs.upsert([[1, 0]] * 30, ids=ids, metadata=[{"text": "x" * 600_000, "n": 1}] * 30)
    await docs.update_vectors({"n": 1}, metadata={"n": 2})
    await docs.delete_vectors(filter={"n": 2})
    assert await stored(vectors) == []
    await docs.upsert([[1, 0]] * 30, ids=ids, metadata=[{"text": "x" * 600_000}] * 30)
    await docs.delete_index()
    assert await vectors.list_indexes() == []


async def test_ids_to_delete_are_a_list(vectors: mc.AsyncConvexVector) -> None:
    """Ids may be any iterable of texts, but a single text is refused."""
    docs = await vectors.index("docs", 2)
    await docs.upsert([[1, 0]] * 4, ids=["a", "b", "c", "d"])
    with pytest.raises(mc.InvalidArgumentError, match="expected a list"):
        await docs.delete_vectors(ids="ab")
    await docs.delete_vectors(ids=(id for id in ["a"]))  # type: ignore[arg-type]
    await docs.delete_vectors(ids=np.array(["b"]))  # type: ignore[arg-type]
    assert await stored(vectors) == ["c", "d"]


BAD_UPSERTS: list[tuple[dict[str, Any], type[mc.MastraConvexError], str]] = [
    ({"vectors": [[1, 2, 3]]}, mc.DimensionMismatchError, r"vectors have 3 dimensions, the index has 2"),
    ({"vectors": [[1, 0], [NAN, 1]]}, mc.InvalidArgumentError, r"vectors\[1\]\[0\] is nan"),
    ({"vectors": [[1, 0], [0, float("inf")]]}, mc.InvalidArgumentError, r"vectors\[1\]\[1\] is inf"),
    ({"vectors": [[1, 0], [1]]}, mc.InvalidArgumentError, "rows of equal length"),
    ({"vectors": [["a", "b"]]}, mc.InvalidArgumentError, "expected numbers"),
    ({"vectors": [1, 0]}, mc.InvalidArgumentError, "expected a matrix"),
    (
        {"vectors": [[1, 0]], "ids": ["a", "b"]},
        mc.InvalidArgumentError,
        r"ids length \(2\) must match vectors length \(1\)",
    ),
    ({"vectors": [[1, 0]], "ids": [7]}, mc.InvalidArgumentError, r"ids\[0\] is 7; expected text"),
    ({"vectors": [[1, 0]], "ids": [""]}, mc.InvalidArgumentError, r"ids\[0\] is ''"),
    ({"vectors": [[1, 0]] * 2, "ids": ["a", "x" * (1 << 20)]}, mc.InvalidArgumentError, "row 1"),
    ({"vectors": [[1, 0]], "ids": "a"}, mc.InvalidArgumentError, "expected a list"),
    ({"vectors": [[1, 0]], "metadata": []}, mc.InvalidArgumentError, r"metadata length \(0\) must match"),
    ({"vectors": [[1, 0]], "metadata": ["x"]}, mc.InvalidArgumentError, r"metadata\[0\] is 'x'; expected a dict"),
    ({"vectors": [[1, 0]] * 2, "metadata": [{}, {"a": {1}}]}, mc.InvalidArgumentError, r"metadata\[1\]\.a: .* a set"),
    ({"vectors": [[1, 0]], "metadata": [{"$a": 1}]}, mc.InvalidArgumentError, r"row 0: .*\$a"),
    ({"vectors": [[1, 0]], "metadata": [{"a": "x" * (1 << 20)}]}, mc.InvalidArgumentError, "maximum size 1 MiB"),
    ({"vectors": [[1, 0]], "batch_size": 0}, mc.InvalidArgumentError, "batch_size 0"),
    ({"vectors": [[1, 0]], "batch_size": 501}, mc.InvalidArgumentError, "batch_size 501"),
    ({"vectors": [[1, 0]], "delete_filter": {}}, mc.InvalidArgumentError, "empty filter"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_UPSERTS)
async def test_bad_upserts_store_nothing(
    vectors: mc.AsyncConvexVector, arguments: dict[str, Any], error: type[mc.MastraConvexError], message: str
) -> None:
    """An invalid upsert raises an error with the place, the value and the expected form, and stores nothing."""
    docs = await filled(vectors)
    with pytest.raises(error, match=message):
        await docs.upsert(**arguments)
    assert await stored(vectors) == ["east", "north", "north-east", "west", "far"]


BAD_QUERIES: list[tuple[dict[str, Any], type[mc.MastraConvexError], str]] = [
    ({"query_vector": [1, 2, 3]}, mc.DimensionMismatchError, "3 dimensions, the index has 2"),
    ({"query_vector": [1, NAN]}, mc.InvalidArgumentError, "NaN at position 1"),
    ({"query_vector": [0, 0]}, mc.InvalidArgumentError, "zero"),
    ({"query_vector": [[1, 0]]}, mc.InvalidArgumentError, "one vector"),
    ({"query_vector": "ab"}, mc.InvalidArgumentError, "query_vector"),
    ({"query_vector": [1, 0], "top_k": 0}, mc.InvalidArgumentError, "top_k: 0"),
    ({"query_vector": [1, 0], "top_k": -1}, mc.InvalidArgumentError, "top_k: -1"),
    ({"query_vector": [1, 0], "top_k": True}, mc.InvalidArgumentError, "top_k: True"),
    ({"query_vector": [1, 0], "top_k": 1.5}, mc.InvalidArgumentError, "top_k: 1.5"),
    ({"query_vector": [1, 0], "min_score": NAN}, mc.InvalidArgumentError, "min_score"),
    ({"query_vector": [1, 0], "filter": {"n": {"$near": 1}}}, mc.FilterError, r"n\.\$near"),
    ({"query_vector": [1, 0], "filter": {"n": {"$gt": 1, "x": 2}}}, mc.FilterError, "n"),
    ({"query_vector": [1, 0], "filter": {"n": {"$in": 1}}}, mc.FilterError, r"n\.\$in"),
    ({"query_vector": [1, 0], "filter": {"n": {"$regex": "(?=x)"}}}, mc.FilterError, r"n\.\$regex"),
    ({"query_vector": [1, 0], "filter": ["n"]}, mc.FilterError, "filter"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_QUERIES)
async def test_bad_queries_say_what_was_expected(
    vectors: mc.AsyncConvexVector, arguments: dict[str, Any], error: type[mc.MastraConvexError], message: str
) -> None:
    """An invalid query is refused before any row is scored, with the expected form."""
    docs = await filled(vectors)
    with pytest.raises(error, match=message):
        await docs.query(**arguments)


@pytest.mark.parametrize("index_name", ["", "indexes", None, 3])
async def test_index_names_that_cannot_be(vectors: mc.AsyncConvexVector, index_name: Any) -> None:
    """An index name that is empty, reserved or not text is refused."""
    with pytest.raises(mc.InvalidArgumentError, match="index_name"):
        await vectors.create_index(index_name, 3)
    with pytest.raises(mc.InvalidArgumentError, match="index_name"):
        await vectors.query(index_name, [1, 2, 3])


@pytest.mark.parametrize("dimension", [0, -1, 2.0, True, "3", 10_000])
async def test_dimensions_that_cannot_be(vectors: mc.AsyncConvexVector, dimension: Any) -> None:
    """A dimension must be an integer from 1 to the length of Convex's longest array."""
    with pytest.raises(mc.InvalidArgumentError, match="dimension"):
        await vectors.create_index("docs", dimension)
    assert await vectors.list_indexes() == []


async def test_missing_indexes_are_named_beside_those_that_exist(vectors: mc.AsyncConvexVector) -> None:
    """Every method raises the same error for a missing index, with the existing ones and the nearest name."""
    await vectors.create_index("docs", 2)
    calls: list[Callable[[], Any]] = [
        lambda: vectors.query("dosc", [1, 0]),
        lambda: vectors.query_many("dosc", [[1, 0]]),
        lambda: vectors.upsert("dosc", [[1, 0]]),
        lambda: vectors.describe_index("dosc"),
        lambda: vectors.update_vector("dosc", "a", metadata={}),
        lambda: vectors.update_vectors("dosc", {"a": 1}, metadata={}),
        lambda: vectors.delete_vector("dosc", "a"),
        lambda: vectors.delete_vectors("dosc", filter={"a": 1}),
        lambda: vectors.truncate_index("dosc"),
        lambda: vectors.delete_index("dosc"),
        lambda: vectors.index("dosc"),
    ]
    for number, call in enumerate(calls):
        with pytest.raises(mc.IndexNotFoundError, match=r"'dosc' does not exist; there are: docs\n.*'docs'") as caught:
            await call()
        assert caught.value.details == {"index_name": "dosc", "existing": ["docs"]}, number


async def test_the_error_of_a_later_batch_says_what_was_written(
    vectors: mc.AsyncConvexVector, random: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a later batch fails, earlier batches stay and the error says how many rows they wrote."""
    docs = await vectors.index("docs", 4)
    call = vectors._functions.call

    async def failing(kind: Any, path: str, args: Any) -> Any:
        if args["op"] == "upsertVectors" and args["records"][0]["id"] == "20":
            raise mc.DiskFullError("no space left")
        return await call(kind, path, args)

    monkeypatch.setattr(vectors._functions, "call", failing)
    with pytest.raises(mc.DiskFullError, match=r"no space left \(20 of 30 rows had been written\)") as caught:
        await docs.upsert(random.standard_normal((30, 4)), ids=[str(n) for n in range(30)], batch_size=10)
    assert caught.value.details["written"] == 20
    assert len(await stored(vectors)) == 20


async def test_a_class_takes_a_target_and_closes_what_it_opened(tmp_path: Any) -> None:
    """A class closes the deployment that it opened, and leaves a given one open."""
    async with mc.AsyncConvexVector(tmp_path) as vectors:
        await vectors.create_index("docs", 2)
    async with mc.connect_async(tmp_path) as deployment:
        async with mc.AsyncConvexVector(deployment) as vectors:
            assert await vectors.list_indexes() == ["docs"]
        assert await mc.AsyncConvexVector(deployment).list_indexes() == ["docs"]
