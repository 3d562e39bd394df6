"""Copies of threads, which Mastra's Convex adapter doesn't offer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def filled(memory: mc.AsyncMemoryStorage, count: int = 5, **fields: Any) -> list[mc.Message]:
    """Ada's thread t with messages m0, m1 and so on, a second apart."""
    await memory.save_thread({"id": "t", "resource_id": "ada", "title": "Hello", "metadata": {"secret": 1}, **fields})
    return await memory.save_messages(
        [
            mc.Message(id=f"m{n}", thread_id="t", content=f"text {n}", created_at=NOON + timedelta(seconds=n))
            for n in range(count)
        ]
    )


async def test_a_clone_holds_the_same_messages_under_new_ids(memory: mc.AsyncMemoryStorage) -> None:
    """A clone has the source's title, resource and times, and leaves the source and its metadata unchanged."""
    messages = await filled(memory)
    source = await memory.get_thread_by_id("t")
    thread, copies, map = await memory.clone_thread("t")
    assert thread == await memory.get_thread_by_id(thread.id)
    assert (thread.resource_id, thread.title) == ("ada", "Clone of Hello")
    clone = thread.metadata.pop("clone")
    assert thread.metadata == {}
    assert (clone["sourceThreadId"], clone["lastMessageId"]) == ("t", "m4")
    assert datetime.fromisoformat(clone["clonedAt"]) == thread.created_at == thread.updated_at
    assert [(c.content, c.role, c.created_at, c.resource_id) for c in copies] == [
        (m.content, m.role, m.created_at, m.resource_id) for m in messages
    ]
    assert map == {m.id: c.id for m, c in zip(messages, copies, strict=True)}
    assert not {c.id for c in copies} & {m.id for m in messages}
    assert (await memory.list_messages(thread.id)).messages == copies
    assert await memory.get_thread_by_id("t") == source
    assert (await memory.list_messages("t")).messages == messages


async def test_a_copy_can_be_another_s(memory: mc.AsyncMemoryStorage) -> None:
    """A copy can have its own owner, id, title and metadata with any keys."""
    await filled(memory)
    copy = await memory.copy_thread(
        "t", new_thread_id="new", resource_id="bob", title="Mine", metadata={"$mine": {"ü": 1}}
    )
    assert (copy.thread.id, copy.thread.resource_id, copy.thread.title) == ("new", "bob", "Mine")
    assert copy.thread.metadata["$mine"] == {"ü": 1}
    assert copy.thread.metadata["clone"]["lastMessageId"] == "m4"
    assert {m.resource_id for m in await memory.list_messages("new")} == {"bob"}
    assert (await memory.list_messages_by_resource_id("bob")).total == 5


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"message_limit": 2}, ["m3", "m4"]),
        ({"message_limit": 99}, ["m0", "m1", "m2", "m3", "m4"]),
        ({"message_limit": None}, ["m0", "m1", "m2", "m3", "m4"]),
        ({"message_filter": {"message_ids": ["m3", "m1", "x"]}}, ["m1", "m3"]),
        (
            {"message_filter": {"start_date": NOON + timedelta(seconds=1), "end_date": "2026-01-01T12:00:03Z"}},
            ["m1", "m2", "m3"],
        ),
        ({"message_filter": {"end_date": NOON + timedelta(seconds=3)}, "message_limit": 1}, ["m3"]),
        ({"message_filter": {"message_ids": []}}, []),
    ],
)
async def test_a_copy_can_hold_some(memory: mc.AsyncMemoryStorage, options: Any, expected: list[str]) -> None:
    await filled(memory)
    copy = await memory.copy_thread("t", options=options)
    assert list(copy.message_id_map) == expected
    assert [m.text for m in await memory.list_messages(copy.thread.id)] == [f"text {id[1:]}" for id in expected]


async def test_a_long_thread_is_copied_whole(memory: mc.AsyncMemoryStorage) -> None:
    """A long thread is copied in several transactions, whatever its ids are."""
    await filled(memory, 0, title="")
    messages = await memory.save_messages(
        [mc.Message(id=f"$ü{n}", thread_id="t", content=str(n), created_at=NOON) for n in range(1001)]
    )
    thread, copies, map = await memory.clone_thread("t")
    assert thread.title == ""
    assert list(map) == [m.id for m in messages]
    assert [c.text for c in copies] == [str(n) for n in range(1001)]
    assert (await memory.list_messages(thread.id, per_page=1)).total == 1001
    assert thread.metadata["clone"]["lastMessageId"] == "$ü1000"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"message_limit": 600}, range(401, 1001)),
        ({"message_limit": 1002}, range(1001)),
        ({"message_limit": 501, "message_filter": {"end_date": NOON}}, range(300, 801)),
        ({"message_limit": 501, "message_filter": {"message_ids": [f"m{n}" for n in range(900)]}}, range(399, 900)),
    ],
)
async def test_a_copy_can_hold_more_than_a_transaction_copies(
    memory: mc.AsyncMemoryStorage, options: Any, expected: range
) -> None:
    """The last messages are copied in several transactions, even if many of them have the same time."""
    await filled(memory, 0)
    times = [NOON] * 801 + [NOON + timedelta(seconds=n) for n in range(1, 201)]
    await memory.save_messages([mc.Message(id=f"m{n}", thread_id="t", created_at=at) for n, at in enumerate(times)])
    copy = await memory.clone_thread("t", options=options)
    assert list(copy.message_id_map) == [f"m{n}" for n in expected]
    assert [message.id for message in copy.cloned_messages] == list(copy.message_id_map.values())
    assert copy.thread.metadata["clone"]["lastMessageId"] == f"m{expected[-1]}"


async def test_copies_of_an_unknown_thread_or_to_an_existing_id_are_refused(memory: mc.AsyncMemoryStorage) -> None:
    """Copying an unknown thread, or to an existing id, is an error."""
    await filled(memory)
    with pytest.raises(mc.ThreadNotFoundError, match=r"^MemoryStorage.copy_thread: Source thread with id x not found"):
        await memory.copy_thread("x")
    with pytest.raises(mc.AlreadyExistsError, match="Thread with id t already exists") as raised:
        await memory.copy_thread("t", new_thread_id="t")
    assert raised.value.code == "AlreadyExists"
    assert ((await memory.list_threads()).total, (await memory.list_messages("t")).total) == (1, 5)


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"source_thread_id": ""}, "source_thread_id is ''"),
        ({"new_thread_id": ""}, "new_thread_id is ''"),
        ({"resource_id": 5}, "resource_id is 5"),
        ({"title": 5}, "title is 5; expected text"),
        ({"metadata": 5}, "metadata is 5; expected a dict"),
        ({"options": {"limit": 1}}, "options has no 'limit'; it has: message_limit, message_filter"),
        ({"options": {"message_limit": -1}}, "options message_limit -1; expected an integer from 1"),
        ({"options": {"message_filter": {"start_date": "x"}}}, "options start_date is 'x'"),
        ({"options": {"message_filter": {"message_ids": "m"}}}, "options message_ids is 'm'; expected a list"),
    ],
)
async def test_a_copy_that_cannot_be_is_refused(memory: mc.AsyncMemoryStorage, asked: Any, problem: str) -> None:
    await filled(memory)
    with pytest.raises(mc.InvalidArgumentError, match=rf"^MemoryStorage.copy_thread: {problem}"):
        await memory.copy_thread(**{"source_thread_id": "t", **asked})
    assert (await memory.list_threads()).total == 1
