"""Arguments, checked before anything is sent. An error names the place, the value and what was expected.

Checks return plain values. A member of a ``str`` enumeration, say, has a hash and a ``str()`` of its own, so only its
text may go on; numbers may be NumPy's.
"""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mastra_convex import _native
from mastra_convex._ids import new_id
from mastra_convex.errors import DimensionMismatchError, InvalidArgumentError

Floats = NDArray[np.float32] | NDArray[np.float64]
Metadata = Mapping[str, Any]
T = TypeVar("T")

# RFC 9110, 5.1 and 5.5.
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t -~]*")

# Names of components are identifiers.
COMPONENT_PATH = re.compile(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)

# Convex's arrays have at most 8192 items.
MAX_DIMENSION = 8192

# Some clocks can't tell when a longer wait ends.
YEAR = 365 * 24 * 3600


def plain(given: T) -> T:
    """The text itself of an instance of a subclass of ``str``; anything else as it is."""
    return cast(T, str.__str__(given)) if isinstance(given, str) else given


def plain_keys(given: Mapping[Any, T]) -> dict[Any, T]:
    """A mapping by its keys' own text."""
    return {plain(key): value for key, value in given.items()}


def plain_text(place: str, given: Any) -> str:
    """Text, which may be empty."""
    if not isinstance(given, str):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected text")
    return _unicode(place, str.__str__(given))


def key_text(place: str, given: Any) -> str:
    """An id or another name, which isn't empty."""
    if not isinstance(given, str) or not given.strip():
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected text, not empty")
    return _unicode(place, str.__str__(given))


def _unicode(place: str, text: str) -> str:
    """Text that UTF-8 can say, which no half of a surrogate pair is."""
    # Python knows of a text whether it is ASCII.
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise InvalidArgumentError(f"{place} is {text!r:.80}, which has a lone surrogate; expected text") from None
    return text


def as_items(place: str, given: Any) -> list[Any]:
    """The items of a list. A text or a mapping isn't a list."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a list")
    return list(given)


def key_texts(place: str, given: Any) -> list[str]:
    """A list of ids or other names."""
    return [key_text(f"{place}[{n}]", item) for n, item in enumerate(as_items(place, given))]


def plain_texts(place: str, given: Any) -> list[str]:
    if not isinstance(given, list | tuple) or not all(isinstance(item, str) for item in given):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a list of texts")
    return [str.__str__(item) for item in given]


def one_of(choices: Sequence[str], place: str, given: Any) -> str:
    """One of some texts."""
    if not isinstance(given, str) or given not in choices:
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected one of: {', '.join(choices)}")
    return str.__str__(given)


def true_or_false(place: str, given: Any) -> bool:
    if not isinstance(given, bool | np.bool_):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected True or False")
    return bool(given)


def as_number(given: Any) -> int | float | None:
    """A plain int or float; None for anything else, bools among it."""
    if isinstance(given, bool | np.bool_):
        return None
    if isinstance(given, int | np.integer):
        return operator.index(given)
    return float(given) if isinstance(given, float | np.floating) else None


def as_integer(place: str, value: Any, least: int, most: int) -> int:
    """An integer within bounds, NumPy's included; no bool."""
    try:
        integer = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        integer = None
    if integer is None or not least <= integer <= most:
        raise InvalidArgumentError(f"{place} {value!r}; expected an integer from {least} to {most}")
    return integer


def finite_number(place: str, given: Any) -> float:
    """An int or a float, finite; no bool."""
    number = as_number(given)
    if number is None or not -1e308 <= number <= 1e308:
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a finite number")
    return number


def as_duration(
    place: str, value: Any, expected: str = "a number, 0 for no end", longest: float = sys.float_info.max
) -> float:
    """A length of time from zero to `longest`. `expected` is the error's description of it."""
    number = as_number(value)
    # NaN compares false with everything.
    if number is None or not 0 <= number <= longest:
        raise InvalidArgumentError(f"{place} {value!r}; expected {expected}")
    return number


def as_seconds(place: str, value: Any) -> float:
    """A length of time from zero to a year."""
    return as_duration(place, value, f"seconds, at most a year ({YEAR})", YEAR)


def as_interval(place: str, value: Any) -> float:
    """A length of time of more than zero, up to a year."""
    seconds = as_seconds(place, value)
    if not seconds:
        raise InvalidArgumentError(f"{place} {value!r}; expected seconds, more than 0")
    return seconds


def as_headers(place: str, given: Any) -> list[tuple[str, str]]:
    """Names and values of HTTP headers. Errors show no values, which may be secrets."""
    if given is None:
        return []
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"{place} is a {type(given).__name__}; expected a mapping")
    headers = []
    for name, value in given.items():
        if not isinstance(name, str) or not HEADER_NAME.fullmatch(name):
            raise InvalidArgumentError(f"{place}: {name!r:.80} is not a header's name; expected letters, digits and -")
        if not isinstance(value, str) or not HEADER_VALUE.fullmatch(value):
            raise InvalidArgumentError(f"{place}: the value of {name!r} is invalid; expected printable ASCII text")
        headers.append((plain(name), plain(value)))
    return headers


def as_component(place: str, given: Any) -> str | None:
    """A component's path: the name under which an app mounts it, ``parent/child`` below another component."""
    if given is None:
        return None
    if not isinstance(given, str) or not COMPONENT_PATH.fullmatch(given):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a name such as 'mastra', or 'parent/child'")
    return plain(given)


def as_index_name(place: str, index_name: Any) -> str:
    """An index's name: text, but not ``indexes``, under which the storage functions keep the list of indexes."""
    if not isinstance(index_name, str) or not index_name:
        raise InvalidArgumentError(f"{place}: index_name {index_name!r}; expected text, not empty")
    if index_name == "indexes":
        raise InvalidArgumentError(f"{place}: index_name 'indexes' is reserved; choose another name")
    return _unicode(f"{place}: index_name", str.__str__(index_name))


def as_vectors(place: str, vectors: ArrayLike, dimension: int) -> Floats:
    """A C-contiguous float32 or float64 matrix with finite rows of that dimension. Such a matrix isn't copied."""
    array = _as_floats(f"{place}: vectors", vectors)
    if array.ndim == 1 and array.size == 0:
        return np.empty((0, dimension), np.float32)
    if array.ndim != 2:
        raise InvalidArgumentError(
            f"{place}: vectors of shape {array.shape}; expected a matrix with one row per vector"
        )
    if array.shape[1] != dimension:
        raise DimensionMismatchError(
            f"{place}: vectors have {array.shape[1]} dimensions, the index has {dimension}",
            details={"found": array.shape[1], "expected": dimension},
        )
    _check_finite(place, array)
    return array


def as_vector(place: str, vector: ArrayLike, dimension: int) -> Floats:
    """One finite vector of that dimension."""
    array = _as_floats(f"{place}: vector", vector)
    if array.ndim != 1:
        raise InvalidArgumentError(f"{place}: vector of shape {array.shape}; expected a list of numbers")
    row: Floats = as_vectors(place, array[np.newaxis], dimension)[0]
    return row


def check_numbers(place: str, given: Any) -> None:
    """Refuse what NumPy would pass over: masked values, and booleans among numbers."""
    if isinstance(given, np.ma.MaskedArray):
        if np.ma.is_masked(given):
            raise InvalidArgumentError(f"{place}: has masked values; expected numbers, such as filled() gives")
    elif isinstance(given, list | tuple):
        kinds = set(map(type, given))
        if not kinds.isdisjoint((bool, np.bool_)):
            raise InvalidArgumentError(f"{place}: has booleans; expected numbers")
        if not kinds.isdisjoint((list, tuple, np.ma.MaskedArray)):
            for row in given:
                check_numbers(place, row)


def _as_floats(place: str, numbers: ArrayLike) -> Floats:
    check_numbers(place, numbers)
    try:
        array = np.asarray(numbers)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{place}: {error}; expected numbers in rows of equal length") from error
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    elif array.dtype.kind in "iuf" or array.size == 0:
        array = array.astype(array.dtype if array.dtype in (np.float32, np.float64) else np.float64, copy=False)
    else:
        raise InvalidArgumentError(f"{place}: an array of {array.dtype}; expected numbers")
    return np.ascontiguousarray(array)


def _check_finite(place: str, array: Floats) -> None:
    found = _native.first_not_finite(array)
    if found is not None:
        row, column = found
        raise InvalidArgumentError(
            f"{place}: vectors[{row}][{column}] is {array[row, column]}; expected finite numbers"
        )


def as_ids(place: str, ids: Sequence[str] | None, count: int, of: str = "vectors") -> list[str]:
    """The given ids, or new ones, one for each of those."""
    if ids is None:
        return [new_id() for _ in range(count)]
    given = given_ids(place, ids)
    if len(given) != count:
        raise InvalidArgumentError(f"{place}: ids length ({len(given)}) must match {of} length ({count})")
    return given


def given_ids(place: str, ids: Sequence[str]) -> list[str]:
    """Ids as a list of texts, none of them empty."""
    given = _as_list(place, "ids", ids)
    for position, id in enumerate(given):
        if not isinstance(id, str) or not id:
            raise InvalidArgumentError(f"{place}: ids[{position}] is {id!r}; expected text, not empty")
    return [_unicode(f"{place}: ids[{position}]", str.__str__(id)) for position, id in enumerate(given)]


def as_metadata(
    place: str, metadata: Sequence[Metadata | None] | None, count: int, of: str = "vectors"
) -> list[dict[str, Any]]:
    """One dict per row, empty for a row without metadata."""
    if metadata is None:
        return [{} for _ in range(count)]
    metadata = _as_list(place, "metadata", metadata)
    if len(metadata) != count:
        raise InvalidArgumentError(f"{place}: metadata length ({len(metadata)}) must match {of} length ({count})")
    for position, row in enumerate(metadata):
        if row is not None and not isinstance(row, Mapping):
            raise InvalidArgumentError(f"{place}: metadata[{position}] is {row!r}; expected a dict")
    return [{} if row is None else dict(row) for row in metadata]


def _as_list(place: str, name: str, given: Any) -> list[Any]:
    if isinstance(given, str | bytes | Mapping) or not hasattr(given, "__iter__"):
        raise InvalidArgumentError(f"{place}: {name} is {given!r:.80}; expected a list")
    return list(given)


def as_batch_size(place: str, batch_size: int | None, most: int) -> int:
    """The number of rows per call."""
    if batch_size is None:
        return most
    return as_integer(f"{place}: batch_size", batch_size, 1, most)
