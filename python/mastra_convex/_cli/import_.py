"""``mastra-convex import``: a snapshot, or a file of vectors, into a deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mastra_convex._cli import snapshots
from mastra_convex._cli.import_snapshot import import_snapshot
from mastra_convex._cli.import_vectors import import_vectors
from mastra_convex._cli.options import Debug, Json
from mastra_convex.errors import ConfigurationError
from mastra_convex.types import Metric

EPILOG = """
\b
Examples:
  mastra-convex import backup.zip ./agent-data                 a snapshot, into a data folder
  mastra-convex import backup.zip http://127.0.0.1:3210        into one that is served
  mastra-convex import backup.zip https://….convex.cloud       into a deployment; CONVEX_ADMIN_KEY holds its key
  mastra-convex import backup.zip ./agent-data --replace       whatever its tables hold now
  mastra-convex import docs.npz ./agent-data --index docs      vectors, with ids and metadata, into an index
  mastra-convex import docs.jsonl ./agent-data --index docs

\b
A snapshot is one that `export` or `npx convex export` wrote. Documents keep their ids and times. All of it is
imported, or nothing: after an interruption, run it again. Tables that aren't in the snapshot stay as they are; one
that holds documents which the snapshot doesn't have is an error without --replace.

\b
Files of vectors:
  .npz    `vectors`, a matrix; perhaps `ids`, one a row, and `metadata`, a JSON object as text a row
  .jsonl  a line a row: {"id": "a", "vector": [0.1, 0.2], "metadata": {"year": 2025}}
Rows are inserted, or replace those with the same ids; without ids, the rows' numbers are their ids.
"""


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A snapshot (.zip), or vectors (.npz, .jsonl).")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A data folder, made if missing, or a URL.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete what the tables of the snapshot hold in the target.")
    ] = False,
    index: Annotated[
        str | None, typer.Option(metavar="NAME", help="The vector index that vectors go into, made if missing.")
    ] = None,
    metric: Annotated[
        Metric | None, typer.Option(metavar="METRIC", help="Its metric: cosine (default), euclidean or dotproduct.")
    ] = None,
    functions: snapshots.Functions = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Bring a snapshot, or a file of vectors, into a deployment."""
    path = Path(file).expanduser()
    kind = path.suffix.lower()
    if kind not in (".zip", ".npz", ".jsonl"):
        raise ConfigurationError(f"import: {path}; expected a file that ends in .zip, .npz or .jsonl")
    if not path.is_file():
        raise ConfigurationError(f"import: there is no file {path}")
    if kind == ".zip":
        if index is not None or metric is not None:
            raise ConfigurationError(
                "import: --index and --metric apply to .npz and .jsonl files; expected neither with a snapshot"
            )
        import_snapshot(path, target, functions, replace=replace, json=json)
    else:
        if index is None:
            raise ConfigurationError(f"import: --index is missing; expected the vector index to import {path} into")
        if replace:
            raise ConfigurationError(
                "import: --replace applies to snapshots; imported vectors always replace rows with the same ids"
            )
        import_vectors(path, target, functions, index, metric, json=json)
