"""Calls at the same time. Written by hand: its async twin has tasks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Queue
from threading import Event
from threading import enumerate as threads_alive
from typing import Generic, TypeVar

T = TypeVar("T")


def together(calls: Sequence[Callable[[], T]]) -> list[T]:
    """The results of calls that run at the same time."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


class Inbox(Generic[T]):
    """The states that callbacks of other threads received."""

    def __init__(self) -> None:
        self._items: Queue[T] = Queue()
        self.put = self._items.put
        self.is_empty = self._items.empty

    def take(self) -> T:
        """The next, when it comes."""
        return self._items.get(timeout=20)


def nothing_follows() -> None:
    """Wait until no thread follows a subscription any more."""
    for thread in threads_alive():
        if thread.name.startswith("Subscription("):
            thread.join(20)
            assert not thread.is_alive()


def a_stop() -> Event:
    """An event that stops a run."""
    return Event()
