"""Measured quantities as text, with significant digits only."""

from __future__ import annotations

import math


def duration(milliseconds: float) -> str:
    """Milliseconds or seconds."""
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.2f} s"
    decimals = 0 if milliseconds >= 100 else 1 if milliseconds >= 10 else 2
    return f"{milliseconds:.{decimals}f} ms"


def size_of(count: float | None) -> str:
    """Bytes; a dash if they weren't counted."""
    if count is None:
        return "–"
    for unit, scale in (("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count:.0f} B"


def share(part: float) -> str:
    """A recall, with a word if it is 1."""
    return "exact" if part == 1 else f"{part:.1%}"


def rounded(number: float) -> str:
    """A number with two digits, since more would not be reliable."""
    digits = max(0, math.floor(math.log10(number)) - 1)
    return f"{round(number, -digits):,.0f}"
