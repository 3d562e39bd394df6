"""Calls of the Rust core. The twin of ``_async/_call.py``, written by hand."""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger
from threading import Thread
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from mastra_convex import _native

if TYPE_CHECKING:
    from mastra_convex._sync.subscription import Subscription

P = ParamSpec("P")
T = TypeVar("T")

logger = getLogger("mastra_convex.legacy")


def call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call, and wait; the core releases the GIL meanwhile."""
    return function(*args, **kwargs)


def wait(subscription: _native.Subscription, timeout: float | None) -> bool:
    """Wait until there may be a state to take; False when there is none in time. Ctrl-C gets through."""
    return subscription.wait(timeout)


def hand_on(states: Subscription[T], callback: Callable[[T], object]) -> Callable[[], None]:
    """Call a function with each state, on a thread of its own; what is returned ends it."""

    def follow() -> None:
        try:
            for state in states:
                try:
                    callback(state)
                except Exception:
                    logger.exception("%r: the callback failed", states)
        except Exception:
            logger.exception("%r ended", states)

    Thread(target=follow, name=repr(states), daemon=True).start()
    return states.close
