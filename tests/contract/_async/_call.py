"""Concurrent calls. The sync twin is written by hand, with threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


async def together(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """The results of calls that run at the same time."""
    return await asyncio.gather(*(call() for call in calls))


class Inbox(Generic[T]):
    """The states that callbacks of this loop received."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[T] = asyncio.Queue()
        self.put = self._items.put_nowait
        self.is_empty = self._items.empty

    async def take(self) -> T:
        """The next state, when it comes."""
        return await asyncio.wait_for(self._items.get(), 20)


async def nothing_follows() -> None:
    """Wait until the caller's task is the only one of this loop."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 20)


def a_stop() -> asyncio.Event:
    """An event that stops a run."""
    return asyncio.Event()
