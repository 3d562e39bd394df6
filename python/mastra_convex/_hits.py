"""Hits as arrays and tables: members of `QueryResults`, a class written in Rust, which `types` adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mastra_convex._frames import Series
from mastra_convex._native import QueryResults

if TYPE_CHECKING:
    from numpy.typing import NDArray


def ids(self: QueryResults) -> list[str]:
    """`QueryResults.ids`."""
    return [hit.id for hit in self]


def scores(self: QueryResults) -> NDArray[np.float64]:
    """`QueryResults.scores`."""
    return np.array([hit.score for hit in self], dtype=np.float64)


def series(self: QueryResults) -> list[Series]:
    """The columns of hits, with vectors where some hit has one."""
    vectors = [hit.vector for hit in self]
    columns = [
        Series("id", "text", ids(self)),
        Series("score", "number", [hit.score for hit in self]),
        Series("metadata", "json", [hit.metadata for hit in self]),
    ]
    return columns if all(vector is None for vector in vectors) else [*columns, Series("vector", "vector", vectors)]
