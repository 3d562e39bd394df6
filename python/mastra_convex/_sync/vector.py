# Generated from _async/vector.py by tools/unasync.py: edit that.
"""`ConvexVector`: vectors in one table, scored by the native kernel."""

from __future__ import annotations

from collections.abc import Iterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Unpack, cast

import numpy as np
from numpy.typing import ArrayLike

from mastra_convex import _native
from mastra_convex._arguments import (
    MAX_DIMENSION,
    Metadata,
    as_batch_size,
    as_ids,
    as_index_name,
    as_integer,
    as_seconds,
    as_vector,
    as_vectors,
    given_ids,
    plain,
)
from mastra_convex._sync._call import call
from mastra_convex._sync.batches import in_halves, tell_what_was_written
from mastra_convex._sync.change_by_filter import ChangeByFilter, SeenRows
from mastra_convex._sync.deployment import Deployment, ConnectOptions, Target
from mastra_convex._sync.mastra_vector import (
    MastraVector,
    Filter,
    Progress,
    QueryOptions,
    SearchOptions,
    Strategy,
    index_not_found,
    row_not_found,
)
from mastra_convex._sync.storage import Storage
from mastra_convex._sync.subscription import Subscription
from mastra_convex._metadata import stored_metadata
from mastra_convex._public import public
from mastra_convex._results import as_result, matching
from mastra_convex._rows import CALL_BYTES, CALL_ROWS, batches, from_bytes, row_sizes, vector_bytes
from mastra_convex.errors import (
    ApplicationError,
    DimensionMismatchError,
    FilterError,
    FunctionNotFoundError,
    IndexNotFoundError,
    InvalidArgumentError,
    LimitExceededError,
    MastraConvexError,
)
from mastra_convex.types import IndexStats, Metric, QueryResult, QueryResults, iso_text

# The table that lists the indexes.
INDEXES = "mastra_vector_indexes"

# As many rows as one reply of a function holds if their metadata have 16 KiB each.
MOST_LISTED = 1000

# The codes of the functions that search.
SEARCH_ERRORS: dict[str, type[MastraConvexError]] = {
    "DimensionMismatch": DimensionMismatchError,
    "InvalidArgument": InvalidArgumentError,
    "InvalidFilter": FilterError,
    "SearchTimedOut": LimitExceededError,
    "TooManyRows": LimitExceededError,
}


@dataclass(frozen=True, slots=True)
class _Index:
    """The description that `create_index` stored."""

    name: str
    dimension: int
    metric: Metric

    @property
    def table(self) -> str:
        """The storage function's name for the table of the rows."""
        return f"mastra_vector_{self.name}"


@public
class ConvexVector(MastraVector):
    """Vector search by an exact scan, for development and indexes up to some hundred thousand rows.

    Rows live in the table ``mastra_vectors``, where npm ``@mastra/convex`` keeps them. Queries score all of them in the
    native kernel: results are those of the float64 reference, ids, order and score bits.

    Parameters
    ----------
    deployment : Deployment, or what ``connect`` takes
        Where the vectors are. This object closes the deployment if it opened it.
    id : str, default "convex-vector"
        A label.
    storage_function : str, default "mastra/storage:handle"
        The path of the storage function.
    max_staleness : float, default 0
        Seconds for which rows that were read may be used again, if the deployed functions are npm's, which can't report
        changes. With this package's functions a query never misses a write that was acknowledged before it.
    strategy : {"auto", "server", "mirror", "pages"}, default "auto"
        Where an index of a remote deployment is scored; ids, order and score bits are the same. ``"server"``: in the
        deployment, which returns the results alone. ``"mirror"``: here, over rows that are kept in memory; a query
        transfers the rows that changed. ``"pages"``: here, over rows that are read for it. ``"auto"`` asks the
        deployment until the time it took would have paid for transferring the rows, then keeps a mirror, if the rows
        fit ``connect``'s ``mirror_bytes``. Functions that have no search are read.
    **options
        ``connect``'s, with a target.
    """

    def __init__(
        self,
        deployment: Deployment | Target,
        *,
        id: str = "convex-vector",
        storage_function: str = "mastra/storage:handle",
        max_staleness: float = 0,
        strategy: Strategy = "auto",
        **options: Unpack[ConnectOptions],
    ) -> None:
        super().__init__(deployment, **options)
        self.id = plain(id)
        self._strategy = as_strategy("ConvexVector", strategy)
        self._storage = Storage(self._functions, storage_function)
        self._max_staleness = as_seconds("ConvexVector: max_staleness", max_staleness)

    def create_index(self, index_name: str, dimension: int, metric: Metric = "cosine") -> None:
        """Create an index. Does nothing if one with the same name, dimension and metric exists.

        Parameters
        ----------
        index_name : str
            Any text but ``"indexes"``.
        dimension : int
            Length of its vectors, 1 to 8192.
        metric : {"cosine", "dotproduct", "euclidean"}, default "cosine"
            The meaning of a score: the cosine, the dot product, or 1 / (1 + distance).

        Raises
        ------
        DimensionMismatchError
            The index exists with another dimension. The error names both.
        InvalidArgumentError
            The index exists with another metric, or an argument is invalid.
        """
        index_name = as_index_name("ConvexVector.create_index", index_name)
        dimension = as_integer("ConvexVector.create_index: dimension", dimension, 1, MAX_DIMENSION)
        if metric not in ("cosine", "dotproduct", "euclidean"):
            raise InvalidArgumentError(
                f"ConvexVector.create_index: metric {metric!r}; expected 'cosine', 'dotproduct' or 'euclidean'"
            )
        metric = plain(metric)
        stored = self._storage.call(
            "createVectorIndex",
            INDEXES,
            record={
                "id": index_name,
                "indexName": index_name,
                "dimension": dimension,
                "metric": metric,
                "createdAt": iso_text(datetime.now(UTC)),
            },
        )
        if stored["dimension"] != dimension:
            raise DimensionMismatchError(
                f"ConvexVector.create_index: index {index_name!r} exists with {stored['dimension']:.0f} dimensions, "
                f"asked for {dimension}",
                details={"found": int(stored["dimension"]), "expected": dimension},
            )
        if stored["metric"] != metric:
            raise InvalidArgumentError(
                f"ConvexVector.create_index: index {index_name!r} exists with metric {stored['metric']!r}, "
                f"asked for {metric!r}"
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
        """Insert rows, or replace those with the same ids. A replaced row keeps its place in stored order.

        Parameters
        ----------
        index_name : str
            The index.
        vectors : array_like of float, shape (n, dimension)
            Not modified. float32 and float64 come back bit for bit; float16 and integers are widened.
        ids : sequence of str, length n, optional
            By default new ones (UUID7), which begin with the time. If an id occurs twice in one call, the last row
            wins.
        metadata : sequence of dict or None, length n, optional
            A row without metadata has none afterwards, even if it had some before.
        delete_filter : mapping, optional
            Matching rows are deleted first.
        batch_size : int, optional
            Rows per call, 1 to 500; by default as many as Convex's limits allow. Each call is a transaction.
        progress : callable, optional
            Called after each call with the number of rows written and the total.

        Returns
        -------
        list of str, length n
            The rows' ids.

        Raises
        ------
        DimensionMismatchError
            The vectors' length differs from the index's. The error names both.
        InvalidArgumentError
            A component isn't finite, lengths differ, an id isn't text, or Convex can't hold the metadata. Nothing was
            written.
        MastraConvexError
            A call failed. If earlier calls wrote rows, the message says how many.
        """
        place = "ConvexVector.upsert"
        index = self._index(place, index_name)
        matrix = as_vectors(place, vectors, index.dimension)
        ids = as_ids(place, ids, len(matrix))
        rows = stored_metadata(place, metadata, len(matrix))
        sizes = row_sizes(place, ids, rows, index.dimension)
        most_rows = as_batch_size(place, batch_size, CALL_ROWS)
        if delete_filter is not None:
            self.delete_vectors(index_name, filter=delete_filter)

        def insert(records: list[dict[str, Any]]) -> None:
            self._storage.call("upsertVectors", index.table, place=place, records=records)

        for batch in batches(sizes, most_rows):
            records: list[dict[str, Any]] = [
                {"id": id, **vector, "metadata": row} if row else {"id": id, **vector}
                for id, vector, row in zip(ids[batch], vector_bytes(matrix[batch]), rows[batch], strict=True)
            ]
            try:
                in_halves(insert, records)
            except MastraConvexError as error:
                tell_what_was_written(error, batch.start, len(ids))
                raise
            if progress is not None:
                progress(batch.stop, len(ids))
        return ids

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
        """Return the rows of an index most similar to a vector.

        Parameters
        ----------
        index_name : str
            The index.
        query_vector : array_like of float, shape (dimension,), optional
            Need not have unit length; not modified. Without one, the rows that match the filter are returned in
            stored order, each with score 0.
        top_k : int, default 10
            Upper bound on the number of results.
        filter : mapping, optional
            Conditions on metadata, e.g. ``{"lang": "en", "year": {"$gte": 2020}}``: Mastra's filter language. A field's
            condition is a value to equal, or the operators ``$eq``, ``$ne``, ``$gt``, ``$gte``, ``$lt``, ``$lte``,
            ``$in``, ``$nin``,
            ``$exists``, ``$contains``, ``$all``, ``$size``, ``$elemMatch``, ``$regex`` with ``$options``, ``$not``;
            ``$and``, ``$or``, ``$nor`` and ``$not`` combine filters. The quick start explains each operator.
        include_vector : bool, default False
            Whether results include their vectors.
        min_score : float, optional
            Leave out lower scores.

        Returns
        -------
        QueryResults
            min(top_k, matching rows that can rank) results by descending score, ties in stored order. Higher is
            better: the cosine in [-1, 1] up to rounding, the dot product, or for euclidean 1 / (1 + distance), all in
            float64.

        Raises
        ------
        IndexNotFoundError
            The index doesn't exist. The error lists the existing ones.
        DimensionMismatchError
            The query's length differs from the index's. The error names both.
        FilterError
            The filter is invalid. The error names the place in it.
        InvalidArgumentError
            The query has a component that isn't finite, or is zero where the metric is cosine; `top_k` isn't a positive
            integer; or neither a vector nor a filter is given.

        Notes
        -----
        A stored row of another length, with a component that isn't finite, or for cosine of zeros never ranks: it is
        left out and counted in ``stats.skipped``. Score: as ``@mastra/convex``, ``src/vector/index.ts``,
        ``cosineSimilarity``, with the same order of operations.
        """
        place = "ConvexVector.query"
        options: SearchOptions = {
            "top_k": top_k,
            "filter": filter,
            "include_vector": include_vector,
            "min_score": min_score,
        }
        index = self._named(place, index_name, strategy)
        found = self._searched(place, index, query_vector, **options)
        if found is not None:
            return found
        batch = self._rows(place, index)
        return call(batch.query, query_vector, **options)

    def _searched(
        self,
        place: str,
        index: _native.VectorIndex,
        query_vector: ArrayLike | None,
        **options: Unpack[SearchOptions],
    ) -> QueryResults | None:
        """The results, if the deployment is the one to search; None if the rows are to be scored here."""
        try:
            found = self._functions.search(
                index,
                query_vector,
                options.get("top_k", 10),
                filter=options.get("filter"),
                include_vector=options.get("include_vector", False),
                min_score=options.get("min_score"),
            )
        except ApplicationError as error:
            if isinstance(error.data, dict) and error.data.get("code") == "IndexNotFound":
                raise self._not_found(place, index.name) from None
            raise search_error(place, error) from error
        return found

    def watch(
        self, index_name: str, query_vector: ArrayLike, *, top_k: int = 10, filter: Filter | None = None
    ) -> Subscription[QueryResults]:
        """Follow the rows of an index most similar to a vector: the results now, and again when they change.

        Parameters
        ----------
        index_name : str
            The index, of as many rows as one Convex query can read: 16 MiB, some 4,000 of 384 dimensions.
        query_vector : array_like of float, shape (dimension,)
            As for `query`.
        top_k : int, default 10
            Upper bound on the number of results.
        filter : mapping, optional
            As for `query`, without ``$regex``.

        Returns
        -------
        Subscription of QueryResults
            Each state as `query` returns it, with ``stats.strategy`` ``"server"``.

        Raises
        ------
        FilterError
            The filter isn't one, or has ``$regex``.
        """
        place = "ConvexVector.watch"
        # Only the deployment knows the index's dimension.
        vector = as_vector(place, query_vector, np.size(query_vector))
        args: dict[str, Any] = {
            "indexName": as_index_name(place, index_name),
            "vector": vector,
            "topK": float(as_integer(f"{place}: top_k", top_k, 1, 2**31)),
        }
        if filter is not None:
            text = _native.filter_text(filter)
            if text is None:
                raise FilterError(
                    f"{place}: filter has $regex; a live search runs in the deployment, which has the other operators"
                )
            args["filter"] = text
        path = f"{self._storage.function.removesuffix('storage:handle')}vectors:search"
        return self._functions.watch(path, args, QueryResults.from_search)

    def query_many(
        self,
        index_name: str,
        query_vectors: ArrayLike,
        **options: Unpack[QueryOptions],
    ) -> list[QueryResults]:
        """Query with each row of a matrix, shape (queries, dimension), as `query` does. This is cheaper than single
        queries.
        """
        place = "ConvexVector.query_many"
        strategy = options.pop("strategy", None)
        rest = cast(SearchOptions, options)
        index = self._named(place, index_name, strategy)
        if index.strategy == "server":
            found = [self._searched(place, index, vector, **rest) for vector in np.asarray(query_vectors)]
            # In this process no deployment has to be asked.
            if all(results is not None for results in found):
                return cast(list[QueryResults], found)
        # Several queries pay for the rows.
        batch = self._rows(place, index)
        return call(batch.query_many, query_vectors, **rest)

    def list_indexes(self) -> list[str]:
        """Return the names of the indexes, oldest first."""
        return [row["id"] for row in self._storage.rows(INDEXES)]

    def get(
        self, index_name: str, ids: Sequence[str], *, include_vector: bool = False
    ) -> list[QueryResult | None]:
        """Return the rows with some ids, in the order of the ids; None where there is none. Their score is 0."""
        place = "ConvexVector.get"
        index = self._index(place, index_name)
        wanted = given_ids(place, ids)
        rows = {row["id"]: row for row in self._storage.load_many(index.table, list(dict.fromkeys(wanted)))}
        vector = "embedding" if include_vector else None
        return [
            as_result(rows[id], id="id", metadata="metadata", vector=vector) if id in rows else None for id in wanted
        ]

    def iter(
        self, index_name: str, filter: Filter | None = None, *, include_vector: bool = False
    ) -> Iterator[QueryResult]:
        """Iterate over the rows that match a filter, in stored order, by a stable cursor. Their score is 0.

        A row that is there from beginning to end comes once, whatever is written meanwhile.
        """
        index = self._index("ConvexVector.iter", index_name)
        for page in self._storage.pages(index.table, page_size=None, op="queryVectors"):
            results = [
                QueryResult(row["id"], 0.0, row.get("metadata") or {}, from_bytes(row) if include_vector else None)
                for row in page
            ]
            for result in call(matching, results, filter):
                yield result

    def count(self, index_name: str, filter: Filter | None = None) -> int:
        """Return how many rows match a filter; without one, how many the index has."""
        place = "ConvexVector.count"
        if filter is None:
            return (self._stats(place, index_name)).count
        found = self._listed(place, index_name, filter, MOST_LISTED)
        if found is not None and len(found) < MOST_LISTED:
            return len(found)
        rows = self._rows(place, self._named(place, index_name))
        return len(call(rows.matching_ids, filter))

    def describe_index(self, index_name: str) -> IndexStats:
        """Return an index's dimension, metric and number of rows."""
        return self._stats("ConvexVector.describe_index", index_name)

    def update_vector(
        self, index_name: str, id: str, *, vector: ArrayLike | None = None, metadata: Metadata | None = None
    ) -> None:
        """Replace a row's vector, merge into its metadata key by key, or both.

        Raises
        ------
        NotFoundError
            The index has no row with this id.
        """
        place = "ConvexVector.update_vector"
        index = self._index(place, index_name)
        [id] = given_ids(place, [id])
        fields: dict[str, Any] = {}
        if vector is not None:
            fields["embedding"] = as_vector(place, vector, index.dimension)
        if metadata is not None:
            fields["metadata"] = _merged(place, metadata, index.dimension)
        if not fields:
            raise InvalidArgumentError(f"{place}: neither a vector nor metadata is given; expected one of them")
        if not self._storage.call("updateVectors", index.table, place=place, ids=[id], **fields):
            raise row_not_found(place, index_name, id)

    def update_vectors(self, index_name: str, filter: Filter, *, metadata: Metadata) -> None:
        """Merge metadata, key by key, into the rows that match a filter.

        This is one transaction if Convex's limits allow it, else several. The transaction that updates a row checks
        that its metadata matches. An empty filter is an error.
        """
        place = "ConvexVector.update_vectors"
        index = self._index(place, index_name)
        merged = _merged(place, metadata, index.dimension)

        self._change_matching(place, index, filter, "updateSeen", metadata=merged)

    def delete_vector(self, index_name: str, id: str) -> None:
        """Delete a row. Does nothing if the id is unknown."""
        self.delete_vectors(index_name, ids=[id])

    def delete_vectors(
        self, index_name: str, *, ids: Sequence[str] | None = None, filter: Filter | None = None
    ) -> None:
        """Delete rows by their ids, or the rows that match a filter. Unknown ids are ignored.

        This is one transaction if Convex's limits allow it, else several. The transaction that deletes a row by a
        filter checks that its metadata matches. Empty ids and an empty filter are errors.
        """
        place = "ConvexVector.delete_vectors"
        if (ids is None) == (filter is None):
            problem = (
                "ids and filter are mutually exclusive" if ids is not None else "either filter or ids must be provided"
            )
            raise InvalidArgumentError(f"{place}: {problem}")
        index = self._index(place, index_name)
        if filter is None:
            given = given_ids(place, ids or ())
            if not given:
                raise InvalidArgumentError(f"{place}: cannot delete with empty ids")
            self._delete(index, given)
            return

        self._change_matching(place, index, filter, "deleteSeen")

    def truncate_index(self, index_name: str) -> None:
        """Delete all rows of an index."""
        place = "ConvexVector.truncate_index"
        index = self._index(place, index_name)

        def truncate() -> None:
            self._storage.repeat("clearTable", index.table)

        self._clear(place, index, truncate)

    def delete_index(self, index_name: str) -> None:
        """Delete an index: first its rows, then its description. Later writes to it are refused."""
        place = "ConvexVector.delete_index"
        index = self._index(place, index_name)

        def delete() -> None:
            self._storage.repeat("deleteVectorIndex", INDEXES, id=index.name)

        self._clear(place, index, delete)

    def _clear(self, place: str, index: _Index, clear: Callable[[], None]) -> None:
        try:
            clear()
        except LimitExceededError:
            # Rows too large for npm's functions, which read 25 at a time.
            rows = self._rows(place, self._named(place, index.name))
            self._delete(index, call(rows.matching_ids, {}))
            clear()

    def _delete(self, index: _Index, ids: list[str]) -> None:
        def delete(ids: list[str]) -> None:
            self._storage.call("deleteMany", index.table, ids=ids)

        for some in _calls(index, ids):
            in_halves(delete, some)

    def _change_matching(self, place: str, index: _Index, filter: Filter, op: str, **fields: object) -> None:
        def matching() -> SeenRows:
            return self._matching(place, index, filter)

        change = ChangeByFilter(self._storage, place, index.table, index.dimension, filter)
        change.make(op, matching, **fields)

    def _matching(self, place: str, index: _Index, filter: Filter) -> SeenRows:
        """The rows that match a filter, as they are now."""
        hits = self._listed(place, index.name, filter, MOST_LISTED)
        if hits is None or len(hits) == MOST_LISTED:
            rows = self._rows(place, self._named(place, index.name))
            hits = call(rows.query, None, max(len(rows), 1), filter=filter)
        return [{"id": hit.id, "metadata": hit.metadata} for hit in hits]

    def _stats(self, place: str, index_name: str) -> IndexStats:
        """An index's dimension, metric and number of rows."""
        found = self._listed(place, index_name, {}, 1)
        if found is None:
            rows = self._rows(place, self._named(place, index_name))
            return IndexStats(dimension=rows.dimension, count=len(rows), metric=rows.metric)
        index = self._index(place, index_name)
        return IndexStats(dimension=index.dimension, count=found.stats.rows, metric=index.metric)

    def _listed(self, place: str, index_name: str, filter: Filter, most: int) -> QueryResults | None:
        """At most so many rows that match a filter, without their vectors, as the deployment finds them. None if the
        rows are to be read here: they are here already, or the deployment can't find or return them.
        """
        if _native.filter_text(filter) is None:
            return None
        try:
            return self._searched(place, self._named(place, index_name), None, top_k=most, filter=filter)
        except (FunctionNotFoundError, LimitExceededError):
            return None

    def _rows(self, place: str, index: _native.VectorIndex) -> _native.VectorBatch:
        """The rows of an index as they are now, ready to score."""
        rows = self._functions.vectors(index)
        if rows is None:
            raise self._not_found(place, index.name)
        return rows

    def _index(self, place: str, index_name: str) -> _Index:
        """The description that `create_index` stored."""
        described = self._functions.describe(self._named(place, index_name))
        if described is None:
            raise self._not_found(place, index_name)
        dimension, metric = described
        return _Index(plain(index_name), dimension, cast(Metric, metric))

    def _named(self, place: str, index_name: str, strategy: Strategy | None = None) -> _native.VectorIndex:
        chosen = self._strategy if strategy is None else as_strategy(place, strategy)
        return _native.VectorIndex(
            self._functions.path(self._storage.function),
            as_index_name(place, index_name),
            max_staleness=self._max_staleness,
            strategy=chosen,
        )

    def _not_found(self, place: str, index_name: str) -> IndexNotFoundError:
        makes_it = f"create_index({index_name!r}, dimension=…) makes it."
        return index_not_found(place, index_name, self.list_indexes(), makes_it)


def as_strategy(place: str, strategy: Any) -> Strategy:
    """A strategy by its name."""
    if strategy not in ("auto", "server", "mirror", "pages"):
        raise InvalidArgumentError(f"{place}: strategy {strategy!r}; expected 'auto', 'server', 'mirror' or 'pages'")
    chosen: Strategy = strategy
    return chosen


def search_error(place: str, error: ApplicationError) -> MastraConvexError:
    """The error of a search that the deployment refused, as of one here."""
    data = error.data if isinstance(error.data, dict) else {}
    kind = SEARCH_ERRORS.get(data.get("code", ""))
    if kind is None:
        return error
    return kind(f"{place}: {data.get('message')}", details=data.get("details") or {})


def _merged(place: str, metadata: Metadata, dimension: int) -> dict[str, Any]:
    """Metadata to merge, after checking that Convex can hold it."""
    rows = stored_metadata(place, [metadata], 1)
    row_sizes(place, [""], rows, dimension)
    return rows[0]


def _calls(index: _Index, ids: list[str]) -> list[list[str]]:
    """Ids in as few calls as Convex's limits allow for reading and writing their rows."""
    # Convex counts 9 bytes per number; 4 KiB are for the rest of a row.
    most = max(1, CALL_BYTES // (9 * index.dimension + 4096))
    return [ids[begin : begin + most] for begin in range(0, len(ids), most)]
