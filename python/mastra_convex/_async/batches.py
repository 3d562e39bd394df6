"""Many rows in few calls, within the limits of a deployment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from mastra_convex._rows import CALL_ROWS, batches
from mastra_convex.errors import LimitExceededError, MastraConvexError

Row = TypeVar("Row")


async def in_batches(
    send: Callable[[list[Row]], Awaitable[object]], rows: Sequence[Row], sizes: Sequence[int], most: int = CALL_ROWS
) -> None:
    """Send rows of these sizes in bytes, at most `most` per call. An error says how many rows earlier calls wrote."""
    for batch in batches(sizes, most):
        try:
            await in_halves(send, list(rows[batch]))
        except MastraConvexError as error:
            tell_what_was_written(error, batch.start, len(rows))
            raise


async def in_halves(send: Callable[[list[Row]], Awaitable[object]], rows: list[Row]) -> None:
    """Send rows in one call. If the call exceeds a limit of the deployment, send each half in the same way.

    Only the deployment knows the size of the stored rows that a call reads. A failed call has written nothing.
    """
    try:
        await send(rows)
    except LimitExceededError:
        if len(rows) < 2:
            raise
        middle = len(rows) // 2
        await in_halves(send, rows[:middle])
        await in_halves(send, rows[middle:])


def tell_what_was_written(error: MastraConvexError, written: int, rows: int) -> None:
    """Add the number of rows that earlier calls wrote to an error."""
    if written:
        error.args = (f"{error.args[0]} ({written} of {rows} rows had been written)",)
        error.details["written"] = written
