"""`Records`: a list of records, which is a table too."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, SupportsIndex, TypeVar, get_args, get_origin, get_type_hints, overload

from mastra_convex._frames import Frame, Kind, Series
from mastra_convex._public import public

Item = TypeVar("Item")

KINDS: dict[Any, Kind] = {str: "text", bool: "flag", int: "integer", float: "number", datetime: "time"}


@public
class Records(list[Item], Frame):
    """A list of records. It is a list in every way, and also a table: by `to_arrow`, `to_pandas` or `to_polars`.

    A table has a column for each field. A message has its ``text`` too, and a span its ``status``; the columns of a
    recalled message begin with ``message_``. Values without a type of their own, such as metadata and content, are JSON
    text; in pandas, they are Python objects.
    """

    def __init__(self, kind: type[Item], records: Iterable[Item] = ()) -> None:
        super().__init__(records)
        self._kind = kind

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Item: ...
    @overload
    def __getitem__(self, index: slice, /) -> Records[Item]: ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> Item | Records[Item]:
        if isinstance(index, slice):
            return Records(self._kind, super().__getitem__(index))
        return super().__getitem__(index)

    def _series(self) -> list[Series]:
        return series_of(self._kind, self)


def series_of(kind: Any, records: Iterable[Any]) -> list[Series]:
    """The columns of records."""
    rows = list(records)
    return [_series(name, as_kind, [read(row) for row in rows]) for name, as_kind, read in _columns(kind)]


def _series(name: str, kind: Kind, values: list[Any]) -> Series:
    # JavaScript has one kind of number.
    is_float = kind == "integer" and any(isinstance(value, float) for value in values)
    return Series(name, "number" if is_float else kind, values)


@cache
def _columns(kind: Any) -> list[tuple[str, Kind, Callable[[Any], Any]]]:
    """The name and the kind of each column, and what reads its value of a record."""
    hints = get_type_hints(kind)
    named = {field.name: hints[field.name] for field in fields(kind)}
    # The fields of its table that are computed.
    for name in getattr(kind, "_TABLE", ()):
        if name not in named:
            named[name] = get_type_hints(getattr(kind, name).fget)["return"]
    columns: list[tuple[str, Kind, Callable[[Any], Any]]] = []
    for name, hint in named.items():
        if not is_dataclass(hint):
            columns.append((name, _kind_of(hint), _getter(name)))
            continue
        nested: Any = hint
        columns += [(f"{name}_{inner}", as_kind, _within(name, read)) for inner, as_kind, read in _columns(nested)]
    return columns


def _getter(name: str) -> Callable[[Any], Any]:
    return lambda record: getattr(record, name)


def _within(name: str, read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda record: read(getattr(record, name))


def _kind_of(hint: Any) -> Kind:
    """The kind of a field's column, by its type: whether it may be None makes no difference."""
    types = [one for one in get_args(hint) if one is not type(None)] if get_origin(hint) is not Literal else []
    if len(types) == 1 and type(None) in get_args(hint):
        return _kind_of(types[0])
    return "text" if get_origin(hint) is Literal else KINDS.get(hint, "json")
