"""A memory's context as a live query."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mastra_convex._async._call import NativeDeployment
from mastra_convex._async.subscription import AsyncSubscription, end_of
from mastra_convex.records.recall import MemoryContext


class AsyncContexts(AsyncSubscription[MemoryContext]):
    """The states of a context.

    A query follows all that the context depends on. When it changes, the context is read, and it is a state if it
    differs from the last one: vectors change for other threads too.
    """

    def __init__(
        self,
        open_deployment: Callable[[], Awaitable[NativeDeployment]],
        args: dict[str, object],
        read: Callable[[], Awaitable[MemoryContext]],
    ) -> None:
        super().__init__(open_deployment, "mastra/queries:watchMemory", args, lambda state: state)
        self._read = read
        self._last: MemoryContext | None = None

    async def next(self, timeout: float | None = None) -> MemoryContext:
        """Wait for a context that differs from the last one. `timeout` and errors are as for every live query."""
        end = end_of(timeout)
        while True:
            await self._next_until(timeout, end)
            context = await self._read()
            if context != self._last:
                self._last = context
                return context
