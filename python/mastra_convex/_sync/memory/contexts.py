# Generated from _async/memory/contexts.py by tools/unasync.py: edit that.
"""A memory's context as a live query."""

from __future__ import annotations

from collections.abc import Callable

from mastra_convex._sync._call import NativeDeployment
from mastra_convex._sync.subscription import Subscription, end_of
from mastra_convex.records.recall import MemoryContext


class Contexts(Subscription[MemoryContext]):
    """The states of a context.

    A query follows all that the context depends on. When it changes, the context is read, and it is a state if it
    differs from the last one: vectors change for other threads too.
    """

    def __init__(
        self,
        open_deployment: Callable[[], NativeDeployment],
        args: dict[str, object],
        read: Callable[[], MemoryContext],
    ) -> None:
        super().__init__(open_deployment, "mastra/queries:watchMemory", args, lambda state: state)
        self._read = read
        self._last: MemoryContext | None = None

    def next(self, timeout: float | None = None) -> MemoryContext:
        """Wait for a context that differs from the last one. `timeout` and errors are as for every live query."""
        end = end_of(timeout)
        while True:
            self._next_until(timeout, end)
            context = self._read()
            if context != self._last:
                self._last = context
                return context
