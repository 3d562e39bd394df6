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


def to_json(place: str, value: object) -> str:
    """The JSON text of a value, as ``JSON.stringify`` writes it. Dates become ISO text, and arrays become lists.

    Raises
    ------
    InvalidArgumentError
        A part of the value isn't JSON. The error names its place.
    """
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidArgumentError):
            raise InvalidArgumentError(f"{place}: {error}") from None
        raise InvalidArgumentError(_blame(place, value, ())) from None


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return iso_text(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain)


def _blame(place: str, value: Any, outer: tuple[int, ...]) -> str:
    """The message that says which part of a value isn't JSON, and why; empty if all of it is JSON."""
    if id(value) in outer:
        return f"{place} contains itself, which JSON can't express"
    # Below Python's own limit of recursion.
    if len(outer) > 200:
        return f"{place[:80]}… is nested more than 200 levels deep; expected fewer"
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping | list | tuple):
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, part in parts:
            if not isinstance(key, str | int | float | bool | None):
                return f"{place}: key {key!r}; expected text"
            blamed = _blame(f"{place}[{key!r}]", part, (*outer, id(value)))
            if blamed:
                return blamed
        return ""
    if isinstance(value, float) and not math.isfinite(value):
        return f"{place} is {value!r}; expected a finite number, as JSON requires"
    if isinstance(value, int) and abs(value) > 2**53:
        return f"{place} is an integer beyond ±2^53, which JavaScript can't hold"
    if value is None or isinstance(value, str | int | float | datetime):
        return ""
    return (
        f"{place} is {value!r}, a {type(value).__name__}; expected None, bool, a number, text, a date, a list or dict"
    )
