"""How long the main job takes: 500 × 1536 float32 into an embedded index, and a top-10 query out of it.

Each contestant's answer is checked against the float64 reference before it is timed. Queries are compared with NumPy's
plain float32 matrix product, without selection. The upsert has no peer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from tests.support import reference

import mastra_convex as mc

ROWS, DIMENSION, TOP_K = 500, 1536, 10


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((ROWS, DIMENSION)).astype(np.float32)


@pytest.fixture(scope="module")
def query() -> np.ndarray:
    return np.random.default_rng(2).standard_normal(DIMENSION).astype(np.float32)


@pytest.fixture(scope="module")
def docs(rows: np.ndarray) -> Iterator[mc.VectorIndex]:
    with mc.connect(":memory:") as db:
        docs = mc.ConvexVector(db).index("docs", DIMENSION)
        docs.upsert(rows, ids=[str(row) for row in range(ROWS)])
        yield docs


@pytest.mark.parametrize("contestant", ["ConvexVector.query", "VectorBatch.query", "VectorBatch.top_k", "numpy"])
@pytest.mark.benchmark(group="query 500 × 1536 float32, top 10")
def test_query(
    benchmark: BenchmarkFixture, docs: mc.VectorIndex, rows: np.ndarray, query: np.ndarray, contestant: str
) -> None:
    batch = mc.VectorBatch(rows)
    contestants: dict[str, Callable[[], Any]] = {
        "ConvexVector.query": lambda: docs.query(query, top_k=TOP_K),
        "VectorBatch.query": lambda: batch.query(query, top_k=TOP_K),
        "VectorBatch.top_k": lambda: batch.top_k(query, TOP_K),
        "numpy": lambda: rows @ query,
    }
    answer = contestants[contestant]()
    scores = reference.scores(query, rows)
    expected = reference.top_k(scores, TOP_K)
    if contestant == "VectorBatch.top_k":
        assert answer[0].tolist() == expected
    elif contestant != "numpy":
        assert [(hit.id, hit.score) for hit in answer] == [(str(row), scores[row]) for row in expected]
    benchmark.pedantic(contestants[contestant], rounds=500, warmup_rounds=20)


@pytest.mark.parametrize("target", ["memory", "folder, normal", "folder, full"])
@pytest.mark.benchmark(group="upsert 500 × 1536 float32")
def test_upsert(benchmark: BenchmarkFixture, rows: np.ndarray, target: str, tmp_path: Path) -> None:
    synchronous = "normal" if target.endswith("normal") else "full"
    where = ":memory:" if target == "memory" else tmp_path
    with mc.connect(where, synchronous=synchronous) as db:  # type: ignore[arg-type]
        vectors = mc.ConvexVector(db)
        names = (f"docs{number}" for number in range(1000))

        def fresh() -> tuple[tuple[mc.VectorIndex], dict[str, Any]]:
            return (vectors.index(next(names), DIMENSION),), {}

        ids = benchmark.pedantic(lambda docs: docs.upsert(rows), setup=fresh, rounds=10)
        assert len(ids) == ROWS
        assert vectors.describe_index("docs0").count == ROWS
