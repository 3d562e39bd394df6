"""The float64 reference: scores summed one product after the other, as the original JavaScript does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def scores(query: NDArray[np.floating], rows: NDArray[np.floating], metric: str = "cosine") -> NDArray[np.float64]:
    """The score of each row, NaN where it never ranks.

    One column after the other is added for all rows at once: each row's own order of operations is the sequential one.
    """
    query, rows = query.astype(np.float64), rows.astype(np.float64)
    dot, squares, query_squares, differences = np.zeros(len(rows)), np.zeros(len(rows)), 0.0, np.zeros(len(rows))
    with np.errstate(all="ignore"):
        for column, component in zip(rows.T, query, strict=True):
            dot += component * column
            squares += column * column
            query_squares += component * component
            differences += (component - column) * (component - column)
        if metric == "cosine":
            found = dot / (math.sqrt(query_squares) * np.sqrt(squares))
            found[squares == 0] = np.nan
        elif metric == "dotproduct":
            found = dot
        else:
            found = 1 / (1 + np.sqrt(differences))
    found[~np.isfinite(rows).all(axis=1) | ~np.isfinite(found)] = np.nan
    return found


def top_k(found: NDArray[np.float64], k: int, admitted: Sequence[bool] | None = None) -> list[int]:
    """The rows with the best scores, best first, ties in row order."""
    rows = [row for row in range(len(found)) if not math.isnan(found[row]) and (admitted is None or admitted[row])]
    return sorted(rows, key=lambda row: -found[row])[:k]
