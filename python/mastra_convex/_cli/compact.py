"""``mastra-convex compact``: gives the space of deleted documents back to the disk."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

from mastra_convex._cli import targets, terminal
from mastra_convex._cli.options import Debug, Json

# Seconds that a server may take.
PATIENCE = 600.0

EPILOG = """
\b
Examples:
  mastra-convex compact ./agent-data      after `prune`, `forget`, or deleting an index

\b
The folder's file is written anew without free pages, which takes about as much free space as it is large. Afterwards
nothing of deleted documents is left in it. Killed meanwhile, the folder stays as it was. If a process serves the
folder, that process does it.
"""


def compact(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A data folder, or the URL of its server.")],
    functions: targets.Functions = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Give the space of deleted documents back to the disk."""
    targets.check("compact", target)
    with targets.connect(target, functions, timeout=PATIENCE) as db:
        before, after = db.compact()
    if json:
        print(json_text.dumps({"target": target, "bytes_before": before, "bytes_after": after}))
    else:
        terminal.out.print(f"{target}: {before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now", soft_wrap=True)
