"""How long vector indexes take beyond a network of 40 ms round trip and 50 Mbit/s, and how many bytes they move.

`just bench-afar` runs it. The deployment is an embedded one, which this process serves behind the relay of
`mastra-convex bench`. The rows are the docstrings of the demo, and 20,000 made of the embeddings in `data/` with some
noise. Each search is compared with the kernel's answer, to the bit. "Best" is the run that other programs disturbed
least. "Processor" is the median of the processor's time for the same work without the network, of client and deployment
together.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple, TypeVar

import numpy as np

import mastra_convex as mc
from mastra_convex._cli.bench.network import Network, Relay, relay
from mastra_convex._cli.bench.quantities import duration, size_of
from mastra_convex._cli.docstrings import Docstrings
from mastra_convex._sync.mastra_vector import Strategy

T = TypeVar("T")
NETWORK = Network(40, 50)
TOP_K = 10
FIRST_QUERIES, REPEATED_QUERIES, FILLINGS, WRITES, TRUNCATIONS = 15, 30, 5, 3, 2
DATA = Path(__file__).parent.parent / "data"


class Took(NamedTuple):
    """Seconds of some work: by the clock, and of the processor."""

    clock: float
    processor: float


@dataclass(frozen=True)
class Rows:
    """Rows of an index, and what to ask it."""

    index: str
    ids: list[str]
    embeddings: np.ndarray
    metadata: list[dict[str, object]]
    questions: np.ndarray


@dataclass(frozen=True)
class Place:
    """The deployment, here and by its URL; `between` is the network, where there is one."""

    here: mc.Deployment
    url: str
    admin_key: str
    between: Relay | None = None

    def client(self) -> mc.Deployment:
        """A client that has no connection yet."""
        return mc.connect(self.url if self.between is None else self.between.url, admin_key=self.admin_key)


def main() -> None:
    """Measure, and print a row of a table for each question."""
    demo, many = demo_rows(), many_rows(20_000)
    with mc.connect(":memory:") as here, here.serve() as server, relay(server.url, NETWORK) as between:
        alone = Place(here, server.url, server.admin_key)
        afar = Place(here, server.url, server.admin_key, between)
        print("| | median | best | processor |\n| --- | --- | --- | --- |")
        compare("upsert of 2,459 rows as decimals, as other clients do", partial(upsert_decimals, demo), afar, alone)
        compare("upsert of 2,459 rows", partial(upsert, demo), afar, alone)
        mc.ConvexVector(here).index(many.index, 384).upsert(many.embeddings, ids=many.ids, metadata=many.metadata)
        for rows in (demo, many):
            compare(f"first query of a process, {len(rows.ids):,} rows", partial(first_query, rows), afar, alone)
        for rows in (demo, many):
            compare(
                f"repeated query in the deployment, {len(rows.ids):,}", partial(repeated, rows, "server"), afar, alone
            )
        compare("repeated query, mirrored, 2,459 rows", partial(repeated, demo, "mirror"), afar, alone)
        compare("repeated query, native, 2,459 rows", partial(native, demo), afar, alone)
        compare("filling the mirror, 2,459 rows", partial(fill, demo), afar, alone)
        print(f"| bytes of a first query, 2,459 rows | {size_of(first_bytes(demo, afar))} | | |")
    with tempfile.TemporaryDirectory() as folder:
        for name, target in (("in memory", ":memory:"), ("in a folder", folder)):
            runs = [truncate(target) for _ in range(TRUNCATIONS)]
            times = (min(took.clock for took in runs), statistics.median(took.processor for took in runs))
            print(f"| truncating 100,000 × 384, embedded {name} | | {' | '.join(milliseconds(one) for one in times)} |")


def compare(question: str, measure: Callable[[Place], list[Took]], afar: Place, alone: Place) -> None:
    """Print the times beyond the network, and the processor's without it."""
    there, here = measure(afar), measure(alone)
    clock = [took.clock for took in there]
    times = (statistics.median(clock), min(clock), statistics.median(took.processor for took in here))
    print(f"| {question} | {' | '.join(milliseconds(one) for one in times)} |", flush=True)


def milliseconds(seconds: float) -> str:
    """A time as text."""
    return duration(seconds * 1000)


def demo_rows() -> Rows:
    """The demo's docstrings."""
    docstrings = Docstrings()
    questions = np.array([question.vector for question in docstrings.questions if question.filter is None])
    return Rows("demo", docstrings.ids, docstrings.embeddings, docstrings.rows, questions)


def many_rows(count: int) -> Rows:
    """Rows like real ones: each embedding several times, with a noise of a tenth of its spread."""
    embeddings = np.load(DATA / "stdlib_docs.npz")["embeddings"].astype(np.float32)
    lines = [json.loads(line) for line in (DATA / "stdlib_docs.jsonl").read_text().splitlines()]
    chosen = np.arange(count) % len(embeddings)
    noise = np.random.default_rng(1).standard_normal((count, embeddings.shape[1]), np.float32)
    made = embeddings[chosen] + 0.1 * embeddings.std() * noise
    metadata = [{"module": lines[row]["module"], "text": lines[row]["text"]} for row in chosen]
    return Rows("many", [f"row {row}" for row in range(count)], made, metadata, np.load(DATA / "queries.npy"))


def timed(work: Callable[[], T]) -> tuple[T, Took]:
    """The result of some work, and how long it took."""
    clock, processor = perf_counter(), process_time()
    result = work()
    return result, Took(perf_counter() - clock, process_time() - processor)


def ask(docs: mc.VectorIndex, rows: Rows, number: int, place: Place) -> Took:
    """The time of a query, whose answer is compared with the kernel's."""
    question = rows.questions[number % len(rows.questions)]
    found, took = timed(lambda: [(hit.id, hit.score) for hit in docs.query(question, top_k=TOP_K)])
    exact = mc.ConvexVector(place.here).query(rows.index, question, top_k=TOP_K)
    assert found == [(hit.id, hit.score) for hit in exact]
    return took


def first_query(rows: Rows, place: Place) -> list[Took]:
    """First queries of clients that asked nothing before."""
    took = []
    for number in range(FIRST_QUERIES):
        with place.client() as db:
            took.append(ask(mc.VectorIndex(mc.ConvexVector(db), rows.index), rows, number, place))
    return took


def first_bytes(rows: Rows, place: Place) -> float:
    """The bytes of a first query in both directions, with all headers."""
    assert place.between is not None
    before = place.between.bytes_carried
    first_query(rows, place)
    return (place.between.bytes_carried - before) / FIRST_QUERIES


def repeated(rows: Rows, strategy: Strategy, place: Place) -> list[Took]:
    """Queries of a client after its first ones."""
    with place.client() as db:
        docs = mc.VectorIndex(mc.ConvexVector(db, strategy=strategy), rows.index)
        ask(docs, rows, 0, place)
        return [ask(docs, rows, number, place) for number in range(REPEATED_QUERIES)]


def native(rows: Rows, place: Place) -> list[Took]:
    """Queries of a client after its first ones, by Convex's own vector index."""
    indexes = {rows.index: mc.NativeIndex("native_vectors", rows.embeddings.shape[1])}
    written = mc.ConvexNativeVector(place.here, indexes=indexes)
    written.upsert(rows.index, rows.embeddings, ids=rows.ids, metadata=rows.metadata)
    took = []
    with place.client() as db:
        docs = mc.VectorIndex(mc.ConvexNativeVector(db, indexes=indexes), rows.index)
        docs.query(rows.questions[0])
        for question in rows.questions[np.arange(REPEATED_QUERIES) % len(rows.questions)]:
            found, one = timed(lambda question=question: docs.query(question, top_k=TOP_K).ids)
            took.append(one)
            assert found == mc.ConvexVector(place.here).query(rows.index, question, top_k=TOP_K).ids
    return took


def fill(rows: Rows, place: Place) -> list[Took]:
    """The first query of a client that keeps a mirror."""
    took = []
    for number in range(FILLINGS):
        with place.client() as db:
            docs = mc.VectorIndex(mc.ConvexVector(db, strategy="mirror"), rows.index)
            took.append(ask(docs, rows, number, place))
    return took


def upsert(rows: Rows, place: Place) -> list[Took]:
    """Writing all rows into an empty index."""
    took = []
    for _ in range(WRITES):
        with emptied(rows, place) as db:
            docs = mc.VectorIndex(mc.ConvexVector(db), rows.index)
            took.append(timed(partial(docs.upsert, rows.embeddings, ids=rows.ids, metadata=rows.metadata))[1])
    return took


def upsert_decimals(rows: Rows, place: Place) -> list[Took]:
    """The same by the operation of npm's client, in as many rows a call."""
    records = [
        {"id": id, "embedding": embedding, "metadata": metadata}
        for id, embedding, metadata in zip(rows.ids, rows.embeddings, rows.metadata, strict=True)
    ]

    def write(db: mc.Deployment) -> None:
        for begin in range(0, len(records), 500):
            some = records[begin : begin + 500]
            arguments = {"op": "batchInsert", "tableName": f"mastra_vector_{rows.index}", "records": some}
            assert db.mutation("mastra/storage:handle", arguments)["ok"]

    took = []
    for _ in range(WRITES):
        with emptied(rows, place) as db:
            took.append(timed(partial(write, db))[1])
    return took


@contextmanager
def emptied(rows: Rows, place: Place) -> Iterator[mc.Deployment]:
    """A client of an index without rows. In the end, check that it has all of them."""
    docs = mc.ConvexVector(place.here).index(rows.index, rows.embeddings.shape[1])
    docs.truncate_index()
    with place.client() as db:
        yield db
    [hit] = docs.query(rows.embeddings[-1], top_k=1, include_vector=True)
    assert (docs.count(), hit.id) == (len(rows.ids), rows.ids[-1])
    assert np.asarray(hit.vector).tobytes() == rows.embeddings[-1].tobytes()


def truncate(target: str) -> Took:
    """The time of truncating 100,000 rows in this process."""
    with mc.connect(target) as db:
        docs = mc.ConvexVector(db).index("docs", 384)
        docs.upsert(np.random.default_rng(1).standard_normal((100_000, 384), np.float32))
        _, took = timed(docs.truncate_index)
        assert docs.count() == 0
    return took


if __name__ == "__main__":
    sys.exit(main())
