"""``mastra-convex compact``: gives the space of deleted documents back to the disk."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

import mastra_convex as mc
from mastra_convex._cli import targets, terminal
from mastra_convex._cli.options import Debug, Json
from mastra_convex.errors import ConfigurationError, LockedError

EPILOG = """
\b
Examples:
  mastra-convex compact ./agent-data      after `prune`, `forget`, or deleting an index

\b
The folder's file is written anew without free pages, which takes about as much free space as it is large. Afterwards
nothing of deleted documents is left in it. Interrupted, the folder stays as it was.
"""


def compact(
    folder: Annotated[str, typer.Argument(metavar="DIR", help="A data folder.")],
    functions: targets.Functions = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Give the space of deleted documents back to the disk."""
    if "://" in folder:
        raise ConfigurationError(f"compact: {folder} is a URL; expected a data folder of this machine")
    targets.check("compact", folder)
    path = Path(folder).expanduser()
    try:
        with mc.connect(path) if functions is None else mc.connect(path, functions=functions) as db:
            before, after = db.compact()
    except LockedError as error:
        error.hint = "Stop that process first, or call `db.compact()` there."
        raise
    if json:
        print(json_text.dumps({"folder": folder, "bytes_before": before, "bytes_after": after}))
    else:
        terminal.out.print(f"{folder}: {before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now", soft_wrap=True)
