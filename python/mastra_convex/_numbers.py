"""Numbers among arguments, checked."""

from __future__ import annotations

from typing import Any

from mastra_convex.errors import InvalidArgumentError


def as_duration(place: str, value: Any, expected: str = "a number, 0 for no end") -> float:
    """A length of time, zero or more; `expected` says so in an error."""
    # Compared with infinity, since NaN compares false with everything.
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
        raise InvalidArgumentError(f"{place} {value!r}; expected {expected}")
    return value
