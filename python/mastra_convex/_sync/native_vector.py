# Generated from _async/native_vector.py by tools/unasync.py: edit that.
"""`ConvexNativeVector`: vectors in tables that Convex's own vector index searches."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, Unpack

import numpy as np
from numpy.typing import ArrayLike

from mastra_convex._arguments import (
    Floats,
    Metadata,
    as_batch_size,
    as_ids,
    as_index_name,
    as_integer,
    as_vector,
    as_vectors,
    given_ids,
    plain,
    plain_keys,
)
from mastra_convex._sync._call import call
from mastra_convex._sync.batches import in_halves, tell_what_was_written
from mastra_convex._sync.deployment import Deployment, ConnectOptions, Target
from mastra_convex._sync.mastra_vector import (
    MastraVector,
    Filter,
    Progress,
    QueryOptions,
    Strategy,
    index_not_found,
    row_not_found,
)
from mastra_convex._sync.subscription import Subscription
from mastra_convex._metadata import stored_metadata, stored_value
from mastra_convex._public import public
from mastra_convex._replies import checked_native
from mastra_convex._results import as_result, matching
from mastra_convex._rows import CALL_BYTES, batches, row_sizes
from mastra_convex.errors import (
    ConfigurationError,
    DimensionMismatchError,
    FilterError,
    FunctionError,
    FunctionNotFoundError,
    InvalidArgumentError,
    LimitExceededError,
    MastraConvexError,
    SchemaError,
    UnsupportedOperationError,
)
from mastra_convex.types import IndexStats, Metric, NativeIndex, QueryResult, QueryResults

# Bounds of Convex's vector search (docs.convex.dev/search/vector-search).
MAX_TOP_K = 256
# Upstream's batch for writes.
CALL_ROWS = 100

# This package's actions: the ids of a search, and its rows.
QUERY = "mastra/nativeVector:query"
SEARCH = "mastra/nativeVector:search"

_SCAN_HINT = "ConvexVector scans: any top_k, the whole filter language, filters on any metadata."


@public
class ConvexNativeVector(MastraVector):
    """Vector search by Convex's own index, for deployments with too many vectors to scan.

    Each index is a table with a vector index in the deployment's schema. In an embedded deployment with the built-in
    functions, naming it here declares it. Convex's index is approximate on large tables; the embedded one is exact.

    Parameters
    ----------
    deployment : Deployment, or what ``connect`` takes
        Where the vectors are. This object closes the deployment if it opened it.
    indexes : mapping of str to NativeIndex
        The indexes by name, with the table of each.
    id : str, default "convex-native-vector"
        A label.
    action, query, mutation : str
        Paths of the functions; by default those of ``mastra/nativeVector``.
    describe_count_limit : int, default 10000
        The number of rows up to which `describe_index` counts.
    **options
        ``connect``'s, with a target.
    """

    def __init__(
        self,
        deployment: Deployment | Target,
        *,
        indexes: Mapping[str, NativeIndex],
        id: str = "convex-native-vector",
        action: str = QUERY,
        query: str = "mastra/nativeVector:read",
        mutation: str = "mastra/nativeVector:write",
        describe_count_limit: int = 10_000,
        **options: Unpack[ConnectOptions],
    ) -> None:
        super().__init__(deployment, **options)
        self.id = plain(id)
        self._indexes = plain_keys(indexes)
        self._action, self._query, self._mutation = plain(action), plain(query), plain(mutation)
        # The action that gives rows too, beside this package's own; None where there is none.
        self._search: str | None = SEARCH if self._action == QUERY else None
        self._describe_count_limit = describe_count_limit
        self._declared: set[str] = set()

    def create_index(self, index_name: str, dimension: int, metric: Metric = "cosine") -> None:
        """Check that an index has this dimension and metric. The schema creates indexes, as the class's docstring says.

        Raises
        ------
        IndexNotFoundError
            The index isn't among `indexes`. The error lists them.
        DimensionMismatchError
            The index has another dimension. The error names both.
        UnsupportedOperationError
            The metric isn't ``"cosine"``, the only one that Convex's index has.
        """
        place = "ConvexNativeVector.create_index"
        index = self._index(place, index_name)
        if metric != "cosine":
            raise UnsupportedOperationError(
                f"{place}: metric {metric!r}; Convex native vector search currently supports cosine only",
                hint=_SCAN_HINT,
            )
        if dimension != index.dimension:
            raise DimensionMismatchError(
                f"{place}: deployed Convex index {index_name!r} has {index.dimension} dimensions, "
                f"but {dimension} were requested",
                details={"found": index.dimension, "expected": dimension},
            )

    def upsert(
        self,
        index_name: str,
        vectors: ArrayLike,
        *,
        ids: Sequence[str] | None = None,
        metadata: Sequence[Metadata | None] | None = None,
        delete_filter: Filter | None = None,
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> list[str]:
        """Insert rows, or replace those with the same ids.

        This works as `ConvexVector.upsert`, in calls of at most 100 rows. `delete_filter` raises an
        `UnsupportedOperationError`.
        """
        place = "ConvexNativeVector.upsert"
        index = self._index(place, index_name)
        if delete_filter is not None:
            raise UnsupportedOperationError(
                f"{place}: delete_filter is not supported. Delete by IDs before upserting.", hint=_SCAN_HINT
            )
        matrix = as_vectors(place, vectors, index.dimension)
        given_ids = as_ids(place, ids, len(matrix))
        given_metadata = stored_metadata(place, metadata, len(matrix))
        # The function refuses a call with an id twice. The last row wins, in the place of the first.
        last = {id: position for position, id in enumerate(given_ids)}
        unique, positions = list(last), list(last.values())
        rows = [given_metadata[position] for position in positions]
        sizes = row_sizes(place, unique, rows, index.dimension)
        records = list(zip(unique, (matrix[position] for position in positions), rows, strict=True))

        def insert(records: list[tuple[str, Floats, dict[str, Any]]]) -> None:
            ids, vectors, metadata = (list(column) for column in zip(*records, strict=True))
            self._write("upsert", index, ids=ids, vectors=vectors, metadata=metadata)

        for batch in batches(sizes, as_batch_size(place, batch_size, CALL_ROWS)):
            try:
                in_halves(insert, records[batch])
            except MastraConvexError as error:
                tell_what_was_written(error, batch.start, len(unique))
                raise
            if progress is not None:
                progress(batch.stop, len(unique))
        return given_ids

    def query(
        self,
        index_name: str,
        query_vector: ArrayLike | None = None,
        *,
        top_k: int = 10,
        filter: Filter | None = None,
        include_vector: bool = False,
        min_score: float | None = None,
        strategy: Strategy | None = None,
    ) -> QueryResults:
        """Return the rows of an index most similar to a vector, by Convex's vector index.

        Parameters
        ----------
        index_name : str
            The index.
        query_vector : array_like of float, shape (dimension,)
            Need not have unit length; not modified.
        top_k : int, default 10
            Upper bound on the number of results, 1 to 256.
        filter : mapping, optional
            One equality on one of the index's `filter_fields`, ``{"lang": "en"}``, or an OR of them,
            ``{"$or": [{"lang": "en"}, {"kind": "class"}]}``.
        include_vector : bool, default False
            Whether results include their vectors.
        min_score : float, optional
            Leave out lower scores.

        Returns
        -------
        QueryResults
            Results by descending score, the cosine; ties as Convex breaks them, the larger document id first.

        Raises
        ------
        InvalidArgumentError
            `top_k` isn't an integer from 1 to 256, the query isn't finite or is zero.
        FilterError
            Convex's index can't express the filter. The message names the alternative.
        UnsupportedOperationError
            There is no query vector: listing rows by a filter alone needs a scan.
        ConfigurationError
            The deployment's schema lacks the table. The hint shows the line that declares it.
        """
        place = "ConvexNativeVector.query"
        index = self._index(place, index_name)
        if strategy is not None:
            raise UnsupportedOperationError(
                f"{place}: strategy {strategy!r}; Convex's vector index is the only one here", hint=_SCAN_HINT
            )
        if query_vector is None:
            raise UnsupportedOperationError(f"{place}: a query without a vector needs a scan", hint=_SCAN_HINT)
        vector = as_vector(place, query_vector, index.dimension)
        if not vector.any():
            raise InvalidArgumentError(f"{place}: the query vector is zero, which has no cosine")
        request: dict[str, Any] = {"vector": vector, "limit": _limit(place, top_k)}
        if min_score is not None and math.isnan(min_score):
            raise InvalidArgumentError(f"{place}: min_score is NaN; expected a number")
        wire_filter = _wire_filter(place, filter, index)
        if wire_filter is not None:
            request["filter"] = wire_filter
        hits = self._hits(index, request, include_vector)
        hits = [(row, score) for row, score in hits if min_score is None or score >= min_score]
        return QueryResults.from_hits(
            ids=[row[index.id_field] for row, _ in hits],
            scores=[score for _, score in hits],
            metadata=[row.get(index.metadata_field) or {} for row, _ in hits],
            vectors=[row[index.vector_field] for row, _ in hits] if include_vector else None,
        )

    def _hits(
        self, index: NativeIndex, request: dict[str, Any], include_vector: bool
    ) -> list[tuple[dict[str, Any], float]]:
        """The rows of a search with their scores, best first: in one call, or in two of npm's functions."""
        if self._search is not None:
            try:
                found = self._call("action", self._search, index, {**request, "includeVector": include_vector})
                return [(hit["row"], hit["score"]) for hit in found]
            except FunctionNotFoundError:
                self._search = None
        found = self._call("action", self._action, index, request)
        if not found:
            # As in a table that the schema lacks; but to look for an id there fails.
            self._read("listByIds", index, ids=[""])
            return []
        scores = {hit["id"]: hit["score"] for hit in found}
        rows = self._read("getByConvexIds", index, ids=list(scores), includeVector=include_vector)
        return [(row, scores[row["_id"]]) for row in rows]

    def query_many(
        self,
        index_name: str,
        query_vectors: ArrayLike,
        **options: Unpack[QueryOptions],
    ) -> list[QueryResults]:
        """Query with each row of a matrix, shape (queries, dimension), as `query` does: one search each."""
        place = "ConvexNativeVector.query_many"
        index = self._index(place, index_name)
        return [
            self.query(index_name, vector, **options)
            for vector in as_vectors(place, query_vectors, index.dimension)
        ]

    def watch(
        self, index_name: str, query_vector: ArrayLike, *, top_k: int = 10, filter: Filter | None = None
    ) -> Subscription[QueryResults]:
        """Convex's vector index isn't live.

        Raises
        ------
        UnsupportedOperationError
            Always; it names the alternative.
        """
        raise UnsupportedOperationError(
            "ConvexNativeVector.watch: Convex's vector index can't be followed live.", hint=_SCAN_HINT
        )

    def list_indexes(self) -> list[str]:
        """Return the names in `indexes`."""
        return list(self._indexes)

    def get(
        self, index_name: str, ids: Sequence[str], *, include_vector: bool = False
    ) -> list[QueryResult | None]:
        """Return the rows with some ids, in the order of the ids; None where there is none. Their score is 0."""
        place = "ConvexNativeVector.get"
        index = self._index(place, index_name)
        wanted = given_ids(place, ids)
        unique = list(dict.fromkeys(wanted))
        found: dict[str, QueryResult] = {}

        def read(some: list[str]) -> None:
            for row in self._read("listByIds", index, ids=some):
                # Null where an id is unknown.
                if row is not None:
                    result = _result(row, index, include_vector)
                    found[result.id] = result

        for begin in range(0, len(unique), CALL_ROWS):
            in_halves(read, unique[begin : begin + CALL_ROWS])
        return [found.get(id) for id in wanted]

    def iter(
        self, index_name: str, filter: Filter | None = None, *, include_vector: bool = False
    ) -> Iterator[QueryResult]:
        """Iterate over the rows that match a filter, in stored order, by a stable cursor. Their score is 0.

        Rows are filtered here, so the whole filter language holds, on any metadata.
        """
        index = self._index("ConvexNativeVector.iter", index_name)
        for page in self._pages(index):
            results = call(matching, [_result(row, index, include_vector=False) for row in page], filter)
            if include_vector and results:
                # Pages come without vectors. A row that was deleted in between is no row any more.
                found = self.get(index_name, [result.id for result in results], include_vector=True)
                results = [result for result in found if result is not None]
            for result in results:
                yield result

    def count(self, index_name: str, filter: Filter | None = None) -> int:
        """Return how many rows match a filter, by reading all of them."""
        return len([result for result in self.iter(index_name, filter)])

    def describe_index(self, index_name: str) -> IndexStats:
        """Return an index's dimension, metric and number of rows.

        Rows are counted up to `describe_count_limit`, then a warning says so.
        """
        index = self._index("ConvexNativeVector.describe_index", index_name)
        count = 0
        for page in self._pages(index):
            count += len(page)
            if count > self._describe_count_limit:
                break
        if count > self._describe_count_limit:
            count = self._describe_count_limit
            warnings.warn(f"index {index_name!r} has more than {count} rows; counting stopped there", stacklevel=2)
        return IndexStats(dimension=index.dimension, count=count, metric="cosine")

    def update_vector(
        self, index_name: str, id: str, *, vector: ArrayLike | None = None, metadata: Metadata | None = None
    ) -> None:
        """Replace a row's vector, merge into its metadata key by key, or both.

        Raises
        ------
        NotFoundError
            The table has no row with this id.
        """
        place = "ConvexNativeVector.update_vector"
        index = self._index(place, index_name)
        [id] = given_ids(place, [id])
        fields: dict[str, Any] = {}
        if vector is not None:
            fields["vector"] = as_vector(place, vector, index.dimension)
        if metadata is not None:
            rows = stored_metadata(place, [metadata], 1)
            row_sizes(place, [id], rows, index.dimension)
            fields["metadata"] = rows[0]
        if not fields:
            raise InvalidArgumentError(f"{place}: neither a vector nor metadata is given; expected one of them")
        found = (self._write("updateById", index, id=id, **fields)).get("found")
        # Npm's functions and older ones don't say.
        if found is False or (found is None and self.get(index_name, [id]) == [None]):
            raise row_not_found(place, index_name, id)

    def update_vectors(self, index_name: str, filter: Filter, *, metadata: Metadata) -> None:
        """Raise an error: Convex's index can't find rows by a filter alone.

        Raises
        ------
        UnsupportedOperationError
            Always. The error names the alternative.
        """
        raise UnsupportedOperationError(
            "ConvexNativeVector.update_vectors: filter-based updates are not supported. Update by ID instead.",
            hint=_SCAN_HINT,
        )

    def delete_vector(self, index_name: str, id: str) -> None:
        """Delete a row. Does nothing if the id is unknown."""
        self.delete_vectors(index_name, ids=[id])

    def delete_vectors(
        self, index_name: str, *, ids: Sequence[str] | None = None, filter: Filter | None = None
    ) -> None:
        """Delete rows by their ids. Unknown ids are ignored. A filter raises an `UnsupportedOperationError`."""
        place = "ConvexNativeVector.delete_vectors"
        index = self._index(place, index_name)
        if filter is not None:
            raise UnsupportedOperationError(
                f"{place}: filter-based deletes are not supported. Delete by IDs instead.", hint=_SCAN_HINT
            )
        given = [] if ids is None else given_ids(place, ids)
        if not given:
            raise InvalidArgumentError(f"{place}: ids are required")

        def delete(ids: list[str]) -> None:
            self._write("deleteByIds", index, ids=ids)

        for begin in range(0, len(given), CALL_ROWS):
            in_halves(delete, given[begin : begin + CALL_ROWS])

    def truncate_index(self, index_name: str) -> None:
        """Delete all rows of an index."""
        index = self._index("ConvexNativeVector.truncate_index", index_name)
        while (self._write("clear", index))["hasMore"]:
            pass

    def delete_index(self, index_name: str) -> None:
        """Raise an error: indexes are part of the deployment's schema.

        Raises
        ------
        UnsupportedOperationError
            Always. The error names the alternative.
        """
        raise UnsupportedOperationError(
            "ConvexNativeVector.delete_index: Convex native vector indexes are managed in convex/schema.ts.",
            hint="truncate_index deletes the rows.",
        )

    def _pages(self, index: NativeIndex) -> Iterator[list[dict[str, Any]]]:
        """The rows of an index, in stored order, page by page; smaller pages where rows turn out to be large."""
        page_size = max(1, CALL_BYTES // (9 * index.dimension + 4096))
        page: dict[str, Any] = {"isDone": False, "continueCursor": None}
        while not page["isDone"]:
            try:
                page = self._read("listPage", index, cursor=page["continueCursor"], pageSize=page_size)
            except LimitExceededError:
                if page_size == 1:
                    raise
                page_size //= 2
                continue
            yield page["page"]

    def _index(self, place: str, index_name: str) -> NativeIndex:
        index_name = as_index_name(place, index_name)
        index = self._indexes.get(index_name)
        if index is None:
            name_it = f"Name it: ConvexNativeVector(…, indexes={{{index_name!r}: NativeIndex(…)}})"
            raise index_not_found(place, index_name, list(self._indexes), name_it)
        if index_name not in self._declared:
            self._declare(place, index)
            self._declared.add(index_name)
        return index

    def _declare(self, place: str, index: NativeIndex) -> None:
        try:
            self._functions.declare_vector_table(index.table_name, _table_options(index))
        except SchemaError as error:
            raise _undeclared(place, index, error) from error

    def _read(self, op: str, index: NativeIndex, **fields: Any) -> Any:
        return self._call("query", self._query, index, {"op": op, **fields})

    def _write(self, op: str, index: NativeIndex, **fields: Any) -> Any:
        return self._call("mutation", self._mutation, index, {"op": op, **fields})

    def _call(
        self, kind: Literal["query", "mutation", "action"], path: str, index: NativeIndex, fields: dict[str, Any]
    ) -> Any:
        request = {"config": _config(index), **fields}
        try:
            send = self._functions.call if kind == "mutation" else self._functions.read
            op = fields.get("op", "search" if path == SEARCH else "query")
            return checked_native(path, op, send(kind, path, request))
        except FunctionError as error:
            if f"Index {index.table_name}." in str(error):
                raise _undeclared("ConvexNativeVector", index, error) from error
            raise


def _table_options(index: NativeIndex) -> dict[str, Any]:
    """The options of ``defineMastraNativeVectorTable`` for an index."""
    return {
        "dimensions": index.dimension,
        "vectorIndexName": index.vector_index_name,
        "filterFields": list(index.filter_fields),
        "idField": index.id_field,
        "idIndexName": index.id_index_name,
        "vectorField": index.vector_field,
        "metadataField": index.metadata_field,
    }


def _undeclared(place: str, index: NativeIndex, error: FunctionError) -> ConfigurationError:
    """The error for a table that the deployment's schema lacks or declares differently."""
    lines = ", ".join(f"{name}: {json.dumps(value)}" for name, value in _table_options(index).items())
    return ConfigurationError(
        f"{place}: {error.args[0]}",
        code=error.code,
        hint=f"Declare it in schema.ts:\n  {index.table_name}: defineMastraNativeVectorTable({{ {lines} }}),",
    )


def _config(index: NativeIndex) -> dict[str, Any]:
    """An index in the form of the functions' argument."""
    return {
        "tableName": index.table_name,
        "vectorIndexName": index.vector_index_name,
        "dimension": index.dimension,
        "idField": index.id_field,
        "idIndexName": index.id_index_name,
        "vectorField": index.vector_field,
        "metadataField": index.metadata_field,
        "filterFields": list(index.filter_fields),
    }


def _result(row: Mapping[str, Any], index: NativeIndex, include_vector: bool) -> QueryResult:
    vector = index.vector_field if include_vector else None
    return as_result(row, id=index.id_field, metadata=index.metadata_field, vector=vector)


def _limit(place: str, top_k: int) -> int:
    try:
        return as_integer(f"{place}: top_k", top_k, 1, MAX_TOP_K)
    except InvalidArgumentError as error:
        error.hint = _SCAN_HINT
        raise


def _wire_filter(place: str, filter: Filter | None, index: NativeIndex) -> dict[str, Any] | None:
    """A filter in the form of the action's argument: one equality, or an OR of equalities."""
    if filter is None or filter == {}:
        return None
    if not isinstance(filter, Mapping):
        raise FilterError(f"{place}: filter {filter!r}; expected a mapping")
    filter = plain_keys(filter)
    if set(filter) == {"metadata"} and isinstance(filter["metadata"], Mapping):
        return _wire_filter(place, filter["metadata"], index)
    if set(filter) == {"$or"}:
        conditions = filter["$or"]
        if not isinstance(conditions, Sequence) or isinstance(conditions, str):
            raise FilterError(f"{place}: filter at $or: {conditions!r}; expected a list of equalities")
        return {"or": [_equality(place, condition, index) for condition in conditions]}
    return _equality(place, filter, index)


def _equality(place: str, condition: Any, index: NativeIndex) -> dict[str, Any]:
    if not isinstance(condition, Mapping) or len(condition) != 1:
        raise FilterError(
            f"{place}: filter {condition!r}; native Convex filters support one equality field "
            "or $or of equality fields",
            hint=_SCAN_HINT,
        )
    ((field, value),) = plain_keys(condition).items()
    if isinstance(value, Mapping) and list(value) == ["$eq"]:
        [value] = value.values()
    value = stored_value(f"{place}: filter at {field}", value)
    if field not in index.filter_fields:
        declared = ", ".join(index.filter_fields) or "none"
        raise FilterError(
            f"{place}: field {field!r} is not configured as a Convex vector filter field; configured: {declared}",
            hint=_SCAN_HINT,
        )
    if isinstance(value, Mapping):
        raise FilterError(
            f"{place}: filter at {field}: {value!r}; native Convex filters support equality only",
            hint=_SCAN_HINT,
        )
    if value is not None and not isinstance(value, str | int | float | bool | np.generic):
        raise FilterError(
            f"{place}: filter at {field}: {value!r}; native Convex filters support "
            "string, number, boolean, and null values",
            hint=_SCAN_HINT,
        )
    return {"field": field, "value": value}
