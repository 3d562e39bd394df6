"""Calls of the Rust core. The twin of ``_async/_call.py``, written by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from mastra_convex import _native

P = ParamSpec("P")
T = TypeVar("T")


def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call, and wait; the core releases the GIL meanwhile."""
    return function(*args, **kwargs)


def wait(subscription: _native.Subscription, timeout: float | None) -> bool:
    """Wait until there may be a state to take; False when there is none in time. Ctrl-C gets through."""
    return subscription.wait(timeout)
