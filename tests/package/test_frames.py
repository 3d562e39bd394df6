"""Hits, pages and lists of records as tables of Arrow, pandas and polars."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import mastra_convex as mc

NOON = datetime(2026, 1, 2, 12, 30, 15, 123_000, tzinfo=UTC)
METADATA = [{"year": 2025, "tags": ["ü", None]}, {"year": "unknown"}, None]


@pytest.fixture
def batch() -> mc.VectorBatch:
    """Three rows."""
    return mc.VectorBatch([[1, 0], [0.9, 0.1], [0, 1]], ids=["a", "b", "c"], metadata=METADATA)


@pytest.fixture
def store() -> Any:
    """A store with two messages and a task."""
    with mc.ConvexStore(":memory:") as store:
        store.memory.save_thread(mc.Thread(id="t", resource_id="ada"))
        messages = [mc.Message(id=f"m{n}", thread_id="t", content=f"text {n}", created_at=NOON) for n in range(2)]
        store.memory.save_messages(messages)
        store.background_tasks.create_task(mc.BackgroundTask(id="b", tool_name="x", agent_id="a", args={"$q": [1]}))
        yield store


def test_hits_have_their_ids_and_scores(batch: mc.VectorBatch) -> None:
    """Ids and scores come in the order of the hits, scores as float64."""
    hits = batch.query([1, 0], top_k=2)
    assert hits.ids == [hit.id for hit in hits] == ["a", "b"]
    assert hits.scores.dtype == np.float64
    assert hits.scores.tolist() == [hit.score for hit in hits]
    nothing = batch.query([1, 0], top_k=2, filter={"year": 1})
    assert (nothing.ids, nothing.scores.shape) == ([], (0,))


def test_some_of_the_hits_are_hits(batch: mc.VectorBatch) -> None:
    """A slice has ids, scores, statistics and tables, as all hits have."""
    hits = batch.query([1, 0], top_k=3, include_vector=True)
    for part in (slice(2), slice(None, None, -2), slice(-1, None), slice(5, 9)):
        some = hits[part]
        assert (list(some), some.ids) == (list(hits)[part], hits.ids[part])
        assert some.scores.tolist() == hits.scores[part].tolist()
        assert some.to_pandas()["id"].tolist() == hits.ids[part]
        assert repr(some.stats) == repr(hits.stats)
    assert hits[:] == hits
    assert hits[1:][:1].ids == ["b"]


def test_hits_are_tables(batch: mc.VectorBatch) -> None:
    """A table of hits has their ids, scores and metadata, and their vectors where they were asked for."""
    hits = batch.query([1, 0], top_k=3)
    columns = {"id": ["a", "b", "c"], "score": hits.scores.tolist()}
    texts = ['{"tags":["ü",null],"year":2025}', '{"year":"unknown"}', "{}"]
    assert hits.to_arrow().to_pydict() == {**columns, "metadata": texts}
    assert hits.to_polars().to_dict(as_series=False) == {**columns, "metadata": texts}
    frame = hits.to_pandas()
    assert frame["metadata"].tolist() == [METADATA[0], METADATA[1], {}]
    assert (frame["id"].tolist(), frame["score"].dtype) == (["a", "b", "c"], np.float64)
    assert list(batch.query([1, 0], filter={"year": 1}).to_polars().columns) == ["id", "score", "metadata"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_vectors_are_fixed_size_lists(dtype: Any) -> None:
    """Vectors are float32 where that holds all numbers, else float64. A hit may be without one."""
    vectors = np.array([[1, 0.1], [0.5, 0.5]], dtype)
    with mc.ConvexVector(":memory:") as v:
        docs = v.index("docs", dimension=2)
        docs.upsert(vectors, ids=["a", "b"])
        hits = docs.query([1, 0], include_vector=True)
    kinds = {np.float32: (pyarrow.float32(), polars.Float32), np.float64: (pyarrow.float64(), polars.Float64)}
    arrow, frame = kinds[dtype]
    assert hits.to_arrow().schema.field("vector").type == pyarrow.list_(arrow, 2)
    assert hits.to_polars().schema["vector"] == polars.Array(frame, 2)
    for table in (hits.to_arrow().to_pydict(), hits.to_polars().to_dict(as_series=False)):
        assert [np.array(vector, dtype).tolist() for vector in table["vector"]] == vectors.tolist()
    assert [vector.tolist() for vector in hits.to_pandas()["vector"]] == vectors.astype(
        float
    ).tolist() or dtype is np.float32


def test_a_list_of_records_is_a_table(store: mc.ConvexStore) -> None:
    """A list of records has a column a field, with types that hold for an empty list too."""
    messages = store.memory.list_messages_by_id(["m0", "m1"])
    assert isinstance(messages, mc.Records)
    frame = messages.to_polars()
    assert frame["id"].to_list() == ["m0", "m1"]
    assert frame["text"].to_list() == ["text 0", "text 1"]
    assert frame["created_at"].to_list() == [NOON, NOON]
    assert frame.schema["created_at"] == polars.Datetime("ms", "UTC")
    assert json.loads(frame["content"][0]) == messages[0].content
    arrow = messages.to_arrow()
    assert arrow.schema.field("created_at").type == pyarrow.timestamp("ms", "UTC")
    assert arrow.column("resource_id").to_pylist() == ["ada", "ada"]
    pandas_frame = messages.to_pandas()
    assert pandas_frame["content"][1] == messages[1].content
    assert pandas_frame["created_at"][0] == pandas.Timestamp(NOON)
    nothing = store.memory.list_messages_by_id([])
    assert nothing.to_polars().schema == frame.schema
    assert nothing.to_arrow().schema == arrow.schema
    assert nothing.to_pandas().dtypes.tolist() == pandas_frame.dtypes.tolist()


def test_a_page_is_a_table(store: mc.ConvexStore) -> None:
    """A page is the table of its records, whether it has some or not."""
    page = store.background_tasks.list_tasks()
    [row] = page.to_polars().to_dicts()
    assert (row["id"], row["args"], row["retry_count"], row["started_at"]) == ("b", '{"$q":[1]}', 0, None)
    frame = page.to_pandas()
    assert (frame["args"][0], frame["started_at"].isna().all()) == ({"$q": [1]}, True)
    empty = store.scores.list_scores_by_run_id("none")
    assert empty.to_arrow().num_rows == 0
    assert empty.to_arrow().schema.field("score").type == pyarrow.float64()


def test_recalled_messages_are_a_table() -> None:
    """The columns of a recalled message begin with its name, and its neighbours are JSON."""

    def embed(texts: list[str]) -> list[list[float]]:
        return [[len(text), 1.0] for text in texts]

    with mc.Memory(":memory:", embed=embed) as memory:
        memory.remember("t", ["one", "three", "fifteen"], resource_id="ada")
        hits = memory.recall("five", resource_id="ada", top_k=2)
        assert memory.recall("five", resource_id="bob").to_polars().height == 0
        context = memory.context("t")
    frame = hits.to_polars()
    assert frame["message_text"].to_list() == [hit.message.text for hit in hits]
    assert frame["score"].to_list() == [hit.score for hit in hits]
    assert [[one["id"] for one in json.loads(text)] for text in frame["before"]] == [
        [message.id for message in hit.before] for hit in hits
    ]
    assert context.messages.to_pandas()["text"].tolist() == ["one", "three", "fifteen"]  # type: ignore[attr-defined]


def test_every_reader_of_arrow_reads_them(batch: mc.VectorBatch, store: mc.ConvexStore) -> None:
    """Hits, pages and lists are streams of Arrow's PyCapsule interface."""
    hits, page = batch.query([1, 0], top_k=2), store.memory.list_messages("t")
    for frame in (hits, page, page.messages):
        table = pyarrow.RecordBatchReader.from_stream(frame).read_all()
        assert table == frame.to_arrow()  # type: ignore[attr-defined]
        assert polars.DataFrame(table).equals(frame.to_polars())  # type: ignore[attr-defined]
    assert pyarrow.table(hits) == hits.to_arrow()
    assert pyarrow.table(page) == page.to_arrow()


def test_a_list_of_records_is_a_list(store: mc.ConvexStore) -> None:
    """It equals a plain list, is one in JSON, and its slices, copies and pickles are lists of records."""
    messages = store.memory.list_messages("t").messages
    assert messages == list(messages)
    assert type(messages[0]) is mc.Message
    for other in (messages[:1], copy.copy(messages), copy.deepcopy(messages), pickle.loads(pickle.dumps(messages))):
        assert other.to_polars()["id"][0] == "m0"  # type: ignore[attr-defined]
    assert repr(messages) == repr(list(messages))


def test_numbers_of_javascript_are_numbers() -> None:
    """A whole number of a record is an integer; where another client wrote a fraction, the column is of floats."""
    chunks = [mc.ObservationChunk(cycle_id="c", observations="", token_count=n) for n in (1, 2)]
    odd = [*chunks, mc.ObservationChunk(cycle_id="c", observations="", token_count=1.5)]  # type: ignore[arg-type]
    for records, kind in ((chunks, polars.Int64), (odd, polars.Float64)):
        assert mc.Records(mc.ObservationChunk, records).to_polars().schema["token_count"] == kind
    memories = mc.Records(mc.ObservationalMemory, [mc.ObservationalMemory(thread_id="t")])
    assert memories.to_pandas()["buffered_reflection_tokens"].isna().all()


WITHOUT = """
import sys

for name in ("pandas", "polars", "pyarrow"):
    assert name not in sys.modules
    sys.modules[name] = None

import mastra_convex as mc

hits = mc.VectorBatch([[1, 0]]).query([1, 0])
for frame in (hits, mc.Records(mc.Thread), mc.ThreadPage([], 0, 0, 40, False)):
    for method in ("to_arrow", "to_pandas", "to_polars"):
        try:
            getattr(frame, method)()
        except ModuleNotFoundError as error:
            print(error)
"""


def test_a_missing_library_is_named() -> None:
    """The package imports none of the libraries. Where one is missing, the error says how to install it."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    libraries = {"to_arrow": "pyarrow", "to_pandas": "pandas", "to_polars": "polars"}
    assert done.stdout.splitlines() == [
        f"{kind}.{method}: '{library}' isn't installed. Install it by: pip install {library}"
        for kind in ("QueryResults", "Records", "ThreadPage")
        for method, library in libraries.items()
    ]
