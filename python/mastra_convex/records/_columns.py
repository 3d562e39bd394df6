"""How records are stored: the declaration of each field names its column.

A record is a frozen dataclass whose fields carry a `Column` in their metadata::

    resource_id: str = field(metadata=key("resourceId"))

`to_row` and `from_row` read these declarations, so that a record needs no code of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, fields
from functools import cache, partial
from logging import getLogger
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from mastra_convex._arguments import (
    finite_number,
    key_text,
    one_of,
    plain_keys,
    plain_text,
    plain_texts,
    true_or_false,
)
from mastra_convex._json import to_json
from mastra_convex.errors import InvalidArgumentError, SchemaError
from mastra_convex.records._lists import Records
from mastra_convex.records._values import (
    convex_dict,
    convex_holds,
    convex_value,
    date_of,
    date_text,
    dict_of,
    parsed,
    value_of,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Record = TypeVar("Record", bound=DataclassInstance)

Row = dict[str, Any]
T = TypeVar("T")

logger = getLogger("mastra_convex.records")

# Convex's limit for a document: https://docs.convex.dev/production/state/limits
MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `write` takes a place for errors and a field's value, `read` takes the stored value."""

    name: str
    write: Callable[[str, Any], Any]
    read: Callable[[Any], Any] = lambda stored: stored
    # How None is stored: as null, or, as most of Mastra's tables need it, by leaving the column out.
    keeps_null: bool = False


def column(
    name: str,
    write: Callable[[str, Any], Any],
    read: Callable[[Any], Any] = lambda stored: stored,
    *,
    keeps_null: bool = False,
) -> dict[str, Column]:
    """A field's metadata."""
    return {"column": Column(name, write, read, keeps_null)}


def key(name: str) -> dict[str, Column]:
    """Text that isn't empty, by which rows are found."""
    return column(name, key_text)


def text(name: str, *, keeps_null: bool = False) -> dict[str, Column]:
    """Text."""
    return column(name, plain_text, keeps_null=keeps_null)


def texts(name: str, *, keeps_null: bool = False) -> dict[str, Column]:
    """A list of texts."""
    return column(name, plain_texts, list, keeps_null=keeps_null)


def flag(name: str) -> dict[str, Column]:
    """True or False."""
    return column(name, true_or_false)


def number(name: str, *, keeps_null: bool = False) -> dict[str, Column]:
    """A finite number."""
    return column(name, finite_number, keeps_null=keeps_null)


def date(name: str, *, keeps_null: bool = False) -> dict[str, Column]:
    """A time, stored as ISO text in UTC to the millisecond."""
    return column(name, date_text, date_of, keeps_null=keeps_null)


def json(name: str, *, keeps_null: bool = False) -> dict[str, Column]:
    """Any JSON value, stored as its text."""
    return column(name, to_json, parsed, keeps_null=keeps_null)


def json_dict(name: str, *, keeps_null: bool = False) -> dict[str, Column]:
    """A JSON object, stored as its text."""
    return column(name, _write_json_dict, parsed, keeps_null=keeps_null)


def _write_json_dict(place: str, given: Any) -> str:
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a dict")
    return to_json(place, given)


def anything(name: str, *, keeps_null: bool = False) -> dict[str, Column]:
    """Any JSON value, stored as a Convex value, or as JSON text if it has keys that Convex refuses."""
    return column(name, convex_value, value_of, keeps_null=keeps_null)


def choice(name: str, values: Any, *, keeps_null: bool = False) -> dict[str, Column]:
    """One of the texts of a ``Literal``."""
    return column(name, partial(one_of, get_args(values)), keeps_null=keeps_null)


def metadata(name: str, *, keeps_null: bool = False) -> dict[str, Column]:
    """A dict, stored as a Convex value, or as JSON text if it has keys that Convex refuses."""
    return column(name, convex_dict, dict_of, keeps_null=keeps_null)


@cache
def columns_of(kind: type[DataclassInstance]) -> dict[str, Column]:
    """The column of each field of a record."""
    return {field.name: field.metadata["column"] for field in fields(kind)}


def as_record(place: str, kind: type[Record], given: Record | Mapping[str, Any]) -> Record:
    """The given record, or one made of a mapping with the names of its fields.

    A field that is None gets its default, if it has another one.
    """
    if isinstance(given, kind) and not any(getattr(given, name) is None for name in _never_none(kind)):
        return given
    fields_given = {name: getattr(given, name) for name in columns_of(kind)} if isinstance(given, kind) else given
    values = {name: value for name, value in _named(place, kind, fields_given).items() if value is not None}
    missing = [name for name in _needed(kind) if name not in values]
    if missing:
        raise InvalidArgumentError(f"{place}: {' and '.join(missing)} missing; a {kind.__name__} needs it")
    return kind(**values)


@cache
def _needed(kind: type[DataclassInstance]) -> list[str]:
    """The fields without a default."""
    return [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]


@cache
def _never_none(kind: type[DataclassInstance]) -> list[str]:
    """The fields that None isn't a value of: it stands for another default, or for nothing."""
    return [field.name for field in fields(kind) if field.default is not None]


def to_row(place: str, kind: type[Record], given: Record | Mapping[str, Any]) -> Row:
    """The row of a record, after checking every field. `place` names the record in errors."""
    record = as_record(place, kind, given)
    return _row(place, kind, {name: getattr(record, name) for name in columns_of(kind)})


def to_columns(place: str, kind: type[DataclassInstance], values: Mapping[str, Any]) -> Row:
    """The columns of some fields of a record, for an update."""
    return _row(place, kind, _named(place, kind, values))


def _row(place: str, kind: type[DataclassInstance], values: Mapping[str, Any]) -> Row:
    """The columns of fields that the record has."""
    columns = columns_of(kind)
    row: Row = {}
    for name, value in values.items():
        column = columns[name]
        if value is not None:
            row[column.name] = column.write(f"{place}: {name}", value)
        elif column.keeps_null:
            row[column.name] = None
    _check_size(place, row)
    return row


def to_changes(place: str, kind: type[DataclassInstance], values: Mapping[str, Any]) -> Row:
    """The columns of some fields of a record, for an update in which None clears a field."""
    columns = columns_of(kind)
    for name, value in _named(place, kind, values).items():
        if value is None and not columns[name].keeps_null:
            raise InvalidArgumentError(f"{place}: {name} is None; a {kind.__name__} can't be without it")
    return to_columns(place, kind, values)


def equalities(place: str, kind: type[DataclassInstance], texts: Mapping[str, Any]) -> Row:
    """Conditions that columns equal a text. A value of None is no condition."""
    columns = columns_of(kind)
    return {
        columns[name].name: key_text(f"{place} {name}", value) for name, value in texts.items() if value is not None
    }


def from_row(kind: type[Record], row: Mapping[str, Any]) -> Record:
    """The record of a row. Null equals absent.

    Raises
    ------
    SchemaError
        Another client wrote a column that can't be read, or left out one that is needed; row and column are named.
    """
    values: dict[str, Any] = {}
    for name, column in columns_of(kind).items():
        stored = row.get(column.name)
        if stored is None:
            continue
        try:
            values[name] = column.read(stored)
        except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise _unreadable(kind, row, f"{column.name} is {stored!r:.80}") from error
    for name in _needed(kind):
        if name not in values:
            raise _unreadable(kind, row, f"{columns_of(kind)[name].name} is missing")
    return kind(**values)


def from_rows(kind: type[Record], rows: Iterable[Row], read: Callable[[Row], Record] | None = None) -> Records[Record]:
    """The records of a list's rows, without those that can't be read. A table may be read in its own way."""
    read = read or partial(from_row, kind)
    return Records(kind, (record for row in rows if (record := if_readable(read, row)) is not None))


def if_readable(read: Callable[[Row], T], row: Row) -> T | None:
    """The record of a row of a list. None for one that can't be read; a warning in the log names it."""
    try:
        return read(row)
    except SchemaError as error:
        logger.warning("%s; the list goes on without it", error)
        return None


def _unreadable(kind: type[DataclassInstance], row: Mapping[str, Any], problem: str) -> SchemaError:
    """The error for a row that another client wrote."""
    id = row.get("id", row.get("_id"))
    return SchemaError(
        f"{kind.__name__} {id!r}: {problem}, which can't be read",
        details={"id": id},
        hint="Another client wrote this row. Write it again, or delete it.",
    )


def _named(place: str, kind: type[DataclassInstance], values: Any) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise InvalidArgumentError(f"{place} is {values!r:.80}; expected a {kind.__name__} or a mapping with its names")
    named: Mapping[str, Any] = plain_keys(values)
    unknown = named.keys() - columns_of(kind).keys()
    if unknown:
        known = ", ".join(columns_of(kind))
        raise InvalidArgumentError(f"{place}: a {kind.__name__} has no {min(unknown, key=str)!r}; it has: {known}")
    return named


def size_of(row: Row) -> int:
    """The approximate size of a row in bytes: texts exactly, other values as JSON text."""
    return sum(_sizes(row).values())


def _sizes(row: Row) -> dict[str, int]:
    return {name: _size(name, value) for name, value in row.items()}


def _size(name: str, value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode(errors="replace"))
    return 8 if value is None or isinstance(value, bool | int | float) else len(to_json(name, value))


def _check_size(place: str, row: Row) -> None:
    sizes = _sizes(row)
    total = sum(sizes.values())
    # Convex counts up to nine bytes where JSON has one, and only larger rows need the exact count.
    if total > MOST_BYTES or (total > MOST_BYTES // 9 and not convex_holds(row)):
        largest = max(sizes, key=lambda name: sizes[name])
        raise InvalidArgumentError(
            f"{place}: {total} bytes, of which {largest} has {sizes[largest]}; "
            f"Convex's limit for a document is {MOST_BYTES} bytes, with names and types",
            details={"bytes": total, "field": largest},
        )
