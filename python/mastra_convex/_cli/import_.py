"""``mastra-convex import``: a snapshot, or a file of vectors, into a deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mastra_convex._cli import targets
from mastra_convex._cli.import_snapshot import import_file
from mastra_convex._cli.import_vectors import import_vectors
from mastra_convex._cli.options import Debug, Json
from mastra_convex._snapshots import ImportMode
from mastra_convex.errors import ConfigurationError
from mastra_convex.types import Metric

EPILOG = """
\b
Examples:
  mastra-convex import backup.zip ./agent-data                 a snapshot, into a data folder
  mastra-convex import backup.zip http://127.0.0.1:3210        into a folder that is being served
  mastra-convex import backup.zip https://….convex.cloud       into a deployment, with its key in CONVEX_ADMIN_KEY
  mastra-convex import backup.zip ./agent-data --replace       replace the content of its tables
  mastra-convex import docs.npz ./agent-data --index docs      vectors, with ids and metadata, into an index
  mastra-convex import docs.jsonl ./agent-data --index docs

\b
A snapshot is a file that `export` or `npx convex export` wrote. Documents keep their ids and times. The whole
snapshot is imported, or nothing; after an interruption, run the command again. Tables that aren't in the snapshot
don't change. A table with documents that aren't in the snapshot is an error without --replace.

\b
Ids hold the number of their table, and a Convex deployment doesn't give its tables other numbers: a snapshot of other
functions fits only if all tables are empty, as in a new deployment, or with --replace-all.

\b
Files of vectors:
  .npz    a matrix `vectors`; optionally `ids` and `metadata`, one per row, metadata as JSON text
  .jsonl  one row per line: {"id": "a", "vector": [0.1, 0.2], "metadata": {"year": 2025}}
Rows are inserted, or replace rows with the same ids. Without ids, a row's number is its id.
"""


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A snapshot (.zip), or vectors (.npz, .jsonl).")],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A data folder (created if missing), or a URL.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="First delete the content of the snapshot's tables in the target.")
    ] = False,
    replace_all: Annotated[
        bool, typer.Option("--replace-all", help="First delete the content of all tables in the target.")
    ] = False,
    index: Annotated[
        str | None, typer.Option(metavar="NAME", help="The vector index to import into, created if missing.")
    ] = None,
    metric: Annotated[
        Metric | None,
        typer.Option(metavar="METRIC", help="The metric of a new index: cosine (default), euclidean or dotproduct."),
    ] = None,
    functions: targets.Functions = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Import a snapshot, or a file of vectors, into a deployment."""
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
        if replace and replace_all:
            raise ConfigurationError("import: --replace-all includes --replace; expected one of them")
        mode: ImportMode = "replaceAll" if replace_all else "replace" if replace else "requireEmpty"
        import_file(path, target, functions, mode, json=json)
    else:
        if index is None:
            raise ConfigurationError(f"import: --index is missing; expected the vector index to import {path} into")
        if replace or replace_all:
            raise ConfigurationError(
                "import: --replace and --replace-all apply to snapshots; imported vectors always replace rows with the "
                "same ids"
            )
        import_vectors(path, target, functions, index, metric, json=json)
