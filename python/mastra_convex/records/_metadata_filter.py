"""Filters on metadata, for lists of threads and messages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mastra_convex._json import to_json
from mastra_convex.errors import InvalidArgumentError

# Mastra's rule for keys.
KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


def metadata_filter(
    place: str, given: Mapping[str, Any] | None, *, scalars: bool
) -> Callable[[Mapping[str, Any]], bool] | None:
    """A check that metadata has all the given values under their keys; None if there is no condition.

    Types differ as in JSON: True isn't 1, but 1 is 1.0. `scalars`: whether only None, bools, numbers and texts
    can be asked for.
    """
    if given is None or given == {}:
        return None
    place = f"{place}: filter metadata"
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a mapping")
    for key, value in given.items():
        if not isinstance(key, str) or not KEY.fullmatch(key):
            raise InvalidArgumentError(f"{place}: key {key!r:.80}; expected letters, digits and _, at most 128")
        if scalars and not isinstance(value, bool | int | float | str | np.generic | None):
            raise InvalidArgumentError(f"{place}: {key} is {value!r:.80}; expected None, a bool, a number or text")
        if value != value:
            raise InvalidArgumentError(f"{place}: {key} is {value!r}, which equals no value")
    # As JSON would give it, which is what it is compared with.
    wanted = json.loads(to_json(place, dict(given)))
    return lambda metadata: all(key in metadata and _same(metadata[key], value) for key, value in wanted.items())


def _same(stored: Any, wanted: Any) -> bool:
    if isinstance(stored, bool) or isinstance(wanted, bool):
        return stored is wanted
    if isinstance(stored, Mapping) and isinstance(wanted, Mapping):
        return stored.keys() == wanted.keys() and all(_same(stored[key], wanted[key]) for key in stored)
    if isinstance(stored, list) and isinstance(wanted, list | tuple):
        return len(stored) == len(wanted) and all(map(_same, stored, wanted))
    return bool(stored == wanted)
