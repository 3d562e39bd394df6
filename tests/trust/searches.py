"""Searches against the float64 reference: rows, order, ties and the bits of scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import mastra_convex as mc
from tests.support import reference
from tests.trust.row import Found

METRICS = ("cosine", "dotproduct", "euclidean")
AWKWARD = np.array([0.0, -0.0, 1.0, -1.0, 1e-45, 5e-324, 1e-200, 1e200, 3.4e38, 1e-30, 0.1, np.nan, np.inf, -np.inf])
QUERIES = 50  # of each matrix of rows

Search = Callable[[Any, NDArray[np.float64], int], tuple[list[int], bytes]]


def native(batch: mc.VectorBatch, query: NDArray[np.float64], top_k: int) -> tuple[list[int], bytes]:
    """The search of the package."""
    rows, scores = batch.top_k(query, top_k)
    return rows.tolist(), scores.tobytes()


def some_rows(random: np.random.Generator) -> NDArray[np.floating[Any]]:
    """Rows of any shape, with near ties, duplicates, scaled copies and awkward numbers."""
    shape = (int(random.integers(0, 120)), int(random.integers(1, 70)))
    kind = random.integers(4)
    rows = random.standard_normal(shape) if kind else random.integers(-2, 3, shape).astype(float)
    for row in range(1, len(rows)):
        if random.random() < 0.3:
            rows[row] = rows[random.integers(row)] * random.choice([1.0, 2.0, 1 + 1e-13])
    if kind == 1 and rows.size:
        places = random.integers(rows.size, size=1 + rows.size // 20)
        rows.flat[places] = random.choice(AWKWARD, len(places))
    with np.errstate(over="ignore"):
        return rows.astype(np.float32) if random.random() < 0.5 else rows


def check(seed: int, amount: int, search: Search = native) -> Found:
    """Compare searches with the reference."""
    random = np.random.default_rng(seed)
    done = 0
    while done < amount:
        rows, metric = some_rows(random), METRICS[random.integers(3)]
        batch = mc.VectorBatch(rows, metric=metric)  # type: ignore[arg-type]
        for number in range(QUERIES):
            query = random.standard_normal(rows.shape[1])
            if len(rows) and number % 3 == 0:
                near = rows[random.integers(len(rows))].astype(float)
                query = (
                    near if np.isfinite(near).all() and (np.abs(near) < 1e100).all() and (near @ near) > 0 else query
                )
            top_k = int(random.integers(1, 30))
            scores = reference.scores(query, rows, metric)
            expected = reference.top_k(scores, top_k)
            found, bits = search(batch, query, top_k)
            place = f"seed {seed}, search {done}: {metric}, {rows.dtype} {rows.shape}, top {top_k}"
            assert found == expected, f"{place}: rows {found}, expected {expected}"
            assert bits == scores[expected].tobytes(), f"{place}: other scores"
            done += 1
    return Found(done)
