"""Tables of records and hits, as Arrow, pandas and polars have them. These are imported when they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    # Users have these, or not, with types or without.
    from pandas import DataFrame as PandasFrame  # type: ignore[import-not-found, import-untyped, unused-ignore]
    from polars import DataFrame as PolarsFrame  # type: ignore[import-not-found, unused-ignore]
    from pyarrow import Table as ArrowTable  # type: ignore[import-not-found, import-untyped, unused-ignore]
else:
    # Annotations resolve without the libraries.
    PandasFrame = PolarsFrame = ArrowTable = Any

__all__ = ["ArrowTable", "Frame", "Kind", "PandasFrame", "PolarsFrame", "Series"]

Kind = Literal["text", "integer", "number", "flag", "time", "json", "vector"]


@dataclass(frozen=True, slots=True)
class Series:
    """A column of a table: a value or None in each row. Vectors are arrays of one length."""

    name: str
    kind: Kind
    values: Sequence[Any]

    def plain(self) -> Sequence[Any]:
        """The values, those of the kind ``json`` as their text."""
        if self.kind != "json":
            return self.values
        return [None if value is None else _ENCODER.encode(value) for value in self.values]

    def vectors(self) -> tuple[np.dtype[Any], int]:
        """The type that holds the numbers of all vectors, and their length."""
        arrays = [np.asarray(vector) for vector in self.values if vector is not None]
        return np.result_type(*arrays), len(arrays[0])


class Frame:
    """The base of what can be shown as a table.

    Texts, numbers, booleans and times are columns of these types: times of milliseconds in UTC, vectors of float32 if
    that holds all numbers, else of float64. All other values, such as metadata and content, are JSON text; in pandas,
    they are Python objects.
    """

    __slots__ = ()

    def _series(self) -> list[Series]:
        """The table's columns."""
        raise NotImplementedError

    def to_arrow(self) -> ArrowTable:
        """Return an Arrow table. Needs ``pyarrow``; values without a type of their own are JSON text."""
        with _needs(self, "to_arrow", "pyarrow"):
            import pyarrow  # type: ignore[import-not-found, import-untyped, unused-ignore]
        types = {
            "text": pyarrow.string(),
            "integer": pyarrow.int64(),
            "number": pyarrow.float64(),
            "flag": pyarrow.bool_(),
            "time": pyarrow.timestamp("ms", "UTC"),
            "json": pyarrow.string(),
        }

        def array(series: Series) -> Any:
            if series.kind != "vector":
                return pyarrow.array(series.plain(), types[series.kind])
            dtype, length = series.vectors()
            return pyarrow.array(series.values, pyarrow.list_(pyarrow.from_numpy_dtype(dtype), length))

        table = self._series()
        return pyarrow.table([array(series) for series in table], names=[series.name for series in table])

    def to_pandas(self) -> PandasFrame:
        """Return a data frame. Needs ``pandas``; values without a type of their own are Python objects."""
        with _needs(self, "to_pandas", "pandas"):
            import pandas  # type: ignore[import-not-found, import-untyped, unused-ignore]
        # The first and the third may be missing.
        types = {"integer": "Int64", "number": "float64", "flag": "boolean", "time": "datetime64[ms, UTC]"}
        return pandas.DataFrame(
            {
                series.name: pandas.Series(list(series.values), dtype=types.get(series.kind, "object"))
                for series in self._series()
            }
        )

    def to_polars(self) -> PolarsFrame:
        """Return a data frame. Needs ``polars``; values without a type of their own are JSON text."""
        with _needs(self, "to_polars", "polars"):
            import polars  # type: ignore[import-not-found, unused-ignore]
        types: dict[str, Any] = {
            "text": polars.String,
            "integer": polars.Int64,
            "number": polars.Float64,
            "flag": polars.Boolean,
            "time": polars.Datetime("ms", "UTC"),
            "json": polars.String,
        }

        def column(series: Series) -> Any:
            if series.kind != "vector":
                return polars.Series(series.name, series.plain(), types[series.kind])
            dtype, length = series.vectors()
            numbers = polars.Float32 if dtype == np.float32 else polars.Float64
            lists = [None if vector is None else vector.tolist() for vector in series.values]
            return polars.Series(series.name, lists, polars.Array(numbers, length))

        return polars.DataFrame([column(series) for series in self._series()])

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's PyCapsule interface, for every library that reads it. Needs ``pyarrow``."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)


@contextmanager
def _needs(frame: object, method: str, library: str) -> Iterator[None]:
    """Import a library; where it is missing, the error says how to install it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{type(frame).__name__}.{method}: {error.name!r} isn't installed. Install it by: pip install {library}",
            name=error.name,
        ) from error


def _plain(value: object) -> object:
    """A value without a form in JSON. Records may hold records."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return str(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_plain)
