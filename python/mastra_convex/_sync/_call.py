"""Calls of the Rust core. The twin of ``_async/_call.py``, written by hand."""

from __future__ import annotations

import inspect
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, ParamSpec, TypeAlias, TypeVar

from mastra_convex import _native


# Both kinds of deployment, as the core gives them.
NativeDeployment = _native.EmbeddedDeployment | _native.HttpDeployment

P = ParamSpec("P")
T = TypeVar("T")
FunctionKind = Literal["query", "mutation", "action"]
StopEvent: TypeAlias = threading.Event

# What each thread has for itself.
_own = threading.local()


def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call, and wait; the core releases the GIL meanwhile. Ctrl-C gets through."""
    return function(*args, **kwargs)


def call_function(native: NativeDeployment, kind: FunctionKind, path: str, args: Mapping[str, Any]) -> Any:
    """Call a function of a deployment."""
    return native.call(kind, path, args)


def read_function(native: NativeDeployment, kind: FunctionKind, path: str, args: Mapping[str, Any]) -> Any:
    """Call a function that only reads. The call is repeated if its answer gets lost."""
    return native.read(kind, path, args)


def call_given(function: Callable[..., Any], /, *args: Any) -> Any:
    """Call a function of the caller's. An async one is awaited by a loop of this thread's own, which stays: clients
    with connections belong to the loop that opened them.
    """
    result = function(*args)
    if not inspect.isawaitable(result):
        return result
    import asyncio

    if asyncio._get_running_loop() is not None:
        if inspect.iscoroutine(result):
            result.close()
        raise RuntimeError("a loop is running in this thread; an async function needs the async class here")

    async def answer() -> Any:
        return await result

    if not hasattr(_own, "runner"):
        _own.runner = asyncio.Runner()
        weakref.finalize(threading.current_thread(), _own.runner.close)
    return _own.runner.run(answer())


def wait(subscription: _native.Subscription, timeout: float | None) -> bool:
    """Wait until there may be a state to take; False when there is none in time. Ctrl-C gets through."""
    return subscription.wait(timeout)


def is_event(given: object) -> bool:
    """Whether this is an event of threads'."""
    return isinstance(given, threading.Event)


def pause(seconds: float, stop: StopEvent | None = None) -> bool:
    """Wait; True at once when the event is set. Ctrl-C gets through."""
    return (stop or threading.Event()).wait(seconds)


@contextmanager
def repeating(seconds: float, function: Callable[[], object]) -> Iterator[None]:
    """Call a function every so many seconds while the block runs."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(seconds):
            function()

    thread = threading.Thread(target=repeat, name="mastra-convex lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
