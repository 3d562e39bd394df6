"""Helpers of ``export`` and ``import``: they open the deployment and show progress and results."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

import mastra_convex as mc
from mastra_convex import _native
from mastra_convex._cli import terminal
from mastra_convex._sync.mastra_vector import Progress as Report
from mastra_convex.errors import ConfigurationError, DiskFullError, InvalidArgumentError

Functions = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="The convex/ folder that the data folder is used with, if not the built-in one."),
]

# The text shown during a phase, and the size of one step of its bar.
PHASES = {
    "export": ("Exporting documents", 1),
    "import": ("Importing, in MB", 1_000_000),
    "read": ("Checking, in MB", 1_000_000),
    "check": ("Checking documents", 1),
    "wait": ("Waiting for the deployment", 1),
    "download": ("Downloading, in MB", 1_000_000),
    "upload": ("Uploading, in MB", 1_000_000),
}


def connect(target: str, functions: str | None) -> mc.Deployment:
    """A deployment by its URL, or that of a data folder with the functions it is used with."""
    if "://" in target and functions is not None:
        raise ConfigurationError(f"--functions applies to data folders; {target} has its own functions")
    return mc.connect(target) if functions is None else mc.connect(target, functions=functions)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show the phases of an export or an import, each as it begins."""
    with terminal.bars() as bars:
        reports: dict[str, Report] = {}

        def report(phase: str, done: int, total: int) -> None:
            description, step = PHASES[phase]
            if phase not in reports:
                reports[phase] = bars.add(description, -(-total // step))
            reports[phase](-(-done // step), -(-total // step))

        yield report


@contextmanager
def file_errors(command: str, path: Path) -> Iterator[None]:
    """Add the file that the user named to errors of its content, and of reading or writing it."""
    try:
        yield
    except InvalidArgumentError as error:
        if error.code == "InvalidSnapshot":
            raise InvalidArgumentError(f"{command}: {path}: {error}", code=error.code) from error
        raise
    except OSError as error:
        if isinstance(error, mc.MastraConvexError):
            raise
        if error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise DiskFullError(
                f"{command}: no space left for {path}; the partial file was deleted",
                hint="Free some space and try again.",
            ) from error
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError(f"{command}: {path}: {reason}") from error


def described(summary: _native.SnapshotSummary) -> dict[str, Any]:
    """A summary for programs."""
    return {
        "documents": sum(documents for documents, _ in summary.tables.values()),
        "tables": {name: {"documents": documents, "hash": hash} for name, (documents, hash) in summary.tables.items()},
        "left_out": summary.left_out,
    }


def show(title: str, summary: _native.SnapshotSummary) -> None:
    """Print a line for each table that isn't empty."""
    filled = {name: content for name, content in summary.tables.items() if content[0]}
    documents = sum(documents for documents, _ in filled.values())
    terminal.out.print(f"{title}: {documents:,} documents", soft_wrap=True)
    width = max(map(len, filled), default=0)
    for name, (documents, hash) in filled.items():
        terminal.out.print(f"  {name:{width}}  {documents:>11,}  {hash}", soft_wrap=True)
