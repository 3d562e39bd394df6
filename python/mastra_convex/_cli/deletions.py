"""How ``prune`` and ``forget`` show what they delete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from mastra_convex._cli import terminal
from mastra_convex.records.erasure import DeletionReport


@contextmanager
def progress() -> Iterator[Callable[[DeletionReport], None]]:
    """Show the number of deleted rows while this is open: how many there will be isn't known."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=terminal.err, disable=not terminal.err.is_terminal) as bar:
        task = bar.add_task("Deleting", total=None)
        said = monotonic()

        def report(deleted: DeletionReport) -> None:
            nonlocal said
            text = f"Deleted {sum(deleted.values()):,} rows"
            bar.update(task, description=text)
            if not terminal.err.is_terminal and monotonic() - said >= terminal.SECONDS_A_LINE:
                said = monotonic()
                terminal.err.print(text)

        yield report


def show(deleted: DeletionReport) -> None:
    """Print a line for each table of which rows were deleted."""
    terminal.out.print(f"Deleted {sum(deleted.values()):,} rows")
    width = max(map(len, deleted), default=0)
    for name, rows in sorted(deleted.items()):
        terminal.out.print(f"  {name:{width}}  {rows:>11,}", soft_wrap=True)
