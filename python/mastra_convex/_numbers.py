"""Numbers among arguments, checked."""

from __future__ import annotations

import sys
from typing import Any

from mastra_convex.errors import InvalidArgumentError

# Whoever waits longer waits for ever, and not every clock can tell when that ends.
YEAR = 365 * 24 * 3600


def as_duration(
    place: str, value: Any, expected: str = "a number, 0 for no end", longest: float = sys.float_info.max
) -> float:
    """A length of time from zero to `longest`; `expected` says so in an error."""
    # NaN compares false with everything.
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= longest:
        raise InvalidArgumentError(f"{place} {value!r}; expected {expected}")
    return value


def as_seconds(place: str, value: Any) -> float:
    """A length of time from zero to a year."""
    return as_duration(place, value, f"seconds, at most a year ({YEAR})", YEAR)
