"""Small records of the classes' arguments and results."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from mastra_convex import _hits, _html
from mastra_convex._arguments import as_integer, as_number, key_text, key_texts
from mastra_convex._frames import Frame
from mastra_convex._native import QueryResult, QueryResults, QueryStats, VectorBatch
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError

__all__ = ["IndexStats", "Int64", "Metric", "NativeIndex", "QueryResult", "QueryResults", "QueryStats", "VectorBatch"]

Metric: TypeAlias = Literal["cosine", "dotproduct", "euclidean"]

Sequence.register(QueryResults)
QueryResults._repr_html_ = _html.query_results  # type: ignore[method-assign]
QueryResults._series = _hits.series  # type: ignore[method-assign]
for _name in ("to_arrow", "to_pandas", "to_polars", "__arrow_c_stream__"):
    setattr(QueryResults, _name, getattr(Frame, _name))
del _name


@public
@dataclass(frozen=True, slots=True)
class Int64:
    """A 64-bit integer, a type that Convex distinguishes from numbers.

    A plain ``int`` is sent as a number (float64), exact up to 2**53.
    """

    value: int

    def __post_init__(self) -> None:
        value = as_number(self.value)
        if not isinstance(value, int):
            raise InvalidArgumentError(f"Int64: {self.value!r:.80}; expected an integer")
        if not -(2**63) <= value < 2**63:
            raise InvalidArgumentError(f"Int64: {value} needs more than 64 bits")
        object.__setattr__(self, "value", value)

    def __int__(self) -> int:
        return self.value


@public
@dataclass(frozen=True, slots=True)
class IndexStats:
    """The description of a vector index.

    Attributes
    ----------
    dimension : int
        Length of its vectors.
    count : int
        The number of rows.
    metric : {"cosine", "dotproduct", "euclidean"}
        The meaning of a score.
    """

    dimension: int
    count: int
    metric: Metric

    def _repr_html_(self) -> str:
        return _html.index_stats(self.count, self.dimension, self.metric)


@public
@dataclass(frozen=True, slots=True)
class NativeIndex:
    """The place of a native vector index: a table with one of Convex's vector indexes.

    Parameters
    ----------
    table_name : str
        The table.
    dimension : int
        Length of its vectors, 2 to 4096.
    vector_index_name : str, default "by_embedding"
        The vector index.
    id_field, id_index_name : str, default "id", "by_record_id"
        The field of a row's id, and the index over it.
    vector_field, metadata_field : str, default "embedding", "metadata"
        The fields of a row's vector and metadata.
    filter_fields : sequence of str, default ()
        Metadata keys that queries filter on. Writes copy each to a top-level field.
    """

    table_name: str
    dimension: int
    _: KW_ONLY
    vector_index_name: str = "by_embedding"
    id_field: str = "id"
    id_index_name: str = "by_record_id"
    vector_field: str = "embedding"
    metadata_field: str = "metadata"
    filter_fields: Sequence[str] = ()

    def __post_init__(self) -> None:
        texts = ("table_name", "vector_index_name", "id_field", "id_index_name", "vector_field", "metadata_field")
        for name in texts:
            object.__setattr__(self, name, key_text(f"NativeIndex: {name}", getattr(self, name)))
        dimension = as_integer("NativeIndex: dimension", self.dimension, 1, 2**31)
        object.__setattr__(self, "dimension", dimension)
        fields = key_texts("NativeIndex: filter_fields", self.filter_fields)
        object.__setattr__(self, "filter_fields", tuple(fields))


def iso_text(moment: datetime) -> str:
    """A time as Mastra stores it: ISO text in UTC, cut to milliseconds (JavaScript's ``toISOString``)."""
    # A time zone without an offset counts as none: Python would take the moment for local time.
    if moment.utcoffset() is None:
        raise InvalidArgumentError(f"{moment!r} has no time zone; expected one, as in datetime.now(timezone.utc)")
    try:
        in_utc = moment.astimezone(UTC)
    except OverflowError:
        raise InvalidArgumentError(f"{moment!r} is outside of the years 1 to 9999 in UTC") from None
    return in_utc.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
