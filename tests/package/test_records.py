"""Records as types of other libraries, and their reprs."""

from __future__ import annotations

import copy
import dataclasses
import datetime as datetime_module
import inspect
import json
import pickle
import typing
from collections.abc import Sequence
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import fastapi
import msgspec
import numpy as np
import polars
import pydantic
import pytest
from fastapi.encoders import jsonable_encoder

import mastra_convex as mc
from mastra_convex import legacy

NOON = datetime(2026, 1, 2, 12, 30, 15, tzinfo=UTC)
LATER = datetime(2026, 1, 2, 12, 30, 16, tzinfo=UTC)

THREAD = mc.Thread(id="t", resource_id="ada", title="Tea", created_at=NOON, updated_at=NOON)
MESSAGE = mc.Message(id="m", thread_id="t", content="Hi", created_at=NOON)
RUN = mc.WorkflowRun(workflow_name="w", run_id="r", snapshot={"status": "running"}, created_at=NOON, updated_at=NOON)
SCORE = mc.Score(id="s", scorer_id="c", run_id="r", score=0.5)
TASK = mc.BackgroundTask(id="b", tool_name="search", agent_id="a")
SPAN = mc.Span(trace_id="x", span_id="y", name="recall", started_at=NOON)
EVAL = mc.Eval(id="e", agent_name="a", metric_name="tone", result={"score": 1})
CHUNK = mc.ObservationChunk(cycle_id="c", observations="tea")
FENCE = mc.RunFence("r", 1, "ada")
DATASET = mc.Dataset(id="d", name="maths", input_schema={"type": "object"}, tags=["t"], created_at=NOON)
ITEM = mc.DatasetItem(id="i", dataset_id="d", input={"n": 1}, tool_mocks=[{"toolName": "t"}])
VERSION = mc.DatasetVersion(id="v", dataset_id="d", version=1)
EXPERIMENT = mc.Experiment(id="x", dataset_id="d", status="running", started_at=NOON)
RESULT = mc.ExperimentResult(id="r", experiment_id="x", item_id="i", output=[1], status="reviewed")
PENDING = mc.HarnessPendingItem(id="p", kind="question", payload={"q": "Why?"})
SESSION = {"owner_id": "o", "resource_id": "ada", "thread_id": "t", "mode_id": "build", "model_id": "m"}

HIT = mc.MemoryHit(message=MESSAGE, score=0.5, after=[MESSAGE], text="Hi")
# All public records and pages.
RECORDS: list[Any] = [
    THREAD,
    MESSAGE,
    mc.Resource(id="ada", working_memory="likes tea"),
    RUN,
    SCORE,
    TASK,
    SPAN,
    EVAL,
    CHUNK,
    mc.ObservationalMemory(thread_id="t", buffered_observation_chunks=[CHUNK]),
    mc.ActivatedChunk(cycle_id="c", observations="tea", message_tokens=1, observation_tokens=2, message_count=3),
    mc.ObservationActivation(observations="tea"),
    mc.Schedule(id="s", target={"type": "agent", "agentId": "a"}, cron="0 9 * * *", next_fire_at=1.5),
    mc.ScheduleTrigger(id="g", schedule_id="s", scheduled_fire_at=1, outcome="published"),
    mc.ChannelInstallation(platform="slack", agent_id="a"),
    mc.ChannelConfig(platform="slack"),
    mc.ThreadState(thread_id="t", type="task", value=[1]),
    mc.Notification(thread_id="t", source="github", kind="ci", summary="red", deliver_at=NOON, attributes={"a": 1}),
    DATASET,
    ITEM,
    VERSION,
    EXPERIMENT,
    RESULT,
    mc.ReviewCounts(experiment_id="x", total=1),
    PENDING,
    mc.HarnessSession(id="s", pending=[PENDING], **SESSION),
    FENCE,
    mc.RunOwnership(True, None, "ada", 1, 2.5, 1.5),
    mc.AppliedOwnership(True, FENCE, "ada", 1, 2.5, 1.5),
    mc.RefusedOwnership(False, None, "bob", 1, 2.5, 1.5),
    mc.Trace("x", [SPAN]),
    mc.IndexStats(dimension=3, count=2, metric="cosine"),
    mc.NativeIndex("docs_vectors", 3, filter_fields=["lang"]),
    mc.Int64(7),
    mc.ThreadPage([THREAD], 1, 0, 40, False),
    mc.MessagePage([MESSAGE], 1, 0, 40, False),
    mc.WorkflowRunPage([RUN], 1, 0, None, False),
    mc.ScorePage([SCORE], 1, 0, 40, False),
    mc.TaskPage([TASK], 1, 0, 40, False),
    mc.TracePage([SPAN], 1, 0, 40, False),
    mc.EvalPage([EVAL], 1, 0, 40, False),
    mc.DatasetPage([DATASET], 1, 0, 100, False),
    mc.DatasetItemPage([ITEM], 1, 0, 100, False),
    mc.DatasetVersionPage([VERSION], 1, 0, 100, False),
    mc.ExperimentPage([EXPERIMENT], 1, 0, 100, False),
    mc.ExperimentResultPage([RESULT], 1, 0, 100, False),
    HIT,
    mc.MemoryContext(messages=[MESSAGE], working_memory="likes tea", recalled=[HIT]),
]
IDS = [type(record).__name__ for record in RECORDS]
PAGES = [record for record in RECORDS if type(record).__name__.endswith("Page")]

records = pytest.mark.parametrize("record", RECORDS, ids=IDS)


def test_the_table_has_every_public_dataclass() -> None:
    public = {name for name in mc.__all__ if dataclasses.is_dataclass(getattr(mc, name))}
    assert set(IDS) == public


@pytest.mark.parametrize("module", [mc, legacy], ids=["mastra_convex", "legacy"])
def test_annotations_of_public_classes_resolve(module: ModuleType) -> None:
    """The annotations of public classes and of their methods resolve."""
    checked = 0
    for exported in module.__all__:
        public = getattr(module, exported)
        if not inspect.isclass(public):
            continue
        typing.get_type_hints(public)
        for name, method in inspect.getmembers(public, inspect.isfunction):
            if method.__module__.startswith("mastra_convex") and not name.startswith("__"):
                typing.get_type_hints(method)
                checked += 1
    assert checked > 10


@records
def test_a_record_survives_copies_and_pickles(record: Any) -> None:
    """Copied and pickled records are equal, and of the same class."""
    for again in (copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record))):
        assert again == record
        assert type(again) is type(record)
    assert dataclasses.replace(record) == record


@records
def test_pydantic_validates_records_and_their_dicts(record: Any) -> None:
    """A record may be a field of a pydantic model, and comes back from the model's JSON."""
    adapter = pydantic.TypeAdapter(type(record))
    assert adapter.validate_python(record) == record
    assert adapter.validate_json(adapter.dump_json(record)) == record
    assert adapter.validate_python(dataclasses.asdict(record)) == record
    assert adapter.json_schema()["type"] == "object"


@records
def test_fastapi_returns_records(record: Any) -> None:
    """FastAPI takes a record as a route's return type, in its OpenAPI document and as the body of a reply."""
    app = fastapi.FastAPI()
    kind = type(record)

    def route() -> Any:
        return record

    route.__annotations__["return"] = kind
    app.get("/one")(route)
    document = app.openapi()
    assert kind.__name__ in str(document["paths"]["/one"]["get"]["responses"]["200"])
    assert pydantic.TypeAdapter(kind).validate_python(jsonable_encoder(record)) == record


@records
def test_msgspec_encodes_and_decodes_records(record: Any) -> None:
    assert msgspec.json.decode(msgspec.json.encode(record), type=type(record)) == record
    assert msgspec.convert(dataclasses.asdict(record), type(record)) == record


@pytest.mark.parametrize("page", PAGES, ids=[type(page).__name__ for page in PAGES])
def test_polars_makes_a_frame_of_a_pages_records(page: Any) -> None:
    """Polars makes a column of each field."""
    frame = polars.DataFrame(list(page))
    [record] = page
    assert frame.columns == [field.name for field in dataclasses.fields(record)]
    assert frame.height == 1


@records
def test_a_repr_makes_an_equal_record(record: Any) -> None:
    """A repr makes an equal record, though it leaves out fields that are None or have their default."""
    names = {name: getattr(mc, name) for name in mc.__all__}
    assert eval(repr(record), {**names, "datetime": datetime_module}) == record


@records
def test_a_new_record_was_updated_when_it_was_created(record: Any) -> None:
    """`updated_at` is by default `created_at`, so a record that was never updated has one time."""
    given = {field.name: getattr(record, field.name) for field in dataclasses.fields(record) if field.init}
    if given.pop("updated_at", None) is not None and "created_at" in given:
        new = type(record)(**{**given, "created_at": NOON})
        assert new.updated_at == NOON
        assert dataclasses.replace(new, updated_at=LATER).updated_at == LATER


def test_a_repr_leaves_out_none_and_defaults() -> None:
    """A repr shows the required fields and the given ones."""
    assert repr(mc.ScheduleTrigger(id="g", schedule_id="s", scheduled_fire_at=0, actual_fire_at=1, outcome="ok")) == (
        "ScheduleTrigger(id='g', schedule_id='s', scheduled_fire_at=0, actual_fire_at=1, outcome='ok')"
    )
    assert repr(SPAN).startswith("Span(trace_id='x', span_id='y', name='recall', started_at=datetime.datetime(2026,")
    assert "None" not in repr(SPAN)


def test_a_hit_is_json() -> None:
    """A hit's dict is JSON, with the vector if it was asked for."""
    batch = mc.VectorBatch([[3, 4]], ids=["a"], metadata=[{"at": NOON, "n": [1, {"x": None}]}])
    for include_vector in (False, True):
        [hit] = batch.query([1, 0], include_vector=include_vector)
        said = json.loads(json.dumps(hit.to_dict()))
        expected = {"id": "a", "score": 0.6, "metadata": {"at": "2026-01-02T12:30:15.000Z", "n": [1, {"x": None}]}}
        assert said == ({**expected, "vector": [3.0, 4.0]} if include_vector else expected)
        hit.to_dict()["metadata"]["n"] = 0
        assert hit.metadata["n"] == [1, {"x": None}]


def test_hits_are_a_sequence() -> None:
    """Hits are a sequence, with `index` from a position on."""
    hits = mc.VectorBatch([[1, 0], [0, 1]], ids=["a", "b"]).query([1, 1], 2)
    assert isinstance(hits, Sequence)
    assert hits.index(hits[1]) == hits.index(hits[1], 1) == hits.index(hits[1], -1, 2) == 1
    for bounds in ((0, 1), (2,), (0, -1)):
        with pytest.raises(ValueError, match="not among these"):
            hits.index(hits[1], *bounds)


MASKED = np.ma.masked_array([1.0, 2.0], mask=[False, True])
NO_NUMBERS = [
    (MASKED, "has masked values"),
    ([1, True], "has booleans"),
    ([np.True_, 0.5], "has booleans"),
    ((0.5, False), "has booleans"),
]


@pytest.mark.parametrize(("vector", "problem"), NO_NUMBERS)
def test_masked_values_and_booleans_are_refused(vector: Any, problem: str) -> None:
    """Masked values and booleans are refused in queries and rows. A masked array without masked values is accepted."""
    batch = mc.VectorBatch([[1, 0], [0, 1]])
    calls: list[Any] = [
        lambda: batch.query(vector),
        lambda: batch.top_k(vector),
        lambda: batch.query_many([vector]),
        lambda: mc.VectorBatch([vector]),
        lambda: mc.ConvexVector(":memory:").index("docs", dimension=2).upsert([vector]),
        lambda: mc.ConvexVector(":memory:").index("docs", dimension=2).query(vector),
    ]
    for call in calls:
        with pytest.raises(mc.InvalidArgumentError, match=problem):
            call()
    assert len(batch.query(np.ma.masked_array([1.0, 2.0]))) == 2


def test_filter_fields_are_a_list() -> None:
    """A text is refused as a list of names, since its letters would be the names. A field may have any name."""
    for fields in ("lang", {"lang": 1}, ["lang", ""], [1]):
        with pytest.raises(mc.InvalidArgumentError, match="NativeIndex: filter_fields"):
            mc.NativeIndex("docs", 2, filter_fields=fields)  # type: ignore[arg-type]
    assert mc.NativeIndex("docs", 2, filter_fields=["constructor"]).filter_fields == ("constructor",)


LONE = "\ud800x"


def test_text_with_a_lone_surrogate_is_refused() -> None:
    """A lone surrogate is refused in all texts: ids, names, paths and values."""
    db = mc.connect(":memory:")
    vectors, store, cache = mc.ConvexVector(db), mc.ConvexStore(db), mc.ConvexServerCache(db)
    docs = vectors.index("docs", dimension=2)
    calls: list[Any] = [
        lambda: vectors.create_index(LONE, 2),
        lambda: vectors.describe_index(LONE),
        lambda: docs.upsert([[1, 0]], ids=[LONE]),
        lambda: docs.upsert([[1, 0]], metadata=[{LONE: 1}]),
        lambda: docs.delete_vectors(ids=[LONE]),
        lambda: docs.query([1, 0], filter={"a": LONE}),
        lambda: mc.VectorBatch([[1, 0]], ids=[LONE]),
        lambda: mc.QueryResult(LONE, 1.0, {}),
        lambda: mc.NativeIndex(LONE, 2),
        lambda: store.memory.save_thread(mc.Thread(resource_id="ada", title=LONE)),
        lambda: store.memory.get_thread_by_id(LONE),
        lambda: store.watch_thread(LONE),
        lambda: mc.ConvexStore(db, storage_function=LONE),
        lambda: cache.set("k", LONE),
        lambda: cache.set(LONE, 1),
        lambda: db.query(LONE),
        lambda: db.subscribe(LONE),
        lambda: db.query("mastra/queries:watchThread", {"threadId": LONE}),
    ]
    for number, call in enumerate(calls):
        with pytest.raises(mc.InvalidArgumentError, match="lone surrogate"):
            pytest.fail(f"call {number} gave {call()!r}")
    assert docs.describe_index().count == 0
