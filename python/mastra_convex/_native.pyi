"""The Rust core: the scan, and a Convex deployment in this process."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, SupportsIndex, TypeAlias, TypeVar, final, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mastra_convex._credentials import Authorization
from mastra_convex._frames import ArrowTable, PandasFrame, PolarsFrame, Series
from mastra_convex.types import Metric

__all__ = [
    "SQLITE_VERSION",
    "EmbeddedDeployment",
    "Footprint",
    "HttpDeployment",
    "HttpServer",
    "PendingCall",
    "QueryResult",
    "QueryResults",
    "QueryStats",
    "SnapshotSummary",
    "Subscription",
    "VectorBatch",
    "VectorIndex",
    "Work",
    "__version__",
    "admin_key",
    "after_fork_in_child",
    "after_fork_in_parent",
    "before_fork",
    "builtin_files",
    "filter_text",
    "first_not_finite",
    "matches_everything",
    "read_snapshot",
    "row_sizes",
]

__version__: str
SQLITE_VERSION: str

_FunctionKind: TypeAlias = Literal["query", "mutation", "action"]

_T = TypeVar("_T")

# Takes a phase, the amount done and the total. An exception ends the work.
_SnapshotProgress: TypeAlias = Callable[[str, int, int], object]
_ImportMode: TypeAlias = Literal["requireEmpty", "replace", "replaceAll"]

@final
class QueryResult:
    """One hit of a query. It can be pickled."""

    def __new__(
        cls, id: str, score: float, metadata: dict[str, Any], vector: ArrayLike | None = None
    ) -> QueryResult: ...
    @property
    def id(self) -> str:
        """The row's id."""
    @property
    def score(self) -> float:
        """The similarity; higher is better. 0 if the query had no vector."""
    @property
    def metadata(self) -> dict[str, Any]:
        """The row's metadata, empty if it has none."""
    @property
    def vector(self) -> NDArray[np.float32] | NDArray[np.float64] | None:
        """The row's vector, shape (dimension,), a copy; None unless asked for by ``include_vector``.

        float32 if that holds every number bit for bit, else float64.
        """
    def to_dict(self) -> dict[str, Any]:
        """Id, score and metadata as a dict, for JSON; with the vector as a list where it was asked for."""
    def __eq__(self, other: object, /) -> bool: ...

@final
class QueryStats:
    """Statistics of a query."""

    @property
    def strategy(self) -> str:
        """How the rows were read: "embedded" (in this process), "mirror" (rows kept here, brought up to date),
        "pages" (all rows read over the network), "native" (Convex's index), or "batch" (a `VectorBatch`).
        """
    @property
    def rows(self) -> int:
        """Rows of the index; for "native" those returned."""
    @property
    def skipped(self) -> int:
        """Rows left out because they can't rank: of another length, not finite, or for cosine zero."""
    @property
    def bytes_received(self) -> int:
        """Bytes that came over a network."""
    @property
    def seconds(self) -> dict[str, float]:
        """Time by phase: "transfer", "filter", "scan"."""

@final
class QueryResults(Sequence[QueryResult]):
    """Hits by descending score, ties in stored order: a sequence that makes its items when they are accessed. A slice
    is one too. Pickling and deep copying give a list of the hits.
    """

    @staticmethod
    def from_hits(
        *,
        ids: Sequence[str],
        scores: Sequence[float],
        metadata: Sequence[Mapping[str, Any]],
        vectors: Sequence[ArrayLike] | None,
    ) -> QueryResults:
        """Hits of a native search, best first."""
    @staticmethod
    def from_search(found: Any) -> QueryResults:
        """A result of the functions' search."""
    @property
    def stats(self) -> QueryStats:
        """Statistics of the query."""
    def count(self, value: QueryResult) -> int:
        """The number of equal results."""
    def index(self, value: QueryResult, start: int = 0, stop: int = ...) -> int:
        """The position of the first equal result, from `start` on and before `stop`. Negative bounds count from the
        end.
        """
    @property
    def ids(self) -> list[str]:
        """The ids of the hits."""
    @property
    def scores(self) -> NDArray[np.float64]:
        """The scores of the hits, shape (n,), a copy."""
    # Written in Python; `mastra_convex.types` adds them.
    def to_arrow(self) -> ArrowTable:
        """An Arrow table of ``id``, ``score``, ``metadata`` as JSON text, and ``vector`` where it was asked for. Needs
        ``pyarrow``.
        """
    def to_pandas(self) -> PandasFrame:
        """A data frame of the same columns, with metadata as dicts. Needs ``pandas``."""
    def to_polars(self) -> PolarsFrame:
        """A data frame of the same columns, with metadata as JSON text. Needs ``polars``."""
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Arrow's PyCapsule interface. Needs ``pyarrow``."""
    def _series(self) -> list[Series]: ...
    def _repr_html_(self) -> str:
        """A table for notebooks."""
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[QueryResult]: ...
    @overload
    def __getitem__(self, index: SupportsIndex, /) -> QueryResult: ...
    @overload
    def __getitem__(self, index: slice, /) -> QueryResults: ...
    def __eq__(self, other: object, /) -> bool: ...

@final
class VectorBatch:
    """The kernel itself: rows to score, in memory.

    Scores equal the float64 reference bit for bit on every CPU: products and squares are summed in order. Higher is
    better; ties come in row order. Rows with a component that isn't finite, or for cosine of zeros, never rank.

    A batch of 2,048 rows or more learns from being asked. Once queries went over 8 million rows, it finds the
    directions along which its rows lie, which takes as long as some dozen queries. Each further call prepares some
    rows. From then on queries take from a seventh to two thirds of the time, and rows 80 bytes more. The answers are
    the same. Rows that lie along no few directions, such as random numbers, gain nothing.

    Parameters
    ----------
    vectors : array_like of float, shape (n, dimension)
        A C-contiguous float32 or float64 array is borrowed, not copied: don't write to it while the batch is in use.
        float16 is widened to float32, integers and lists to float64.
    ids : sequence of str, length n, optional
        By default the row numbers as text.
    metadata : sequence of dict or None, length n, optional
        The metadata that filters compare.
    metric : {"cosine", "dotproduct", "euclidean"}, default "cosine"
        The cosine, the dot product, or 1 / (1 + distance).

    Raises
    ------
    InvalidArgumentError
        Lengths differ, an id isn't text, Convex can't hold the metadata, or the metric is unknown.
    """

    def __new__(
        cls,
        vectors: ArrayLike,
        *,
        ids: Sequence[str] | None = None,
        metadata: Sequence[Mapping[str, Any] | None] | None = None,
        metric: Metric = "cosine",
    ) -> VectorBatch: ...
    @classmethod
    def from_pages(cls, pages: Sequence[bytes], *, metric: Metric = "cosine") -> VectorBatch:
        """Make a batch of replies of the storage function's paged ``queryTable``, as they came over the wire. The first
        row's length is the dimension. A row of another length, or one that isn't a list of numbers, never ranks.

        Raises
        ------
        ProtocolError
            A page isn't JSON of that shape. The error names the page and the byte.
        FunctionError
            A page is the reply of a function that failed.
        """
    @property
    def dimension(self) -> int:
        """Length of a vector."""
    @property
    def metric(self) -> Metric:
        """The meaning of a score."""
    def __len__(self) -> int: ...
    def top_k(
        self,
        query_vector: ArrayLike,
        top_k: int | None = None,
        *,
        filter: Mapping[str, Any] | None = None,
        mask: ArrayLike | None = None,
        min_score: float | None = None,
        threads: int | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the best rows for a vector.

        Parameters
        ----------
        query_vector : array_like of float, shape (dimension,)
            Need not have unit length; not modified.
        top_k : int, default 10
            Upper bound on the number of rows.
        filter : mapping, optional
            Conditions on metadata: Mastra's filter language.
        mask : array_like of bool, shape (n,), optional
            Rows that may be among the results.
        min_score : float, optional
            Leave out lower scores.
        threads : int, default 1
            The number of threads that may work on the search. Small searches use fewer.

        Returns
        -------
        rows : ndarray of int64
            Row numbers by descending score, ties in row order; min(top_k, matching rows that can rank) of them.
        scores : ndarray of float64
            Their scores.

        Raises
        ------
        DimensionMismatchError
            The query's length differs from the rows'.
        InvalidArgumentError
            The query isn't finite, or for cosine is zero; `top_k` isn't a positive integer; or the mask has another
            length.
        FilterError
            The filter is invalid.
        """
    def top_k_many(
        self,
        query_vectors: ArrayLike,
        top_k: int | None = None,
        *,
        filter: Mapping[str, Any] | None = None,
        mask: ArrayLike | None = None,
        min_score: float | None = None,
        threads: int | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Search with each row of a matrix, shape (queries, dimension), as `top_k` does. The results have a leading
        axis for queries. If a query has fewer results, its rows end in -1 and its scores in NaN.
        """
    def query(
        self,
        query_vector: ArrayLike | None = None,
        top_k: int | None = None,
        *,
        filter: Mapping[str, Any] | None = None,
        mask: ArrayLike | None = None,
        include_vector: bool = False,
        min_score: float | None = None,
        threads: int | None = None,
    ) -> QueryResults:
        """Search as `top_k` does, and return ids and metadata. Without a vector, return the rows that match the filter,
        with score 0.
        """
    def query_many(
        self,
        query_vectors: ArrayLike,
        top_k: int | None = None,
        *,
        filter: Mapping[str, Any] | None = None,
        mask: ArrayLike | None = None,
        include_vector: bool = False,
        min_score: float | None = None,
        threads: int | None = None,
    ) -> list[QueryResults]:
        """Search with each row of a matrix, shape (queries, dimension), as `query` does."""
    def matching_ids(self, filter: Mapping[str, Any]) -> list[str]:
        """Return the ids of the rows that match a filter, in row order."""

@final
class VectorIndex:
    """A vector index of a storage function. `max_staleness` is the allowed age of rows in seconds, if the functions
    can't report changes.
    """

    def __new__(cls, storage_function: str, name: str, *, max_staleness: float, strategy: str) -> VectorIndex: ...
    @property
    def name(self) -> str: ...
    @property
    def strategy(self) -> str: ...

@final
class Footprint:
    """The reads and writes of a mutation that isn't committed, for tests."""

    @property
    def value(self) -> Any:
        """The mutation's return value."""
    def conflicts_with(self, other: Footprint) -> bool:
        """Whether one of the two mutations read what the other one wrote.

        On Convex the one that commits later runs again if both began at the snapshot at which the footprints were
        taken.
        """

@final
class EmbeddedDeployment:
    """A handle on a deployment in this process."""

    def __new__(
        cls,
        folder: str | os.PathLike[str] | None,
        *,
        functions: str | os.PathLike[str] | None,
        limits: str,
        synchronous: str,
        auth_config: str | os.PathLike[str] | None = None,
        auth_token: Callable[[], str] | None = None,
        lacks: Sequence[str] = ...,
    ) -> EmbeddedDeployment: ...
    def as_administrator(self) -> EmbeddedDeployment:
        """A handle for this package's functions: the owner calls as the administrator, a user as the same user."""
    def call(self, kind: _FunctionKind, path: str, args: Mapping[str, Any]) -> Any:
        """Call a function."""
    def read(self, kind: _FunctionKind, path: str, args: Mapping[str, Any]) -> Any:
        """Call a function that only reads: if its answer gets lost, it is called again."""
    def footprint(self, path: str, args: Mapping[str, Any]) -> Footprint:
        """The reads and writes of a mutation if it ran now, for tests. It isn't committed."""
    def subscribe(self, path: str, args: Mapping[str, Any]) -> Subscription:
        """Follow a query."""
    def describe(self, index: VectorIndex) -> tuple[int, str] | None:
        """The dimension and metric of a vector index; None if there is no such index."""
    def search(
        self,
        index: VectorIndex,
        query_vector: ArrayLike | None,
        top_k: int,
        *,
        filter: Mapping[str, Any] | None,
        include_vector: bool,
        min_score: float | None,
    ) -> QueryResults | None:
        """The results of a search of the deployment; None if the rows are to be scored here."""
    def vectors(self, index: VectorIndex) -> VectorBatch | None:
        """The rows of a vector index after the last commit; None if there is no such index."""
    def export_snapshot(self, path: str | os.PathLike[str], *, progress: _SnapshotProgress) -> SnapshotSummary:
        """Write the tables, as of the last commit, to a file. When this returns, the file is on the disk."""
    def import_snapshot(
        self, path: str | os.PathLike[str], *, mode: _ImportMode, progress: _SnapshotProgress
    ) -> SnapshotSummary:
        """Import the tables of a snapshot in one transaction, and verify them before the commit."""
    def declare_vector_table(self, table: str, options: Mapping[str, Any]) -> None: ...
    def reload(self) -> None:
        """Load the functions from their folder again. If that fails, the old ones stay."""
    def close(self) -> None: ...

@final
class HttpDeployment:
    """A deployment that is reached over HTTP."""

    def __new__(
        cls,
        url: str,
        *,
        authorization: Authorization | None,
        timeout: float,
        retries: int,
        headers: list[tuple[str, str]],
        ca_file: str | os.PathLike[str] | None,
        mirror_bytes: int,
        component: str | None,
    ) -> HttpDeployment: ...
    def as_administrator(self) -> HttpDeployment:
        """A handle for this package's functions: the owner calls as the administrator, a user as the same user."""
    def call(self, kind: _FunctionKind, path: str, args: Mapping[str, Any]) -> Any:
        """Call a function."""
    def read(self, kind: _FunctionKind, path: str, args: Mapping[str, Any]) -> Any:
        """Call a function that only reads: if its answer gets lost, it is called again."""
    def begin(self, kind: _FunctionKind, path: str, args: Mapping[str, Any], reads: bool) -> PendingCall:
        """Call a function, or where `reads` one that only reads, without waiting for its answer."""
    def subscribe(self, path: str, args: Mapping[str, Any]) -> Subscription:
        """Follow a query."""
    def describe(self, index: VectorIndex) -> tuple[int, str] | None:
        """The dimension and metric of a vector index; None if there is no such index."""
    def search(
        self,
        index: VectorIndex,
        query_vector: ArrayLike | None,
        top_k: int,
        *,
        filter: Mapping[str, Any] | None,
        include_vector: bool,
        min_score: float | None,
    ) -> QueryResults | None:
        """The results of a search of the deployment; None if the rows are to be scored here."""
    def vectors(self, index: VectorIndex) -> VectorBatch | None:
        """The rows of a vector index after the last commit; None if there is no such index."""
    def export_snapshot(self, path: str | os.PathLike[str], *, progress: _SnapshotProgress) -> None:
        """Have the deployment write a snapshot, and download it to a file. When this returns, the file is on the
        disk.
        """
    def import_snapshot(self, path: str | os.PathLike[str], *, mode: _ImportMode, progress: _SnapshotProgress) -> int:
        """Upload a snapshot and have the deployment import it. Return the number of documents written."""
    def close(self) -> None: ...

@final
class PendingCall:
    """A call over HTTP under way."""

    def when_ready(self, callback: Callable[[], object]) -> None:
        """Have a function called, from a thread of its own, once there is an answer."""
    def forget(self, callback: Callable[[], object]) -> None:
        """Don't call it, if that hasn't happened yet."""
    def take(self) -> Any:
        """The function's return value, once there is an answer. Raises the error of a failed call."""
    def cancel(self) -> None:
        """Wait for no answer. The function may be executed all the same."""

@final
class Work:
    """Work on a thread, which can be cancelled from another."""

    def __new__(cls) -> Work: ...
    def run(self, function: Callable[[], _T]) -> _T:
        """Do it on this thread."""
    def cancel(self) -> None:
        """Have the core end it soon; an error is raised there."""

@final
class Subscription:
    """A live query. When dropped, it leaves nothing behind."""

    def wait(self, timeout: float | None) -> bool:
        """Wait until there may be a state to take, or the subscription is closed. False if that takes longer. Signal
        handlers, such as Ctrl-C's, run meanwhile.
        """
    def when_ready(self, callback: Callable[[], object]) -> None:
        """Call a function, on a separate thread, once `wait` would return True."""
    def forget(self, callback: Callable[[], object]) -> None:
        """Cancel a call that hasn't happened yet."""
    def refresh(self) -> None:
        """Run the query if a commit touched data that it read."""
    def take(self) -> tuple[Any] | None:
        """The newest state, in a tuple; None if it was taken. Raises the query's error if it failed. Never waits."""
    @property
    def is_closed(self) -> bool:
        """Whether the subscription has ended."""
    def close(self) -> None:
        """End the subscription, and every wait in it."""

@final
class HttpServer:
    """Convex's HTTP API in front of an embedded deployment. It runs on its own threads until it is stopped.

    `admin_key` is where the key is given, for errors, and the key.
    """

    def __new__(
        cls,
        deployment: EmbeddedDeployment,
        *,
        host: str,
        port: int,
        folder: str | os.PathLike[str] | None,
        log: Callable[[int, str, dict[str, str | float]], object] | None = None,
        log_level: int = 0,
        admin_key: tuple[str, str] | None = None,
        allowed_hosts: Sequence[str] = ...,
        allowed_origins: Sequence[str] = ...,
        open_metrics: bool = False,
    ) -> HttpServer: ...
    @property
    def url(self) -> str:
        """The URL that the server listens at."""
    @property
    def admin_key(self) -> str:
        """The key that reaches internal functions: the given one, the folder's, or a new one."""
    def stop(self) -> None:
        """Stop accepting connections, wait for requests under way, and return."""

@final
class SnapshotSummary:
    """The content of a snapshot."""

    @property
    def tables(self) -> dict[str, tuple[int, str]]:
        """By the table's name: the number of documents, and their hash in hexadecimal digits, which doesn't depend on
        their order.
        """
    @property
    def left_out(self) -> list[str]:
        """The parts that an embedded deployment can't hold: components and stored files."""

def read_snapshot(path: str | os.PathLike[str], *, progress: _SnapshotProgress) -> SnapshotSummary:
    """Read every document of a snapshot's file, and summarise it."""

def admin_key(folder: str | os.PathLike[str], *, rotate: bool) -> str:
    """Return the admin key of a data folder, created if there is none. With `rotate`, replace it with a new one."""

def before_fork() -> None:
    """Keep other threads from opening or closing a folder while the process forks."""

def after_fork_in_parent() -> None:
    """Let the other threads continue."""

def after_fork_in_child() -> None:
    """Release everything that belongs to the parent."""

def builtin_files() -> dict[str, str]:
    """The package's ``convex/`` folder: the text of each file by its path, e.g. "schema.ts"."""

def filter_text(filter: Mapping[str, Any]) -> str | None:
    """A filter as JSON text, as the functions that search take it; None where it has a regular expression."""

def first_not_finite(matrix: NDArray[Any]) -> tuple[int, int] | None:
    """The row and the column of the first number of a C-contiguous float32 or float64 matrix that isn't finite."""

def matches_everything(filter: Mapping[str, Any]) -> bool:
    """Whether a filter matches every possible row, or every row whose metadata has no empty object."""

def row_sizes(ids: Sequence[str], metadata: Sequence[Mapping[str, Any]], dimension: int, place: str) -> list[int]:
    """The sizes of rows as documents, in bytes as Convex counts them. Raises an error if Convex can't hold a row."""
