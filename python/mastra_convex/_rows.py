"""Rows to write: their sizes, and the number of rows per call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mastra_convex import _native
from mastra_convex._arguments import Floats, Metadata

# A transaction may read and write 16 MiB each (docs.convex.dev/production/state/limits), and reads what it replaces.
# If the replaced rows are larger, a call is halved.
CALL_BYTES = 8 << 20
CALL_ROWS = 500


def batches(sizes: Sequence[int], most_rows: int) -> Iterator[slice]:
    """Cut rows of these sizes, in bytes, into calls within Convex's limits."""
    begin, total = 0, 0
    for position, size in enumerate(sizes):
        if position > begin and (position - begin == most_rows or total + size > CALL_BYTES):
            yield slice(begin, position)
            begin, total = position, 0
        total += size
    if begin < len(sizes):
        yield slice(begin, len(sizes))


def row_sizes(place: str, ids: Sequence[str], metadata: Sequence[Metadata], dimension: int) -> list[int]:
    """The size of each row as a document, after checking that Convex can hold it."""
    return _native.row_sizes(ids, metadata, dimension, place)


# The forms of a vector in bytes, with NumPy's names of their numbers.
FORMS = {"float32": "<f4", "float64": "<f8"}


def from_bytes(row: Mapping[str, Any]) -> Floats:
    """The vector of a row, whose bytes are under the name of their form."""
    form = next(form for form in FORMS if form in row)
    return np.frombuffer(row[form], FORMS[form])


def vector_bytes(matrix: Floats) -> list[dict[str, bytes]]:
    """Each row in little-endian bytes under the name of its form: float32 if that holds every number, else float64."""
    if matrix.dtype == np.float32:
        return [{"float32": row.tobytes()} for row in matrix.astype("<f4", copy=False)]
    # Numbers that float32 can't hold become infinite there, which they don't equal.
    with np.errstate(over="ignore", under="ignore"):
        narrow = matrix.astype("<f4")
    is_lossless = np.all(narrow == matrix, axis=1)
    return [
        {"float32": narrow[row].tobytes()} if is_lossless[row] else {"float64": matrix[row].astype("<f8").tobytes()}
        for row in range(len(matrix))
    ]
