"""The kernel equals the float64 reference for all numbers."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import mastra_convex as mc
from tests.support import reference

AWKWARD = [0.0, -0.0, 1.0, -1.0, 1e-45, 5e-324, 1e-200, 1e200, 3.4e38, 1e-30, 0.1, np.nan, np.inf, -np.inf]


@st.composite
def searches(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, str, int]:
    """Rows, a valid query, a metric, and the number of results."""
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    shape = (draw(st.integers(0, 30)), draw(st.integers(1, 40)))
    numbers = st.one_of(st.sampled_from(AWKWARD), st.floats(-2, 2))
    elements = numbers.map(lambda x: float(dtype(x)))
    with np.errstate(over="ignore"):
        rows = draw(arrays.arrays(dtype, shape, elements=elements, fill=st.nothing() if draw(st.booleans()) else None))
    for row in range(1, len(rows)):
        # Duplicates, scaled copies and near ties show errors of order.
        copy = draw(st.sampled_from([None, None, 1.0, 2.0, 1 + 1e-13]))
        if copy is not None:
            with np.errstate(over="ignore"):
                rows[row] = rows[draw(st.integers(0, row - 1))] * dtype(copy)
    metric = draw(st.sampled_from(["cosine", "dotproduct", "euclidean"]))
    finite = st.floats(-1e3, 1e3).map(lambda x: float(np.float32(x)) if dtype is np.float32 else x)
    query = draw(arrays.arrays(np.float64, shape[1], elements=finite))
    if not (query * query).sum() > 0:
        query[0] = 1.0
    return rows, query, metric, draw(st.integers(1, 40))


@settings(max_examples=400, deadline=None)
@given(searches())
def test_rows_and_score_bits_equal_the_reference(search: tuple[np.ndarray, np.ndarray, str, int]) -> None:
    """Rows and score bits equal the reference's for odd shapes, ±0, NaN, infinities, subnormals, zero rows and near
    ties.
    """
    rows, query, metric, top_k = search
    scores = reference.scores(query, rows, metric)
    expected = reference.top_k(scores, top_k)
    batch = mc.VectorBatch(rows, metric=metric)  # type: ignore[arg-type]
    found, found_scores = batch.top_k(query, top_k)
    assert found.tolist() == expected
    assert found_scores.tobytes() == scores[expected].tobytes()
    assert batch.query(query, top_k=top_k).stats.skipped == np.isnan(scores).sum()
