"""Calls of the Rust core from an event loop. The sync twin is written by hand: it just calls.

asyncio takes a third of the time of importing the package, so it is imported where a loop runs and has it already.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import ParamSpec, TypeVar

from mastra_convex import _native

P = ParamSpec("P")
T = TypeVar("T")


async def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a blocking call on a thread of the loop's executor: the core releases the GIL, the loop goes on."""
    import asyncio

    return await asyncio.get_running_loop().run_in_executor(None, partial(function, *args, **kwargs))


async def wait(subscription: _native.Subscription, timeout: float | None) -> bool:
    """Wait until there may be a state to take; False when there is none in time. No thread waits meanwhile."""
    import asyncio

    if subscription.wait(0):
        return True
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def settle() -> None:
        if not ready.done():
            ready.set_result(None)

    def wake() -> None:
        # Nothing waits in a closed loop.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle)

    subscription.when_ready(wake)
    try:
        await asyncio.wait_for(ready, timeout)
    except TimeoutError:
        return False
    finally:
        subscription.forget(wake)
    return True
