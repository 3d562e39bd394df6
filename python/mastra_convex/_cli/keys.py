"""``mastra-convex keys``: the admin key of a data folder."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated

import typer

from mastra_convex import _native
from mastra_convex._cli import terminal
from mastra_convex._cli.failures import EXIT_CODES
from mastra_convex._cli.options import Debug, Json
from mastra_convex.errors import ConfigurationError

EPILOG = """
\b
Examples:
  mastra-convex keys show                       the key of ./agent-data
  export CONVEX_ADMIN_KEY=$(mastra-convex keys show)
  mastra-convex keys rotate ./agent-data        a new key; a server accepts it after a restart
"""

app = typer.Typer(
    epilog=EPILOG + EXIT_CODES, no_args_is_help=True, rich_markup_mode=None, help="The admin key of a data folder."
)

Folder = Annotated[str, typer.Argument(metavar="DIR", help="The data folder.")]


@app.command(epilog=EPILOG + EXIT_CODES)
def show(folder: Folder = "./agent-data", json: Json = False, debug: Debug = False) -> None:
    """Print the key. A folder without a key gets one."""
    _print_key(folder, rotate=False, json=json)


@app.command(epilog=EPILOG + EXIT_CODES)
def rotate(folder: Folder = "./agent-data", json: Json = False, debug: Debug = False) -> None:
    """Create a new key and print it. A running server accepts the old key until it restarts."""
    _print_key(folder, rotate=True, json=json)


def _print_key(folder: str, *, rotate: bool, json: bool) -> None:
    path = Path(folder).expanduser()
    if not (path / "data.sqlite3").is_file():
        raise ConfigurationError(
            f"keys: {path} is not a data folder; expected one",
            hint=f"`mastra-convex serve --data {folder}` creates one.",
        )
    key = _native.admin_key(path, rotate=rotate)
    if json:
        print(json_text.dumps({"admin_key": key}))
    else:
        # Alone on its line and never wrapped, so that it can be copied.
        terminal.out.print(key, soft_wrap=True)
