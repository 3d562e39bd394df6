"""Hits as tables: members of `QueryResults`, a class written in Rust, which `types` adds."""

from __future__ import annotations

from mastra_convex._frames import Series
from mastra_convex._native import QueryResults


def series(self: QueryResults) -> list[Series]:
    """The columns of hits, with vectors where some hit has one."""
    vectors = [hit.vector for hit in self]
    columns = [
        Series("id", "text", self.ids),
        Series("score", "number", self.scores.tolist()),
        Series("metadata", "json", [hit.metadata for hit in self]),
    ]
    return columns if all(vector is None for vector in vectors) else [*columns, Series("vector", "vector", vectors)]
