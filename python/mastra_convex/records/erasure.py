"""The report of an erasure, and the age that rows may have."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError

UNITS = {"ms": "milliseconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@public
class DeletionReport(dict[str, int]):
    """The number of deleted rows by table; tables of which nothing was deleted are absent.

    Attributes
    ----------
    is_complete : bool
        False if there are more rows to delete: the call ended at its ``max_rows``. Call it again.
    """

    is_complete: bool = True


def as_duration(place: str, given: Any) -> timedelta:
    """A timedelta, or text with a unit as Mastra writes it: ``"90d"``; units are ms, s, m, h, d and w."""
    duration = given
    if isinstance(given, str) and (match := re.fullmatch(r"(\d+(?:\.\d+)?)(ms|[smhdw])", given)):
        try:
            duration = timedelta(**{UNITS[match[2]]: float(match[1])})
        except OverflowError:
            duration = None
    if not isinstance(duration, timedelta) or not timedelta(0) <= duration < timedelta(days=365 * 1000):
        raise InvalidArgumentError(
            f'{place} is {given!r:.80}; expected a timedelta, or text such as "90d" or "12h", not negative'
        )
    return duration
