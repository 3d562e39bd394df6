"""`VectorBatch`, the search kernel: arrays that aren't copied, results, and refused arguments."""

from __future__ import annotations

import array
import copy
import json
import os
import pickle
import struct
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import mastra_convex as mc
from tests.conftest import Docstrings
from tests.support import reference

METRICS: list[mc.Metric] = ["cosine", "dotproduct", "euclidean"]


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_top_k_equals_the_reference_on_real_embeddings(docstrings: Docstrings, metric: mc.Metric, dtype: type) -> None:
    """Rows and score bits equal the reference's, for one query and many, with one thread and two."""
    rows = docstrings.embeddings.astype(dtype)
    batch = mc.VectorBatch(rows, metric=metric)
    many = batch.top_k_many(docstrings.questions, 50)
    for question, many_rows, many_scores in zip(docstrings.questions, *many, strict=True):
        scores = reference.scores(question, rows, metric)
        expected = reference.top_k(scores, 50)
        for threads in (1, 2):
            found, found_scores = batch.top_k(question, 50, threads=threads)
            assert found.tolist() == expected
            assert found_scores.tobytes() == scores[expected].tobytes()
        assert many_rows.tolist() == expected
        assert many_scores.tobytes() == scores[expected].tobytes()


def test_the_array_is_borrowed_and_kept_alive() -> None:
    """The batch borrows the array without a copy, and keeps it alive."""
    rows = np.array([[1, 0], [0, 1]], dtype=np.float32)
    batch = mc.VectorBatch(rows)
    rows[0] = [0, 3]  # Callers may not do this; it shows whose memory the batch uses.
    vector = batch.query([0, 1], include_vector=True)[0].vector
    assert vector is not None
    assert vector.tolist() == [0, 3]
    del rows
    assert batch.top_k([0, 1], 1)[0].tolist() == [0]


LAYOUTS = [
    lambda rows: rows.tolist(),
    lambda rows: rows.astype(np.float16),
    lambda rows: rows.astype(np.int8),
    lambda rows: np.asfortranarray(rows),
    lambda rows: np.repeat(rows, 2, axis=1)[:, ::2],
    lambda rows: rows.astype(">f4"),
    lambda rows: [array.array("f", row) for row in rows],
    lambda rows: memoryview(np.ascontiguousarray(rows)),
]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whatever_numpy_takes_is_a_matrix(layout: Any) -> None:
    """float16 is widened and other layouts are copied, with the same results."""
    rows = np.array([[1, 2, 3], [-3, 1, 0], [0, 0, 5]], dtype=np.float32)
    expected = mc.VectorBatch(rows).top_k([1, 1, 1], 3)
    for query in ([1, 1, 1], np.ones(3, np.float16), array.array("d", [1, 1, 1]), np.ones(6)[::2]):
        found = mc.VectorBatch(layout(rows)).top_k(query, 3)
        assert [part.tolist() for part in found] == [part.tolist() for part in expected]


def test_results_are_padded_where_queries_have_fewer() -> None:
    """Queries with fewer results are padded with -1 and NaN."""
    batch = mc.VectorBatch([[1, 0], [-1, 0], [0, 1]])
    rows, scores = batch.top_k_many([[1, 0], [0, 1]], 3, min_score=0.5)
    assert rows.tolist() == [[0], [2]]
    rows, scores = batch.top_k_many([[1, 0], [1, 1]], 3, min_score=0.5)
    assert rows.tolist() == [[0, -1], [0, 2]]
    assert np.isnan(scores[0, 1])
    assert (rows.dtype, scores.dtype) == (np.int64, np.float64)


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_in_nothing_out(metric: mc.Metric) -> None:
    """An empty batch, or no queries, gives empty results."""
    empty = mc.VectorBatch(np.empty((0, 3), np.float32), metric=metric)
    assert (len(empty), empty.dimension) == (0, 3)
    assert [part.shape for part in empty.top_k([1, 0, 0], 5)] == [(0,), (0,)]
    assert empty.top_k_many(np.empty((0, 3)), 5)[0].shape == (0, 0)
    assert len(empty.query([1, 0, 0])) == 0


def test_results_are_a_sequence() -> None:
    """Results are made lazily, and otherwise behave as a list."""
    batch = mc.VectorBatch([[1, 0], [0, 1], [1, 1]], ids=["a", "b", "c"], metadata=[{"n": 1}, None, {"n": 3.5}])
    found = batch.query([1, 0])
    assert isinstance(found, Sequence)
    assert [hit.id for hit in found] == ["a", "c", "b"]
    assert found[-1].id == "b"
    assert [hit.id for hit in found[::2]] == ["a", "b"]
    assert next(reversed(found)) == found[2]
    assert found == batch.query([1, 0])
    assert found != batch.query([1, 1])
    assert (found.index(found[1]), found.count(found[1])) == (1, 1)
    with pytest.raises(IndexError):
        found[3]
    assert found[0].metadata == {"n": 1}
    assert isinstance(found[0].metadata["n"], int)
    assert found[0].metadata is not found[0].metadata or found[0].metadata == {"n": 1}
    assert "QueryResult(id=\"a\", score=1.0, metadata={'n': 1})" in repr(found)
    assert (found.stats.rows, found.stats.skipped, found.stats.strategy) == (3, 0, "batch")
    assert found.stats.seconds.keys() == {"transfer", "filter", "scan"}


def test_hits_are_pickled_and_copied() -> None:
    """Hits can be pickled and copied without their batch."""
    batch = mc.VectorBatch([[1, 0.1], [0, 1]], ids=["a", "b"], metadata=[{"n": [1, None], "big": 2**40}, None])
    for include_vector in (True, False):
        found = batch.query([1, 0], include_vector=include_vector)
        for copied in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found), [copy.copy(hit) for hit in found]):
            assert copied == list(found)
            assert isinstance(copied[0], mc.QueryResult)
    assert len(pickle.dumps(mc.VectorBatch(np.ones((1000, 100))).query(np.ones(100), 1))) < 200


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("a", 1.0, {"x": object()}), "metadata.x: Convex can't hold"),
        (("a", 1.0, {}, "x"), "vector: 'x'; expected one vector"),
        (("a", 1.0, {}, [1, "x"]), r"vector: \[1, 'x'\]; expected one vector"),
    ],
)
def test_a_hit_that_cannot_be_is_refused(arguments: Any, error: str) -> None:
    """A hit whose metadata or vector is invalid is refused."""
    with pytest.raises(mc.InvalidArgumentError, match=error):
        mc.QueryResult(*arguments)


def test_masks_and_filters_admit_rows() -> None:
    """A mask and a filter together admit the rows that pass both."""
    batch = mc.VectorBatch(np.eye(4), metadata=[{"n": n} for n in range(4)])
    assert batch.top_k([1, 1, 1, 1], 4, mask=[True, False, True, True])[0].tolist() == [0, 2, 3]
    assert batch.top_k([1, 1, 1, 1], 4, mask=np.array([1, 0, 1, 1], bool), filter={"n": {"$lt": 3}})[0].tolist() == [
        0,
        2,
    ]
    assert batch.matching_ids({"n": {"$gte": 2}}) == ["2", "3"]


BAD_BATCHES: list[tuple[dict[str, Any], type[mc.MastraConvexError], str]] = [
    ({"vectors": [1, 2]}, mc.InvalidArgumentError, "expected a matrix"),
    ({"vectors": [[1, 2], [1]]}, mc.InvalidArgumentError, "vectors"),
    ({"vectors": [["x"]]}, mc.InvalidArgumentError, "expected numbers"),
    ({"vectors": [[1j]]}, mc.InvalidArgumentError, "expected numbers"),
    ({"vectors": [[1]], "ids": ["a", "b"]}, mc.InvalidArgumentError, "2"),
    ({"vectors": [[1]], "ids": [1]}, mc.InvalidArgumentError, r"ids\[0\]: 1; expected text"),
    ({"vectors": [[1]], "ids": ["\ud800"]}, mc.InvalidArgumentError, r"ids\[0\]: .* lone surrogate"),
    ({"vectors": [[1]], "ids": 5}, mc.InvalidArgumentError, "ids: 5; expected a list of texts"),
    ({"vectors": [[1]], "metadata": [1]}, mc.InvalidArgumentError, r"metadata\[0\]: 1; expected a dict"),
    ({"vectors": [[1]], "metadata": 5}, mc.InvalidArgumentError, "metadata: 5; expected a list of dicts"),
    ({"vectors": [[1]], "metadata": [{}, {}]}, mc.InvalidArgumentError, "2"),
    ({"vectors": [[1]], "metric": "manhattan"}, mc.InvalidArgumentError, "manhattan.*cosine"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD_BATCHES)
def test_bad_batches_are_refused(arguments: dict[str, Any], error: type[mc.MastraConvexError], message: str) -> None:
    """An invalid batch is refused with place, value and expected form."""
    with pytest.raises(error, match=message):
        mc.VectorBatch(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"query_vector": [1]}, "1 dimensions, the index has 2"),
        ({"query_vector": [1, 2], "mask": [True]}, "mask: 1 bools"),
        ({"query_vector": [1, 2], "mask": [1, 2]}, "one bool a row"),
        ({"query_vector": [1, 2], "top_k": 0}, "top_k: 0"),
        ({"query_vector": [1, 2], "threads": -1}, "threads: -1; expected an integer of at least 1"),
        ({"query_vector": [1, 2], "threads": 0}, "threads: 0"),
        ({"query_vector": [1, 2], "threads": 1.5}, "threads: 1.5"),
        ({"query_vector": [1, 2], "threads": True}, "threads: True"),
        ({"query_vector": [1, 2], "threads": 2**70}, f"threads: {2**70}"),
        ({"query_vector": [1, 2], "min_score": "x"}, "min_score: 'x'; expected a number"),
        ({"query_vector": [1, 2], "min_score": float("nan")}, "min_score: nan"),
        ({"query_vector": [1, 2], "min_score": True}, "min_score: True"),
    ],
)
def test_bad_searches_are_refused(arguments: dict[str, Any], message: str) -> None:
    """An invalid search is refused with place, value and expected form."""
    with pytest.raises(mc.InvalidArgumentError, match=message):
        mc.VectorBatch(np.eye(2)).top_k(**arguments)


def page(rows: list[dict[str, Any]], **more: Any) -> bytes:
    """A reply of `queryTable`, as it comes over the wire."""
    value = {"ok": True, "result": rows, "hasMore": False, "continuationCursor": "", **more}
    return json.dumps({"status": "success", "value": value, "logLines": []}).encode()


@pytest.mark.parametrize("narrow", [True, False])
def test_pages_are_batches(random: np.random.Generator, narrow: bool) -> None:
    """Numbers in pages come back bit for bit, across pages."""
    matrix = random.standard_normal((30, 20)) * 10.0 ** random.integers(-30, 30, (30, 20))
    if narrow:
        matrix = matrix.astype(np.float32).astype(np.float64)
    rows = [
        {
            "_id": f"x{n}",
            "_creationTime": 1.5,
            "id": f"r{n}",
            "indexName": "docs",
            "embedding": row.tolist(),
            "metadata": {"n": n},
        }
        for n, row in enumerate(matrix)
    ]
    batch = mc.VectorBatch.from_pages([page(rows[:11], hasMore=True), page(rows[11:])])
    assert (len(batch), batch.dimension) == (30, 20)
    query = random.standard_normal(20)
    found = batch.query(query, top_k=30, include_vector=True)
    scores = reference.scores(query, matrix)
    assert [(hit.id, hit.score) for hit in found] == [(f"r{n}", scores[n]) for n in reference.top_k(scores, 30)]
    for hit in found:
        assert hit.vector is not None
        assert hit.vector.astype(np.float64).tobytes() == matrix[hit.metadata["n"]].tobytes()
    assert found.stats.strategy == "pages"


def test_rows_of_a_page_that_cannot_rank_are_skipped() -> None:
    """Rows of a page that can't rank, as other clients may write them, are skipped."""
    special = {"$float": __import__("base64").b64encode(struct.pack("<d", float("nan"))).decode()}
    embeddings: list[Any] = [[1.0, 0], [1, 0, 0], [special, 1.0], [0.0, -0.0], ["x", 1], None, [1e-05, 2]]
    rows = [{"id": str(n), "embedding": embedding} for n, embedding in enumerate(embeddings)]
    found = mc.VectorBatch.from_pages([page(rows)]).query([1, 0])
    assert [hit.id for hit in found] == ["0", "6"]
    assert found.stats.skipped == 5


BAD_PAGES: list[tuple[bytes, type[mc.MastraConvexError], str]] = [
    (b"", mc.ProtocolError, "page 1, byte 0"),
    (page([])[:-1], mc.ProtocolError, "page 1, byte"),
    (page([]) + b"x", mc.ProtocolError, "page 1, byte"),
    (b'{"status":"success","value":{"ok":true,"result":[{"id":"a","embedding":[1,.5]}]}}', mc.ProtocolError, "byte"),
    (b'{"status":"success","value":{"ok":true,"result":[{"id":"a","embedding":[01]}]}}', mc.ProtocolError, "byte"),
    (b'{"status":"success","value":{"ok":true,"result":[{"id":"a","embedding":[NaN]}]}}', mc.ProtocolError, "byte"),
    (b'{"status":"error","errorMessage":"went wrong"}', mc.FunctionError, "went wrong"),
    (b'{"status":"success","value":{"ok":false,"error":"Unsupported"}}', mc.FunctionError, "Unsupported"),
    (b"[]", mc.ProtocolError, "page 1"),
]


@pytest.mark.parametrize(("bad", "error", "message"), BAD_PAGES)
def test_bad_pages_name_the_page_and_the_byte(bad: bytes, error: type[mc.MastraConvexError], message: str) -> None:
    """A page that isn't strict JSON is an error with the page and the byte."""
    good = page([{"id": "a", "embedding": [1, 2]}])
    with pytest.raises(error, match=message):
        mc.VectorBatch.from_pages([good, bad])


def test_threads_search_one_batch_at_once(docstrings: Docstrings) -> None:
    """Threads can search one batch at the same time, with the GIL released."""
    batch = mc.VectorBatch(docstrings.embeddings)
    expected = [batch.top_k(question, 10)[0].tolist() for question in docstrings.questions]
    failures: list[object] = []

    def search() -> None:
        for _ in range(20):
            for question, rows in zip(docstrings.questions, expected, strict=True):
                if batch.top_k(question, 10)[0].tolist() != rows:
                    failures.append(question)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_several_threads_find_what_one_does_and_a_forked_child_goes_on_alone() -> None:
    """A search with several threads finds the same rows, and a forked child searches without its parent's threads."""
    random = np.random.default_rng(1)
    batch = mc.VectorBatch(random.standard_normal((50_000, 384), np.float32))
    questions = random.standard_normal((3, 384))
    expected = [array.tobytes() for array in batch.top_k_many(questions, 20)]

    def is_right() -> bool:
        each = [batch.top_k(question, 20, threads=3) for question in questions]
        many = batch.top_k_many(questions, 20, threads=3)
        return all(
            np.stack(one).tobytes() == right == together.tobytes()
            for one, together, right in zip(zip(*each, strict=True), many, expected, strict=True)
        )

    assert is_right()
    child = os.fork()
    if child == 0:
        os._exit(0 if is_right() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert is_right()
