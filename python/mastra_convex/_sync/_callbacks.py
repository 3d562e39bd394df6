"""Callbacks of `legacy` for the states of a live query. The twin of ``_async/_callbacks.py``, written by hand."""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger
from threading import Thread
from typing import TypeVar

from mastra_convex._sync.subscription import Subscription

T = TypeVar("T")

logger = getLogger("mastra_convex.legacy")


def call_with_each(states: Subscription[T], callback: Callable[[T], object]) -> Callable[[], None]:
    """Call a function with each state, on a thread of its own. The returned function ends it."""

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
