"""The import of a file of vectors into a vector index."""

from __future__ import annotations

import json as json_text
from collections.abc import Iterator
from pathlib import Path

import mastra_convex as mc
from mastra_convex import _arguments, _rows
from mastra_convex._cli import targets, terminal
from mastra_convex._cli.vector_files import Block, VectorFile, open_vector_file
from mastra_convex._files import file_errors
from mastra_convex._sync.mastra_vector import Progress as Report
from mastra_convex.types import Metric

MB = 1_000_000


def import_vectors(
    path: Path, target: str, functions: str | None, index_name: str, metric: Metric | None, *, json: bool
) -> None:
    """Check all rows, write them, and report the index's size."""
    with file_errors("import", path), open_vector_file(path) as file, terminal.bars() as bars:
        for block in _shown(file, bars.add("Checking, in MB", -(-file.size // MB))):
            _check(block, file.dimension)
        with targets.connect(target, functions) as db:
            index = _index(mc.ConvexVector(db), index_name, file.dimension, metric)
            rows = 0
            for block in _shown(file, bars.add("Importing, in MB", -(-file.size // MB))):
                index.upsert(block.vectors, ids=block.ids, metadata=block.metadata)
                rows += len(block.ids)
            stats = index.describe_index()
    if json:
        about = {"dimension": stats.dimension, "metric": stats.metric, "count": stats.count}
        print(json_text.dumps({"file": str(path), "target": target, "index": index_name, "rows": rows, **about}))
    else:
        terminal.out.print(
            f"{path} is in index {index_name} of {target}: {rows:,} of its {stats.count:,} rows, "
            f"dimension {stats.dimension}, {stats.metric}",
            soft_wrap=True,
        )


def _shown(file: VectorFile, report: Report) -> Iterator[Block]:
    """A file's blocks, with progress after each."""
    for block in file.blocks():
        yield block
        report(-(-block.end // MB), -(-file.size // MB))


def _check(block: Block, dimension: int) -> None:
    """Refuse rows that `upsert` would refuse, before any block is written."""
    _arguments.as_vectors(block.place, block.vectors, dimension)
    ids = _arguments.given_ids(block.place, block.ids)
    _rows.row_sizes(block.place, ids, _arguments.as_metadata(block.place, block.metadata, len(ids)), dimension)


def _index(vector: mc.ConvexVector, index_name: str, dimension: int, metric: Metric | None) -> mc.VectorIndex:
    """The index, created if it is missing. Without a metric, a new index has the cosine."""
    if metric is None and index_name in vector.list_indexes():
        metric = vector.describe_index(index_name).metric
    return vector.index(index_name, dimension, metric or "cosine")
