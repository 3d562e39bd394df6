"""Arguments of any subclass of text count by their text, and numbers by their value."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

import mastra_convex as mc


class Text(str, Enum):  # noqa: UP042 -- a StrEnum shows its text, which hides the fault
    """Names as programs define them. Their ``str()`` and hash differ from those of their text."""

    A = "a"
    ACTIVE = "active"
    ADA = "ada"
    ASC = "ASC"
    CHOSEN = "cosine"
    CREATED = "created_at"
    DIRECTION = "direction"
    DOCS = "docs"
    FIELD = "field"
    ID = "id"
    KIND = "kind"
    METADATA = "metadata"
    RESOURCE = "resource_id"
    ROLE = "user"
    STORAGE = "mastra/storage:handle"
    STATUS = "status"
    THREAD = "t"
    TITLE = "title"


class Number(IntEnum):
    """Named numbers."""

    ONE = 1
    TWO = 2


class Shouting(str):
    """Text whose ``str()`` is another text."""

    def __str__(self) -> str:
        return "SHOUTING"

    def __format__(self, spec: str) -> str:
        return "SHOUTING"

    def __hash__(self) -> int:
        return 7


def plain(value: Any) -> bool:
    """Whether all texts and numbers, keys included, are of Python's own classes."""
    if isinstance(value, dict):
        return all(map(plain, value)) and all(map(plain, value.values()))
    if isinstance(value, list | tuple):
        return all(map(plain, value))
    return type(value) in (str, int, float, bool, type(None), datetime)


@pytest.mark.parametrize("text", [Text, Shouting], ids=["enumeration", "subclass"])
async def test_vectors_are_named_by_the_text_itself(deployment: mc.AsyncDeployment, text: Callable[[str], str]) -> None:
    """Vector indexes, ids, metadata and filters use the text itself, and the plain name finds the same."""
    vectors = mc.AsyncConvexVector(deployment, storage_function=text("mastra/storage:handle"))
    await vectors.create_index(text("docs"), Number.TWO, text("cosine"))
    metadata = [{text("kind"): text("a")}, {"kind": "ada"}]
    ids = await vectors.upsert(text("docs"), [[1, 0], [0, 1]], ids=[text("a"), text("ada")], metadata=metadata)
    assert ids == ["a", "ada"]
    assert plain(ids)
    assert await vectors.list_indexes() == ["docs"]
    for name in ("docs", text("docs")):
        hits = await vectors.query(name, [1, 0], top_k=np.int64(2), filter={text("kind"): {"$in": [text("a")]}})
        assert [(hit.id, hit.metadata) for hit in hits] == [("a", {"kind": "a"})]
        assert (await vectors.describe_index(name)).count == 2
    docs = await vectors.index(text("docs"))
    await docs.update_vector(text("a"), metadata={text("title"): text("docs")})
    [hit] = await docs.query(filter={"title": text("docs")}, min_score=np.float32(0))
    assert hit.metadata == {"kind": "a", "title": "docs"}
    await docs.delete_vectors(ids=[text("ada")])
    await docs.delete_vector(text("a"))
    assert (await vectors.describe_index("docs")).count == 0
    await vectors.delete_index(text("docs"))
    assert await vectors.list_indexes() == []


@pytest.mark.parametrize("text", [Text, Shouting], ids=["enumeration", "subclass"])
async def test_native_indexes_are_named_by_the_text_itself(
    deployment: mc.AsyncDeployment, text: Callable[[str], str]
) -> None:
    """Native indexes, their fields and filters use the text itself."""
    index = mc.NativeIndex("docs_vectors", np.int64(2), filter_fields=[text("kind")])
    assert plain(index.filter_fields)
    native = mc.AsyncConvexNativeVector(deployment, indexes={text("docs"): index})
    await native.upsert(text("docs"), [[1, 0]], ids=[text("a")], metadata=[{text("kind"): text("a")}])
    for filter in ({text("kind"): text("a")}, {"metadata": {"kind": {"$eq": text("a")}}}, {"$or": [{"kind": "a"}]}):
        assert [hit.id for hit in await native.query("docs", [1, 0], filter=filter)] == ["a"]
    await native.delete_vector("docs", text("a"))


async def test_records_are_stored_as_plain_values(deployment: mc.AsyncDeployment) -> None:
    """Fields, names in mappings, filters, orders and ids of records are stored as plain values."""
    store = mc.AsyncConvexStore(deployment, storage_function=Text.STORAGE)
    memory = store.memory
    assert store.get_store(Shouting("memory")) is memory
    await memory.save_thread({Text.ID: Text.THREAD, Text.RESOURCE: Text.ADA, Text.TITLE: Shouting("tea")})
    thread = await memory.get_thread_by_id(Text.THREAD, Text.ADA)
    assert thread is not None
    assert plain([thread.id, thread.resource_id, thread.title])
    assert (thread.id, thread.title) == ("t", "tea")
    await memory.update_thread(Text.THREAD, metadata={Text.KIND: Text.A, "n": np.int64(3)})
    [saved] = await memory.save_messages([mc.Message(id=Text.A, thread_id=Text.THREAD, role=Text.ROLE, content=Text.A)])
    assert plain([saved.id, saved.thread_id, saved.role, saved.content, saved.text])
    assert saved.text == "a"
    page = await memory.list_threads(
        filter={Text.RESOURCE: Text.ADA, Text.METADATA: {Text.KIND: Text.A, "n": Number(1) + 2}},
        order_by={Text.FIELD: Text.CREATED, Text.DIRECTION: Text.ASC},  # type: ignore[misc]
        per_page=np.int64(5),
    )
    assert [found.id for found in page] == ["t"]
    assert [m.id async for m in memory.iter_messages(Text.THREAD, filter={"roles": [Text.ROLE]})] == ["a"]
    await memory.update_messages([{Text.ID: Text.A, "content": Text.ADA}])
    assert [m.text for m in await memory.list_messages_by_id([Text.A])] == ["ada"]
    schedule = await store.schedules.create_schedule(
        mc.Schedule(
            id=Text.A,
            target={"type": "agent", "agentId": Text.A},
            cron="* * * * *",
            status=Text.ACTIVE,  # type: ignore[arg-type]
            next_fire_at=np.float32(5),  # type: ignore[arg-type]
        )
    )
    assert plain([schedule.status, schedule.next_fire_at, schedule.target])
    assert [due.id for due in await store.schedules.list_due_schedules(np.int64(6))] == ["a"]
    assert len(await store.schedules.list_schedules({Text.STATUS: Text.ACTIVE})) == 1  # type: ignore[misc]
    await store.background_tasks.create_task(
        mc.BackgroundTask(id="b", tool_name="t", agent_id=Text.A, retry_count=Number.TWO, timeout_ms=np.int64(9))
    )
    task = await store.background_tasks.get_task("b")
    assert task is not None
    assert plain([task.agent_id, task.retry_count, task.timeout_ms])
    tasks = await store.background_tasks.list_tasks(
        agent_id=Text.A,
        order_by=Text.CREATED,  # type: ignore[arg-type]
    )
    assert [found.id for found in tasks] == ["b"]
    score = await store.scores.save_score({"scorer_id": Text.A, "run_id": "r", "score": np.float32(0.5)})
    assert plain([score.scorer_id, score.score])
    claim = await store.workflows.claim_run_ownership(Text.A, Text.ADA, np.int64(60_000))
    assert (claim.owner_id, claim.applied) == ("ada", True)


async def test_a_cache_is_keyed_by_the_text_itself(deployment: mc.AsyncDeployment) -> None:
    cache = mc.AsyncConvexServerCache(deployment, key_prefix=Shouting("mine:"), ttl_ms=np.int64(60_000))
    await cache.set(Text.A, {Text.KIND: Text.A}, ttl_ms=np.float32(9000))
    assert await mc.AsyncConvexServerCache(deployment, key_prefix="mine:").get("a") == {"kind": "a"}
    await cache.list_push_indexed(Shouting("l"), Text.KIND, {})
    assert await cache.list_from_to("l", np.int64(0), np.int64(-1)) == [{"index": 0}]


async def test_functions_are_called_by_the_text_itself(deployment: mc.AsyncDeployment) -> None:
    """Paths of functions, arguments and their names use the text itself."""
    request = {Shouting("op"): Shouting("version"), "tableName": Text.A}
    assert (await deployment.mutation(Shouting("mastra/storage:handle"), request))["ok"]
    assert await deployment.query(Shouting("mastra/queries:watchThread"), {"threadId": Text.A}) is None
    async with deployment.subscribe(Shouting("mastra/queries:watchThread"), {"threadId": Text.A}) as states:
        assert await states.next(timeout=np.float32(20)) is None


async def test_a_folder_is_named_by_the_text_itself(tmp_path: Path) -> None:
    """The path of a folder, and options, use the text itself."""
    folder = Shouting(tmp_path / "data")
    limits, synchronous = Shouting("off"), Shouting("normal")
    async with mc.connect_async(folder, limits=limits, synchronous=synchronous, timeout=np.float32(5)) as db:  # type: ignore[arg-type]
        assert db.url == f"{tmp_path}/data"
        assert plain(db.url)
    assert (tmp_path / "data").is_dir()


NOON = datetime(2026, 1, 2, 13, tzinfo=timezone(timedelta(hours=1)))
ID = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


class Moment(datetime):
    """A subclass of datetime, as Pandas and other libraries have."""


async def test_metadata_takes_dates_and_uuids(deployment: mc.AsyncDeployment) -> None:
    """Metadata stores dates and UUIDs as the text that filters compare with. Filters take them too."""
    docs = await mc.AsyncConvexVector(deployment).index("docs", dimension=2)
    later = Moment(2026, 1, 3, tzinfo=UTC)
    metadata: list[dict[str, Any]] = [
        {"at": NOON, "day": date(2026, 1, 2), "id": ID, "deep": [{"at": later}]},
        {"at": later},
    ]
    await docs.upsert([[1, 0], [0, 1]], ids=["a", "b"], metadata=metadata)
    first, second = await docs.query([1, 0])
    assert first.metadata == {
        "at": "2026-01-02T12:00:00.000Z",
        "day": "2026-01-02T00:00:00.000Z",
        "id": str(ID),
        "deep": [{"at": "2026-01-03T00:00:00.000Z"}],
    }
    assert second.metadata == {"at": "2026-01-03T00:00:00.000Z"}
    filters: list[tuple[dict[str, Any], list[str]]] = [
        ({"at": NOON}, ["a"]),
        ({"at": {"$gt": NOON}}, ["b"]),
        ({"at": {"$gte": date(2026, 1, 3)}}, ["b"]),
        ({"at": {"$lt": later}}, ["a"]),
        ({"day": date(2026, 1, 2)}, ["a"]),
        ({"id": ID}, ["a"]),
        ({"id": {"$in": [ID]}}, ["a"]),
    ]
    for filter, ids in filters:
        assert [hit.id for hit in await docs.query(filter=filter)] == ids, filter
    await docs.update_vector("b", metadata={"at": NOON})
    assert [hit.id for hit in await docs.query(filter={"at": NOON})] == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (datetime(2026, 1, 1), r"metadata\[0\]\.v.*: .* has no time zone"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))), r"metadata\[0\]\.v.*outside of the years"),
        (Decimal("1.5"), r"v: Convex can't hold a Decimal; .*float\(\).*str\(\)"),
    ],
)
async def test_metadata_that_has_no_text_is_refused(
    deployment: mc.AsyncDeployment, value: object, message: str
) -> None:
    """Metadata without a text form is an error with the place and the alternatives."""
    docs = await mc.AsyncConvexVector(deployment).index("docs", dimension=2)
    call: Callable[[], Awaitable[object]]
    for call in (
        lambda: docs.upsert([[1, 0]], metadata=[{"v": value}]),
        lambda: docs.upsert([[1, 0]], metadata=[{"v": [value]}]),
    ):
        with pytest.raises(mc.InvalidArgumentError, match=message.replace("v: ", r"v(\[0\])?: ")):
            await call()
    assert len(await docs.query(filter={})) == 0
