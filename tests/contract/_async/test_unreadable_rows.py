"""An unreadable row of another client is named in the log, and lists return the other rows."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import mastra_convex as mc

HANDLE = "mastra/storage:handle"


async def write(deployment: mc.AsyncDeployment, table: str, **record: Any) -> None:
    """Write a row as another client might."""
    request = {"op": "insert", "tableName": table, "record": record}
    assert (await deployment.mutation(HANDLE, request))["ok"]


BAD_DATES = ["", "+010000-01-01T00:00:00.000Z", "9999-12-31T23:59:59-05:00", "yesterday"]


@pytest.mark.parametrize("date", BAD_DATES)
async def test_lists_go_on_without_a_row_whose_date_is_none(
    deployment: mc.AsyncDeployment, caplog: pytest.LogCaptureFixture, date: str
) -> None:
    """The log, and the error of a call for that row alone, name the row, the column and the value."""
    store = mc.AsyncConvexStore(deployment)
    memory = store.memory
    await memory.save_thread(mc.Thread(id="t", resource_id="ada", metadata={"a": 1}))
    await memory.save_messages([mc.Message(id="m", thread_id="t", content="Hi")])
    good = "2026-01-01T00:00:00.000Z"
    bad_thread = {"id": "bad", "resourceId": "ada", "title": "", "metadata": {"a": 1}}
    await write(deployment, "mastra_threads", **bad_thread, createdAt=date, updatedAt=good)
    bad_message = {"id": "bad", "thread_id": "t", "content": "{}", "role": "user", "type": "v2", "resourceId": "ada"}
    await write(deployment, "mastra_messages", **bad_message, createdAt=date)
    lists: dict[str, Callable[[], Awaitable[list[Any]]]] = {
        "threads": lambda: _items(memory.list_threads()),
        "threads of metadata": lambda: _items(memory.list_threads(filter={"metadata": {"a": 1}})),
        "messages": lambda: _items(memory.list_messages("t")),
        "messages of a resource": lambda: _items(memory.list_messages_by_resource_id("ada")),
        "messages by id": lambda: memory.list_messages_by_id(["m", "bad"]),
    }
    for name, listed in lists.items():
        caplog.clear()
        with caplog.at_level(logging.WARNING, "mastra_convex.records"):
            assert [record.id for record in await listed()] == ["m" if name.startswith("messages") else "t"], name
        kind = "Message" if name.startswith("messages") else "Thread"
        assert f"{kind} 'bad': createdAt is {date!r}, which can't be read" in caplog.text
    assert [message.id async for message in memory.iter_messages("t")] == ["m"]
    assert [thread.id async for thread in memory.iter_threads()] == ["t"]
    with pytest.raises(mc.SchemaError, match=r"Thread 'bad': createdAt is .*can't be read") as caught:
        await memory.get_thread_by_id("bad")
    assert caught.value.code == "Schema"


async def _items(page: Awaitable[Any]) -> list[Any]:
    return list(await page)


OUTSIDE = [
    datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
    "0001-01-01T00:00:00+01:00",
]


@pytest.mark.parametrize("moment", OUTSIDE, ids=str)
async def test_a_moment_that_utc_has_no_date_for_is_refused(deployment: mc.AsyncDeployment, moment: Any) -> None:
    """A moment without a date in UTC is refused in a field, within JSON, as a bound and in a filter."""
    store = mc.AsyncConvexStore(deployment)
    with pytest.raises(mc.InvalidArgumentError, match=r"thread: created_at: .* is outside of the years 1 to 9999"):
        await store.memory.save_thread(mc.Thread(resource_id="ada", created_at=moment))
    with pytest.raises(mc.InvalidArgumentError, match="outside of the years 1 to 9999"):
        await store.memory.list_messages("t", filter={"date_range": {"start": moment}})
    if isinstance(moment, datetime):
        with pytest.raises(mc.InvalidArgumentError, match=r"thread: metadata: .* is outside of the years 1 to 9999"):
            await store.memory.save_thread(mc.Thread(resource_id="ada", metadata={"at": moment}))
        docs = await mc.AsyncConvexVector(deployment).index("docs", dimension=2)
        with pytest.raises(mc.InvalidArgumentError, match="outside of the years 1 to 9999"):
            await docs.query([1, 0], filter={"at": moment})
    last = datetime.max.replace(tzinfo=UTC)
    [thread] = [await store.memory.save_thread(mc.Thread(resource_id="ada", created_at=last))]
    assert thread.created_at == last.replace(microsecond=999_000)


def nested(levels: int) -> Any:
    """Nested lists."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


async def test_json_is_at_most_200_levels_deep(deployment: mc.AsyncDeployment) -> None:
    """JSON of up to 200 levels is read back on a deep stack. Deeper JSON is refused before anything is sent."""
    store = mc.AsyncConvexStore(deployment)
    thread = await store.memory.save_thread(mc.Thread(resource_id="ada", metadata={"deep": nested(199)}))

    async def deeper(levels: int) -> mc.Thread | None:
        return await deeper(levels - 1) if levels else await store.memory.get_thread_by_id(thread.id)

    assert await deeper(100) == thread
    for levels in (200, 900, 5000):
        with pytest.raises(mc.InvalidArgumentError, match="nested more than 200 levels deep"):
            await store.memory.save_thread(mc.Thread(resource_id="ada", metadata={"deep": nested(levels)}))
        with pytest.raises(mc.InvalidArgumentError, match="nested more than 200 levels deep"):
            await mc.AsyncConvexServerCache(deployment).set("k", nested(levels + 1))


@pytest.mark.parametrize("levels", [64, 200, 5000])
async def test_vector_metadata_that_is_too_deep_is_refused(deployment: mc.AsyncDeployment, levels: int) -> None:
    docs = await mc.AsyncConvexVector(deployment).index("docs", dimension=2)
    with pytest.raises(mc.InvalidArgumentError, match="nested deeper than"):
        await docs.upsert([[1, 0]], metadata=[{"deep": nested(levels)}])
