"""`Record`: how the records of a store look, in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from typing import TYPE_CHECKING, Any, ClassVar

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


def given_fields(record: DataclassInstance) -> Mapping[str, Any]:
    """The fields of a record that are neither None nor have their default value."""
    values = {field: getattr(record, field.name) for field in fields(record)}
    return {field.name: value for field, value in values.items() if value is not None and not _is_default(field, value)}


def _is_default(field: Field[Any], value: Any) -> bool:
    if field.default_factory in (dict, list):
        return type(value) is field.default_factory and not value
    return field.default is not MISSING and type(value) is type(field.default) and bool(value == field.default)
