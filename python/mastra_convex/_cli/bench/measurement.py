"""The measurement: writes rows to a deployment, queries them in every way in turn, and compares every answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal

import numpy as np

from mastra_convex import _native
from mastra_convex._cli import terminal
from mastra_convex._cli.bench.comparison import TOP_K, Latency, Measured, Size
from mastra_convex._cli.bench.network import Network, Relay, relay
from mastra_convex._cli.bench.ways import EMBEDDED, MIRROR, NATIVE, NATIVE_CLASS, SCAN_CLASS, SERVER, Way
from mastra_convex._cli.docstrings import Docstrings
from mastra_convex._connect import connect
from mastra_convex._sync.deployment import ConnectOptions, Deployment
from mastra_convex._sync.mastra_vector import MastraVector, Progress, VectorIndex
from mastra_convex._sync.native_vector import ConvexNativeVector
from mastra_convex._sync.vector import ConvexVector
from mastra_convex.errors import FunctionNotFoundError, MastraConvexError
from mastra_convex.types import NativeIndex, QueryResults

INDEX_NAME = "mastra_convex_bench"
TABLE_NAME = "mastra_convex_bench_vectors"
# If a query takes long, fewer are made, but as many as a quantile needs.
FIRST_QUERIES, REPEATED_QUERIES_AT_LEAST = 5, 5
SECONDS_A_SIZE = 15
# Rows in an order that mixes the modules, so that a part of them is like the whole.
SEED = 20


@dataclass(frozen=True)
class Stage:
    """The deployment to write to, and how each new client reaches it; `between` counts the clients' bytes."""

    db: Deployment
    connect: Callable[[], Deployment]
    between: Relay | None

    @property
    def kind(self) -> Literal["embedded", "http"]:
        """Where the functions run for the clients."""
        return "http" if self.between else self.db.kind


@contextmanager
def stage(target: str | None, network: Network | None) -> Iterator[Stage]:
    """A user's deployment, or one in memory that is served here, behind a simulated network if one is given."""
    with connect(target or ":memory:") as db, ExitStack() as stack:
        options: ConnectOptions = {}
        url = target
        if target is None:
            engine = db._open()
            assert isinstance(engine, _native.EmbeddedDeployment), "in memory"
            server = _native.HttpServer(engine, host="127.0.0.1", port=0, folder=None)
            stack.callback(server.stop)
            url, options = server.url, {"admin_key": server.admin_key}
        assert url is not None, "the target or the server's"
        between = None
        if url.startswith("http://"):
            between = stack.enter_context(relay(url, network or Network(0.0, None)))
            url = between.url
        yield Stage(db, lambda: connect(url, **options), between)


@contextmanager
def indexes_of_ours(db: Deployment, dimension: int, rows: int) -> Iterator[tuple[VectorIndex, VectorIndex]]:
    """An index of each class under names of our own. They are deleted in the end, even after an interruption."""
    native = VectorIndex(ConvexNativeVector(db, indexes=_places(dimension)), INDEX_NAME)
    # This deletes nothing. If the schema lacks the table, the error comes here, before anything is written.
    native.delete_vector("none")
    if db.url == ":memory:":
        yield ConvexVector(db).index(INDEX_NAME, dimension), native
        return
    terminal.err.print(
        f"Writing {rows:,} rows to {db.url}: into the index {INDEX_NAME} of {SCAN_CLASS}, and into the table "
        f"{TABLE_NAME} of {NATIVE_CLASS}. The run empties both first and deletes both at the end, "
        "even if you interrupt it.",
        soft_wrap=True,
    )
    scan = ConvexVector(db).index(INDEX_NAME, dimension)
    try:
        native.truncate_index()
        scan.truncate_index()
        yield scan, native
    finally:
        terminal.err.print(f"Deleting what was written to {db.url}.", soft_wrap=True)
        try:
            scan.delete_index()
            native.truncate_index()
        except (KeyboardInterrupt, MastraConvexError):
            terminal.err.print("Some of it may remain. The next run deletes it.", soft_wrap=True)
            raise


def _places(dimension: int) -> dict[str, NativeIndex]:
    return {INDEX_NAME: NativeIndex(TABLE_NAME, dimension)}


class Rows:
    """The docstrings in an order that mixes their modules, so that the first few are like the whole."""

    def __init__(self, docstrings: Docstrings) -> None:
        self.order = np.random.default_rng(SEED).permutation(len(docstrings.rows))
        self.ids = [docstrings.ids[row] for row in self.order]
        self.metadata = [docstrings.rows[row] for row in self.order]
        self.dimension = docstrings.dimension
        self.embeddings = docstrings.embeddings[self.order]
        self.questions = [question.vector for question in docstrings.questions if question.filter is None]
        self._scores = [docstrings.scores(vector)[self.order] for vector in self.questions]

    def write(self, indexes: Sequence[VectorIndex], begin: int, end: int, progress: Progress) -> None:
        """Add some rows to each index."""
        part, count = slice(begin, end), end - begin
        for position, index in enumerate(indexes):
            before = position * count

            def tell(done: int, _: int, before: int = before) -> None:
                progress(before + done, len(indexes) * count)

            index.upsert(self.embeddings[part], ids=self.ids[part], metadata=self.metadata[part], progress=tell)

    def exact(self, question: int, size: int) -> tuple[dict[str, float], list[tuple[str, float]]]:
        """The scores of the first rows, and the best of them in order, ties as stored."""
        scores = self._scores[question][:size]
        best = np.argsort(-scores, kind="stable")[:TOP_K]
        every = dict(zip(self.ids, scores.tolist(), strict=False))
        return every, [(self.ids[row], float(scores[row])) for row in best]


@dataclass
class _Asked:
    """The measurements of one kind of query in one way."""

    took_ms: list[float] = field(default_factory=list)
    bytes_moved: list[int | None] = field(default_factory=list)
    seconds: Counter[str] = field(default_factory=Counter)
    strategy: str = ""
    found: int = 0
    wanted: int = 0

    def mean_bytes(self) -> float | None:
        """Bytes per query; None if they weren't counted."""
        known = [moved for moved in self.bytes_moved if moved is not None]
        return sum(known) / len(known) if known else None


def ways_of(stage: Stage, dimension: int) -> tuple[Way, ...]:
    """The ways to search that the deployment has: those of `ConvexVector`, then the native one."""
    if stage.kind == "embedded":
        return EMBEDDED, NATIVE
    with stage.connect() as db:
        try:
            _client(SERVER, db, dimension).query(INDEX_NAME, np.ones(dimension))
        except FunctionNotFoundError:
            # Functions without a search, such as npm's.
            return MIRROR, NATIVE
    return SERVER, MIRROR, NATIVE


def measure(stage: Stage, ways: Sequence[Way], rows: Rows, size: int, queries: int, progress: Progress) -> Size:
    """Ask in every way in turn, over the first rows: new clients, then the same ones again and again.

    `progress` gets the number of rounds done, and of all rounds.
    """
    first, repeated = ({way.name: _Asked() for way in ways} for _ in range(2))
    for number in range(FIRST_QUERIES):
        for way in ways:
            with stage.connect() as db:
                _ask(_client(way, db, rows.dimension), rows, number, size, stage, first[way.name])
        progress(number + 1, FIRST_QUERIES + queries)
    with stage.connect() as db:
        clients = {way.name: _client(way, db, rows.dimension) for way in ways}
        for client in clients.values():
            _ask(client, rows, 0, size, stage, _Asked())  # This first query differs from those after it.
        began = perf_counter()
        for number in range(queries):
            for name, client in clients.items():
                _ask(client, rows, number, size, stage, repeated[name])
            progress(FIRST_QUERIES + number + 1, FIRST_QUERIES + queries)
            if number + 1 >= REPEATED_QUERIES_AT_LEAST and perf_counter() - began > SECONDS_A_SIZE:
                break
    return Size(size, {way.name: _measured(first[way.name], repeated[way.name]) for way in ways})


def _client(way: Way, db: Deployment, dimension: int) -> MastraVector:
    if way.strategy is None:
        return ConvexNativeVector(db, indexes=_places(dimension))
    return ConvexVector(db, strategy=way.strategy)


def _ask(client: MastraVector, rows: Rows, number: int, size: int, stage: Stage, asked: _Asked) -> None:
    """One query, timed until its ids and scores are there, then compared with the exact answer."""
    question = number % len(rows.questions)
    before = stage.between.bytes_carried if stage.between else 0
    began = perf_counter()
    results = client.query(INDEX_NAME, rows.questions[question], top_k=TOP_K)
    hits = [(hit.id, hit.score) for hit in results]
    took = perf_counter() - began
    asked.took_ms.append(took * 1000)
    asked.bytes_moved.append(_bytes_moved(results, stage, before))
    asked.strategy = results.stats.strategy
    phases = {phase: seconds for phase, seconds in results.stats.seconds.items() if seconds}
    asked.seconds.update(phases | {"other": took - sum(phases.values())})
    scores, best = rows.exact(question, size)
    if isinstance(client, ConvexVector) and hits != best:
        raise MastraConvexError(
            f"bench: ConvexVector's answer over {size} rows differs from the exact one",
            hint=(
                f"If another program writes to the index {INDEX_NAME!r}, stop it and try again. If not, "
                "please report this."
            ),
        )
    asked.wanted += len(best)
    asked.found += found([id for id, _ in hits], scores, best[-1][1])


def found(ids: Sequence[str], scores: Mapping[str, float], last: float) -> int:
    """The number of ids in the exact answer, whose last score is given. Any id with an equal score counts."""
    return sum(scores.get(id, -np.inf) >= last for id in set(ids))


def _bytes_moved(results: QueryResults, stage: Stage, before: int) -> int | None:
    if stage.between:
        return stage.between.bytes_carried - before
    # Over TLS, ConvexVector reports the bytes it received. Nothing reports those of ConvexNativeVector.
    return results.stats.bytes_received if stage.db.kind == "embedded" or results.stats.bytes_received else None


def _measured(first: _Asked, repeated: _Asked) -> Measured:
    return Measured(
        first=Latency.of(first.took_ms),
        repeated=Latency.of(repeated.took_ms),
        first_bytes=first.mean_bytes(),
        repeated_bytes=repeated.mean_bytes(),
        seconds={phase: seconds / len(repeated.took_ms) for phase, seconds in repeated.seconds.items()},
        strategy=repeated.strategy,
        recall=(first.found + repeated.found) / (first.wanted + repeated.wanted),
    )
