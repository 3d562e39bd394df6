"""Calls at the same time. The sync twin is written by hand: it has threads for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def together(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
    """The results of calls that run at the same time."""
    return await asyncio.gather(*(call() for call in calls))
