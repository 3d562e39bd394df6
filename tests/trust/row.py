"""A row of the table: a promise, and the check of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """The outcome of a check that held: how many cases it tried, and further figures in words."""

    count: int
    figures: str = ""


@dataclass(frozen=True)
class Row:
    """A check with a seed, and its amounts in the short and in the long column.

    The check raises `AssertionError` if the promise is broken. Its amount is in `unit`s; a check of time takes seconds.
    Without a short amount, the short column hasn't the row.
    """

    name: str
    promise: str
    unit: str
    short: int | None
    release: int
    check: Callable[[int, int], Found]
