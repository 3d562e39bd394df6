"""`Record`: how the records of a store look, in a terminal and in a notebook. `Dated`: records with two times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final

from mastra_convex import _html

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class Record:
    """The base of records. Both views leave out fields that are None or have their default value."""

    __slots__ = ()

    # The fields that a table of several records shows; by default the first ones.
    _TABLE: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in given_fields(self).items())  # type: ignore[arg-type]
        return f"{type(self).__name__}({given})"

    def _repr_html_(self) -> str:
        return _html.record(given_fields(self))  # type: ignore[arg-type]


_AS_CREATED: Final = datetime.min.replace(tzinfo=UTC)


def as_created() -> datetime:
    """The default of `updated_at`, in whose place `Dated` puts the time of `created_at`."""
    return _AS_CREATED


class Dated(Record):
    """The base of records with `created_at` and `updated_at`. A new record has the same time in both."""

    __slots__ = ()

    if TYPE_CHECKING:  # Fields have the order of annotations, and these would come first.
        created_at: datetime
        updated_at: datetime

    def __post_init__(self) -> None:
        if self.updated_at is _AS_CREATED:
            object.__setattr__(self, "updated_at", self.created_at)


def given_fields(record: DataclassInstance) -> Mapping[str, Any]:
    """The fields of a record that are neither None nor have their default value."""
    values = {field: getattr(record, field.name) for field in fields(record)}
    return {field.name: value for field, value in values.items() if value is not None and not _is_default(field, value)}


def _is_default(field: Field[Any], value: Any) -> bool:
    if field.default_factory in (dict, list):
        return type(value) is field.default_factory and not value
    return field.default is not MISSING and type(value) is type(field.default) and bool(value == field.default)
