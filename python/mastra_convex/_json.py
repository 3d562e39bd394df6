"""JSON text. Mastra stores values in it that Convex's values can't hold, such as objects with any keys."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from mastra_convex.errors import InvalidArgumentError
from mastra_convex.types import iso_text

# Far fewer than Python reads back on a deep stack: its parser takes as much of the stack as a call for each level.
MOST_LEVELS = 200


def to_json(place: str, value: object) -> str:
    """The JSON text of a value, as ``JSON.stringify`` writes it. Dates become ISO text, and arrays become lists.

    Raises
    ------
    InvalidArgumentError
        A part of the value isn't JSON. The error names its place.
    """
    try:
        text = _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidArgumentError):
            raise InvalidArgumentError(f"{place}: {error}") from None
        raise InvalidArgumentError(_blame(place, value, ())) from None
    # Python knows of a text whether it is ASCII.
    if not text.isascii() and _has_lone_surrogate(text):
        raise InvalidArgumentError(_blame(place, value, ()))
    # Most values have fewer brackets than may be nested.
    if text.count("[") + text.count("{") > MOST_LEVELS and _is_deep(value):
        raise InvalidArgumentError(_blame(place, value, ()))
    return text


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return iso_text(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain)


def _has_lone_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _is_deep(value: object) -> bool:
    """Whether JSON has more levels than `MOST_LEVELS`, or no end."""
    level = [value]
    for _ in range(MOST_LEVELS + 1):
        # Each once: one that holds itself twice would double with every level.
        containers = {id(item): item for item in level if isinstance(item, (dict, list, tuple))}
        if not containers:
            return False
        level = [part for item in containers.values() for part in (item.values() if isinstance(item, dict) else item)]
    return True


def _blame(place: str, value: Any, outer: tuple[int, ...]) -> str:
    """The message that says which part of a value isn't JSON, and why; empty if all of it is JSON."""
    if id(value) in outer:
        return f"{place} contains itself, which JSON can't express"
    if len(outer) >= MOST_LEVELS and isinstance(value, Mapping | list | tuple):
        return f"{place[:80]}… is nested more than {MOST_LEVELS} levels deep; expected fewer"
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping | list | tuple):
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in parts:
            if not isinstance(key, str | int | float | bool | None):
                return f"{place}: key {key!r}; expected text"
            if isinstance(key, str) and _has_lone_surrogate(key):
                return f"{place}: key {key!r:.80} has a lone surrogate; expected text"
            blamed = _blame(f"{place}[{key!r}]", part, (*outer, id(value)))
            if blamed:
                return blamed
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{place} is {value!r}; expected a finite number, as JSON requires"
    if isinstance(value, int) and abs(value) > 2**53:
        return f"{place} is an integer beyond ±2^53, which JavaScript can't hold"
    if isinstance(value, str) and _has_lone_surrogate(value):
        return f"{place} is {value!r:.80}, which has a lone surrogate; expected text"
    if value is None or isinstance(value, str | int | float | datetime):
        return ""
    return (
        f"{place} is {value!r}, a {type(value).__name__}; expected None, bool, a number, text, a date, a list or dict"
    )
