"""The deployment that a command's argument names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import mastra_convex as mc
from mastra_convex import _native, _served
from mastra_convex._cli import terminal
from mastra_convex.errors import ConfigurationError, LockedError

Functions = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="The convex/ folder that the data folder is used with, if not the built-in one."),
]


def check(command: str, target: str) -> None:
    """Refuse a target that is neither a URL nor an existing data folder: commands that only look make none."""
    if "://" not in target and not (Path(target).expanduser() / "data.sqlite3").is_file():
        raise ConfigurationError(
            f"{command}: {target} is not a data folder; expected a data folder, or the URL of a deployment"
        )


def connect(target: str, functions: str | None = None, *, timeout: float = 30.0) -> mc.Deployment:
    """A deployment by its URL, or that of a data folder with the functions it is used with.

    If another process has the folder open and serves it, this is the deployment that it serves. `timeout` is that of
    calls over HTTP, in seconds.
    """
    if "://" in target and functions is not None:
        raise ConfigurationError(f"--functions applies to data folders; {target} has its own functions")
    try:
        return mc.connect(target, functions=functions, timeout=timeout)
    except LockedError as error:
        folder = Path(target).expanduser()
        url = _served.address(folder, error.details.get("pid"))
        if url is None:
            error.hint = (
                f"Close the folder there, or let that process serve it: `db.serve()`, or `mastra-convex serve --data "
                f"{target}`. Then this command goes through it."
            )
            raise
        note = "" if functions is None else ", with the functions that it serves"
        opened = f"Process {error.details['pid']} has {target} open"
        terminal.err.print(f"{opened}; going through {url}{note}.", soft_wrap=True)
        return mc.connect(url, admin_key=_native.admin_key(folder, rotate=False), timeout=timeout)
