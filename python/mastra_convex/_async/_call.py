"""Calls of the Rust core from an event loop. The sync twin is written by hand: it just calls.

A call over HTTP needs no thread of Python's: the core settles a future when the answer is there. Everything else runs
on threads of this module's own, so that a program's threads and ours don't wait for one another.

asyncio takes a third of the time of importing the package, so it is imported where a loop runs and has it already.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, Protocol, TypeVar

from mastra_convex import _native

if TYPE_CHECKING:
    import asyncio

    StopEvent = asyncio.Event
    from concurrent.futures import ThreadPoolExecutor
else:
    # Annotations resolve without asyncio.
    StopEvent = Any

# Both kinds of deployment, as the core gives them.
NativeDeployment = _native.EmbeddedDeployment | _native.HttpDeployment

P = ParamSpec("P")
T = TypeVar("T")
FunctionKind = Literal["query", "mutation", "action"]

# Threads for work in this process, and as many for calls that wait for a deployment elsewhere: these don't delay the
# others. More calls queue.
MAX_THREADS = 32


class _Source(Protocol):
    """Something that calls back when it is ready."""

    def when_ready(self, callback: Callable[[], object]) -> None: ...

    def forget(self, callback: Callable[[], object]) -> None: ...


async def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call on a thread: the core releases the GIL, the loop goes on. A cancelled call ends early."""
    import asyncio

    is_elsewhere = isinstance(getattr(function, "__self__", None), _native.HttpDeployment)
    work = _native.Work()
    run = partial(work.run, partial(function, *args, **kwargs))
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads(is_elsewhere), run)
    except asyncio.CancelledError:
        work.cancel()
        raise


async def call_function(native: NativeDeployment, kind: FunctionKind, path: str, args: Mapping[str, Any]) -> Any:
    """Call a function of a deployment."""
    with _noting(kind, path):
        if isinstance(native, _native.EmbeddedDeployment):
            return await call(native.call, kind, path, args)
        return await _answer(native.begin(kind, path, args, kind == "query"))


async def read_function(native: NativeDeployment, kind: FunctionKind, path: str, args: Mapping[str, Any]) -> Any:
    """Call a function that only reads. The call is repeated if its answer gets lost."""
    if isinstance(native, _native.EmbeddedDeployment):
        return await call(native.read, kind, path, args)
    return await _answer(native.begin(kind, path, args, True))


async def call_given(function: Callable[..., Any], /, *args: Any) -> Any:
    """Call a function of the caller's. One that isn't async runs on a thread, so that the loop goes on."""
    import inspect

    if inspect.iscoroutinefunction(function):
        return await function(*args)
    result = await call(function, *args)
    return await result if inspect.isawaitable(result) else result


async def wait(subscription: _native.Subscription, timeout: float | None) -> bool:
    """Wait until there may be a state to take; False when there is none in time. No thread waits meanwhile."""
    import asyncio

    if subscription.wait(0):
        return True
    try:
        await asyncio.wait_for(_until_ready(subscription), timeout)
    except TimeoutError:
        return False
    return True


def is_event(given: object) -> bool:
    """Whether this is an event of asyncio's."""
    import asyncio

    return isinstance(given, asyncio.Event)


async def pause(seconds: float, stop: StopEvent | None = None) -> bool:
    """Wait; True at once when the event is set."""
    import asyncio

    try:
        # Nothing sets an event of this function's own.
        await asyncio.wait_for((stop or asyncio.Event()).wait(), seconds)
    except TimeoutError:
        return False
    return True


@asynccontextmanager
async def repeating(seconds: float, function: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Call a function every so many seconds while the block runs."""
    import asyncio

    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            await function()

    task = asyncio.get_running_loop().create_task(repeat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _answer(pending: _native.PendingCall) -> Any:
    import asyncio

    try:
        await _until_ready(pending)
    except asyncio.CancelledError:
        pending.cancel()
        raise
    return pending.take()


async def _until_ready(source: _Source) -> None:
    import asyncio

    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def settle() -> None:
        if not ready.done():
            ready.set_result(None)

    def wake() -> None:
        # Nothing waits in a closed loop.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    source.when_ready(wake)
    try:
        await ready
    finally:
        source.forget(wake)


@contextmanager
def _noting(kind: FunctionKind, path: str) -> Iterator[None]:
    """Add to a cancellation that the outcome of a call isn't known. asyncio makes Ctrl-C a cancellation."""
    try:
        yield
    except Exception:
        raise
    except BaseException as error:
        if kind != "query":
            error.add_note(f"It is not known whether {path} was executed.")
        raise


@cache
def _threads(is_elsewhere: bool) -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(MAX_THREADS, "mastra-convex elsewhere" if is_elsewhere else "mastra-convex")


# A forked child has none of its parent's threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_threads.cache_clear)
