"""Rows of vector indexes as results: without a query, their score is 0."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mastra_convex import _native
from mastra_convex.types import QueryResult


def as_result(row: Mapping[str, Any], *, id: str, metadata: str, vector: str | None) -> QueryResult:
    """A row as a result; `id`, `metadata` and `vector` name its fields, and without `vector` the result has none."""
    return QueryResult(row[id], 0.0, row.get(metadata) or {}, None if vector is None else row[vector])


def matching(results: Sequence[QueryResult], filter: Mapping[str, Any] | None) -> list[QueryResult]:
    """The results whose metadata matches a filter, by the same code that filters a query's rows."""
    if filter is None:
        return list(results)
    # A row's number is its id here, since ids of different pages may be equal.
    batch = _native.VectorBatch(np.ones((len(results), 1)), metadata=[result.metadata for result in results])
    return [results[int(row)] for row in batch.matching_ids(filter)]
