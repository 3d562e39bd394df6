"""Callbacks of `legacy` for the states of a live query. The sync twin is written by hand: it has threads for them."""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger
from typing import TYPE_CHECKING, TypeVar

from mastra_convex._async.subscription import AsyncSubscription

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

logger = getLogger("mastra_convex.legacy")

# A loop keeps no task alive by itself.
following: set[asyncio.Task[None]] = set()


def call_with_each(states: AsyncSubscription[T], callback: Callable[[T], object]) -> Callable[[], None]:
    """Call a function with each state, in a task of the running loop. The returned function ends it."""
    import asyncio

    async def follow() -> None:
        async with states:
            async for state in states:
                try:
                    callback(state)
                except Exception:
                    logger.exception("%r: the callback failed", states)

    def ended(task: asyncio.Task[None]) -> None:
        following.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("%r ended", states, exc_info=task.exception())

    task = asyncio.get_running_loop().create_task(follow())
    following.add(task)
    task.add_done_callback(ended)

    def stop() -> None:
        task.cancel()

    return stop
