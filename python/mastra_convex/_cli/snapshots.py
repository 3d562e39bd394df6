"""How ``export`` and ``import`` show progress and results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mastra_convex import _native
from mastra_convex._cli import terminal
from mastra_convex._snapshots import Progress
from mastra_convex._sync.mastra_vector import Progress as Report

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


@contextmanager
def progress() -> Iterator[Progress]:
    """Show the phases of an export or an import, each as it begins."""
    with terminal.bars() as bars:
        reports: dict[str, Report] = {}

        def report(phase: str, done: int, total: int) -> None:
            description, step = PHASES[phase]
            if phase not in reports:
                reports[phase] = bars.add(description, -(-total // step))
            reports[phase](-(-done // step), -(-total // step))

        yield report


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
