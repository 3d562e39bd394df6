"""A live query: its newest state first, then each change."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable
from threading import Lock
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from mastra_convex import _native
from mastra_convex._arguments import as_number
from mastra_convex._async._call import NativeDeployment, call, wait
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError, TransportTimeoutError

T = TypeVar("T")


@public
class AsyncSubscription(Generic[T]):
    """An iterator over the states of a query; `AsyncDeployment.subscribe` makes one.

    The first state comes at once, the next one whenever a commit changes the query's result. A slow reader gets the
    newest state and skips those in between. The query runs when a state is requested, and only if a commit touched data
    that it read. If the query fails, its error is raised and the subscription continues; the next state may be a good
    one.

    It is a context manager. Closing it, from any thread, ends the iteration and every wait in it; so does closing the
    deployment. A dropped subscription leaves nothing behind.
    """

    def __init__(
        self,
        open_deployment: Callable[[], Awaitable[NativeDeployment]],
        path: str,
        args: dict[str, Any],
        shape: Callable[[Any], T],
    ) -> None:
        self._open_deployment = open_deployment
        self._path = path
        self._args = args
        self._shape = shape
        self._opening = Lock()
        self._native: _native.Subscription | None = None
        self._closed = False

    async def next(self, timeout: float | None = None) -> T:
        """Wait for a state that wasn't returned yet.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for a change; 0 checks without waiting. By default there is no limit.

        Returns
        -------
        object
            The newest state.

        Raises
        ------
        TransportTimeoutError
            Nothing changed in that time. The subscription continues.
        StopAsyncIteration
            The subscription is closed.
        MastraConvexError
            The query's error: it failed, doesn't exist, or the user may not call it. Such an error is a state too and
            is raised once. If the deployment can't be reached or refuses the credential, every call raises, until that
            changes.
        """
        return await self._next_until(timeout, end_of(timeout))

    async def _next_until(self, timeout: float | None, end: float | None) -> T:
        """Wait for a state until the end of a timeout that may have begun before."""
        native = await self._open()
        while True:
            if native is None or native.is_closed:
                raise StopAsyncIteration
            if not await wait(native, seconds_until(end)):
                raise TransportTimeoutError(f"subscribe: {self._path} did not change within {timeout} s")
            # If this is interrupted, the state stays to be taken.
            await call(native.refresh)
            taken = native.take()
            if taken is not None:
                return self._shape(taken[0])

    async def close(self) -> None:
        """End the subscription. Does nothing if it has ended."""
        self._closed = True
        await call(self._stop)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        return await self.next()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._path!r})"

    async def _open(self) -> _native.Subscription | None:
        if self._native is None and not self._closed:
            await call(self._start, await self._open_deployment())
        return self._native

    def _start(self, deployment: NativeDeployment) -> None:
        with self._opening:
            if self._native is None and not self._closed:
                self._native = deployment.subscribe(self._path, self._args)

    def _stop(self) -> None:
        # A thread that is starting the subscription holds the lock.
        with self._opening:
            if self._native is not None:
                self._native.close()

    def _ask(self, args: dict[str, Any]) -> None:
        """Follow the query with other arguments from now on."""
        with self._opening:
            if self._native is not None:
                self._native.close()
            self._args, self._native = args, None


def end_of(timeout: float | None) -> float | None:
    """The monotonic time at which a timeout ends; None if it never does."""
    seconds = None if timeout is None else as_number(timeout)
    if timeout is not None and (seconds is None or not 0 <= seconds < math.inf):
        raise InvalidArgumentError(f"next: timeout {timeout!r}; expected seconds, zero or more, or None")
    return None if seconds is None else time.monotonic() + seconds


def seconds_until(end: float | None) -> float | None:
    """The seconds that are left until a time, 0 if it has passed."""
    return None if end is None else max(0.0, end - time.monotonic())
