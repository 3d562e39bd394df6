# Generated from _async/batches.py by tools/unasync.py: edit that.
"""Many rows in few calls, within the limits of a deployment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from mastra_convex._rows import CALL_ROWS, batches
from mastra_convex.errors import LimitExceededError, MastraConvexError

Row = TypeVar("Row")


def in_batches(
    send: Callable[[list[Row]], object], rows: Sequence[Row], sizes: Sequence[int], most: int = CALL_ROWS
) -> None:
    """Send rows of these sizes, in bytes, at most `most` a call. An error says how many rows calls before it wrote."""
    for batch in batches(sizes, most):
        try:
            in_halves(send, list(rows[batch]))
        except MastraConvexError as error:
            tell_what_was_written(error, batch.start, len(rows))
            raise


def in_halves(send: Callable[[list[Row]], object], rows: list[Row]) -> None:
    """Send rows in one call, or where a limit of the deployment is passed, in halves of it.

    How large the rows are that stand there, and are read on the way, only the deployment knows. A call that failed has
    left no trace.
    """
    try:
        send(rows)
    except LimitExceededError:
        if len(rows) < 2:
            raise
        middle = len(rows) // 2
        in_halves(send, rows[:middle])
        in_halves(send, rows[middle:])


def tell_what_was_written(error: MastraConvexError, written: int, rows: int) -> None:
    """Let the error of a call say what the calls before it wrote."""
    if written:
        error.args = (f"{error.args[0]} ({written} of {rows} rows had been written)",)
        error.details["written"] = written
