"""``mastra-convex export``: the tables of a deployment in a file."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from mastra_convex._cli import snapshots, targets, terminal
from mastra_convex._cli.options import Debug, Json
from mastra_convex._snapshots import export_snapshot

EPILOG = """
\b
Examples:
  mastra-convex export ./agent-data backup.zip              a data folder that no process has open
  mastra-convex export http://127.0.0.1:3210 backup.zip     a folder that is being served
  mastra-convex export https://….convex.cloud backup.zip    a deployment, with its key in CONVEX_ADMIN_KEY

\b
The zip has the format of `npx convex export`, and both imports read it. It holds all tables as they were at one
moment; indexes and the schema belong to the functions. Each table is shown with the number of its documents and a
hash. Equal documents have equal hashes, in any order and on any deployment.
"""


def export(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A data folder, or a deployment's URL.")],
    file: Annotated[str, typer.Argument(metavar="FILE.zip", help="The file to write. It must not exist yet.")],
    functions: targets.Functions = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Write the tables of a deployment to a Convex snapshot zip."""
    path = Path(file).expanduser()
    targets.check("export", source)
    with targets.connect(source, functions) as db, snapshots.progress() as progress:
        summary = export_snapshot("export", db._open(), path, progress)
    size = path.stat().st_size
    if json:
        report = {"source": source, "file": str(path), "bytes": size, **snapshots.described(summary)}
        print(json_text.dumps(report))
    else:
        snapshots.show(f"{path} ({size / 1e6:,.1f} MB)", summary)
        if summary.left_out:
            terminal.err.print(f"Also in the snapshot: {', '.join(summary.left_out)}", soft_wrap=True)
