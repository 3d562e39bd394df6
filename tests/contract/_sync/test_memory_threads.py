# Generated from _async/test_memory_threads.py by tools/unasync.py: edit that.
"""Threads of a memory: what Mastra promises, and more where its Convex adapter falls short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

import mastra_convex as mc
from tests.contract.deployed import STORAGE

DAY = datetime(2026, 1, 1, tzinfo=UTC)


def saved(memory: mc.MemoryStorage, count: int, **fields: Any) -> list[mc.Thread]:
    """Threads t0, t1, … created a day apart. Their times of change are in reverse order."""
    return [
        memory.save_thread(
            {
                "id": f"t{n}",
                "resource_id": "ada",
                "created_at": DAY + timedelta(days=n),
                "updated_at": DAY + timedelta(days=100 - n),
                **fields,
            }
        )
        for n in range(count)
    ]


def test_a_thread_comes_back_as_it_was_saved(memory: mc.MemoryStorage) -> None:
    """Times in any zone or as text come back in UTC to the millisecond."""
    given = mc.Thread(
        id="t",
        resource_id="ada",
        title="Hello",
        metadata={"n": 1.5, "list": [1, {"deep": None}]},
        created_at=datetime(2026, 1, 1, 1, 2, 3, 4567, timezone(timedelta(hours=1))),
        updated_at="2026-01-02",  # type: ignore[arg-type]
    )
    thread = memory.save_thread(given)
    assert thread == memory.get_thread_by_id("t")
    assert (thread.id, thread.resource_id, thread.title) == ("t", "ada", "Hello")
    assert thread.metadata == given.metadata
    assert thread.created_at == datetime(2026, 1, 1, 0, 2, 3, 4000, UTC)
    assert thread.created_at.tzinfo is UTC
    assert thread.updated_at == datetime(2026, 1, 2, tzinfo=UTC)


def test_missing_fields_are_filled_in(memory: mc.MemoryStorage) -> None:
    """A missing title, id and times are filled in."""
    for given in (mc.Thread(resource_id="ada"), {"resource_id": "ada", "title": None, "id": None}):
        before = datetime.now(UTC) - timedelta(seconds=5)
        thread = memory.save_thread(given)
        assert len(thread.id) == 36
        assert (thread.title, thread.metadata) == ("", {})
        assert before < thread.created_at <= thread.updated_at
        assert memory.get_thread_by_id(thread.id) == thread


@pytest.mark.parametrize(
    "metadata",
    [
        {"$schema": "x", "_private": 1},
        {"größe": {"日本": [1]}},
        {"": 0, "a" * 2000: 1},
        {"nested": [{"$ref": 1}]},
        {"many": list(range(9000))},
    ],
)
def test_metadata_has_any_keys(memory: mc.MemoryStorage, metadata: dict[str, Any]) -> None:
    """Metadata may have keys that Convex refuses, and updates merge them."""
    memory.save_thread(mc.Thread(id="t", resource_id="ada", metadata=metadata))
    thread = memory.get_thread_by_id("t")
    assert thread is not None
    assert thread.metadata == metadata
    assert (memory.update_thread("t", metadata={"$more": 1})).metadata == {**metadata, "$more": 1}


def test_dates_in_metadata_become_text(memory: mc.MemoryStorage) -> None:
    memory.save_thread({"id": "t", "resource_id": "ada", "metadata": {"at": DAY}})
    thread = memory.get_thread_by_id("t")
    assert thread is not None
    assert thread.metadata == {"at": "2026-01-01T00:00:00.000Z"}


def test_saving_again_replaces(memory: mc.MemoryStorage) -> None:
    memory.save_thread(mc.Thread(id="t", resource_id="ada", title="One", metadata={"a": 1}))
    thread = memory.save_thread(mc.Thread(id="t", resource_id="bob", title="Two", metadata={"b": 1}))
    assert memory.get_thread_by_id("t") == thread
    assert (memory.list_threads()).total == 1


def test_a_thread_is_read_by_its_resource_only(memory: mc.MemoryStorage) -> None:
    memory.save_thread(mc.Thread(id="t", resource_id="ada"))
    assert memory.get_thread_by_id("t", "ada") is not None
    assert memory.get_thread_by_id("t", "bob") is None
    assert memory.get_thread_by_id("stranger") is None


def test_updates_change_what_they_name(memory: mc.MemoryStorage) -> None:
    [before] = saved(memory, 1, title="One", metadata={"a": 1, "b": {"c": 1}})
    titled = memory.update_thread("t0", title="Two")
    assert (titled.title, titled.metadata) == ("Two", before.metadata)
    merged = memory.patch_thread("t0", metadata={"b": {"d": 1}})
    assert (merged.title, merged.metadata) == ("Two", {"a": 1, "b": {"d": 1}})
    assert merged.created_at == before.created_at
    assert merged == memory.get_thread_by_id("t0")


def test_a_function_can_make_the_metadata(memory: mc.MemoryStorage) -> None:
    """A function of the thread returns new metadata. None changes nothing; another resource's thread isn't found."""
    saved(memory, 1, metadata={"n": 1})
    thread = memory.update_thread_metadata("t0", lambda thread: {"m": thread.metadata["n"] + 1})
    assert thread is not None
    assert thread.metadata == {"m": 2}
    assert memory.update_thread_metadata("t0", lambda _: None, "ada") == thread
    assert memory.update_thread_metadata("t0", lambda _: {"x": 1}, "bob") is None
    assert memory.get_thread_by_id("t0") == thread


def test_a_thread_moves_with_its_messages(memory: mc.MemoryStorage) -> None:
    saved(memory, 2)
    memory.save_messages([mc.Message(thread_id=f"t{n // 260}") for n in range(261)])
    thread = memory.update_thread_resource_id("t0", "bob")
    assert thread.resource_id == "bob"
    assert thread == memory.get_thread_by_id("t0", "bob")
    assert (memory.list_messages_by_resource_id("bob")).total == 260
    assert (memory.list_messages_by_resource_id("ada")).total == 1
    assert (memory.list_threads(filter={"resource_id": "bob"})).total == 1


def test_a_deleted_thread_leaves_nothing(memory: mc.MemoryStorage) -> None:
    """A deleted thread leaves no messages and observations, other threads stay, and an unknown thread is no error."""
    saved(memory, 2)
    memory.save_messages([mc.Message(thread_id=f"t{n // 60}", content=str(n)) for n in range(61)])
    for thread_id in ("t0", "t1"):
        memory.initialize_observational_memory(thread_id=thread_id, resource_id="ada")
    for _ in range(2):
        memory.delete_thread("t0")
        assert memory.get_thread_by_id("t0") is None
        assert (memory.list_messages("t0")).total == 0
        assert memory.get_observational_memory("t0", "ada") is None
    assert [message.text for message in memory.list_messages("t1")] == ["60"]
    assert memory.get_observational_memory("t1", "ada") is not None


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        (None, ["t2", "t1", "t0"]),
        ({"direction": "ASC"}, ["t0", "t1", "t2"]),
        ({"field": "updated_at"}, ["t0", "t1", "t2"]),
        ({"field": "updated_at", "direction": "ASC"}, ["t2", "t1", "t0"]),
    ],
)
@pytest.mark.parametrize("filter", [None, {"resource_id": "ada"}, {"metadata": {"k": 1}}])
def test_lists_come_in_order(
    memory: mc.MemoryStorage, order_by: Any, expected: list[str], filter: Any
) -> None:
    saved(memory, 3, metadata={"k": 1})
    page = memory.list_threads(order_by=order_by, filter=filter)
    assert [thread.id for thread in page] == expected
    assert [thread.id for thread in page.threads] == expected
    assert [thread.id for thread in memory.iter_threads(order_by=order_by, filter=filter)] == expected


@pytest.mark.parametrize(
    ("filter", "expected"),
    [
        ({"metadata": {"n": 1}}, ["one", "float"]),
        ({"metadata": {"n": True}}, ["true"]),
        ({"metadata": {"n": None}}, ["null"]),
        ({"metadata": {"nested": {"a": [1, {"b": 2}]}}}, ["nested"]),
        ({"metadata": {"nested": {"a": [1]}}}, []),
        ({"metadata": {"n": 1, "odd": "y"}}, ["float"]),
        ({"metadata": {}}, ["float", "nested", "none", "null", "one", "true"]),
        ({"resource_id": "bob", "metadata": {"n": 1}}, []),
        ({"resource_id": "bob"}, []),
    ],
)
def test_lists_are_filtered(memory: mc.MemoryStorage, filter: Any, expected: list[str]) -> None:
    """Filters compare metadata by type and value, nested values as a whole, also in metadata stored as text."""
    for id, metadata in {
        "one": {"n": 1},
        "float": {"n": 1.0, "odd": "y", "$": 1},
        "true": {"n": True},
        "null": {"n": None},
        "nested": {"nested": {"a": [1, {"b": 2}]}},
        "none": {},
    }.items():
        memory.save_thread({"id": id, "resource_id": "ada", "metadata": metadata})
    page = memory.list_threads(filter=filter, per_page=None)
    assert sorted(thread.id for thread in page) == sorted(expected)
    assert page.total == len(expected)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"per_page": 2}, (["t4", "t3"], 5, 0, 2, True)),
        ({"per_page": 2, "page": 2}, (["t0"], 5, 2, 2, False)),
        ({"per_page": 2, "page": 9}, ([], 5, 9, 2, False)),
        ({"per_page": 0}, ([], 5, 0, 0, True)),
        ({"per_page": None}, (["t4", "t3", "t2", "t1", "t0"], 5, 0, None, False)),
        ({}, (["t4", "t3", "t2", "t1", "t0"], 5, 0, 100, False)),
    ],
)
@pytest.mark.parametrize("filter", [None, {"resource_id": "ada"}, {"metadata": {"k": 1}}])
def test_pages_tell_what_they_are(
    memory: mc.MemoryStorage, asked: Any, expected: tuple[Any, ...], filter: Any
) -> None:
    saved(memory, 5, metadata={"k": 1})
    page = memory.list_threads(**asked, filter=filter)
    ids = [thread.id for thread in page.threads]
    assert (ids, page.total, page.page, page.per_page, page.has_more) == expected


def test_threads_of_other_clients_are_read(deployment: mc.Deployment) -> None:
    """Threads of other clients can be read: metadata as JSON text or missing, and times in other ISO forms."""
    memory = mc.ConvexStore(deployment).memory
    for id, metadata, created_at in [
        ("text", '{"$a":1}', "2026-01-01T00:00:00.000Z"),
        ("broken", "{", "2026-01-01T01:00:00+01:00"),
        ("null", None, "2026-01-01T00:00:00"),
    ]:
        record = {"id": id, "resourceId": "ada", "title": "", "metadata": metadata}
        deployment.mutation(
            STORAGE,
            {
                "op": "insert",
                "tableName": "mastra_threads",
                "record": {**record, "createdAt": created_at, "updatedAt": created_at},
            },
        )
    threads = {thread.id: thread for thread in memory.list_threads()}
    assert {id: thread.metadata for id, thread in threads.items()} == {"text": {"$a": 1}, "broken": {}, "null": {}}
    assert {thread.created_at for thread in threads.values()} == {DAY}


circular: dict[str, Any] = {}
circular["self"] = circular


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "resource_id missing"),
        ({"resource_id": ""}, "resource_id is ''; expected text, not empty"),
        ({"resource_id": "a", "id": " "}, "id is ' '; expected text"),
        ({"resource_id": "a", "titel": "x"}, "a Thread has no 'titel'; it has: id, resource_id, title"),
        ({"resource_id": "a", "title": 5}, "title is 5; expected text"),
        ({"resource_id": "a", "metadata": [1]}, r"metadata is \[1\]; expected a dict"),
        ({"resource_id": "a", "metadata": circular}, "metadata.* contains itself"),
        ({"resource_id": "a", "metadata": {"x": {1}}}, r"metadata\['x'\] is \{1\}"),
        ({"resource_id": "a", "metadata": {"x": float("nan")}}, r"metadata\['x'\] is nan"),
        ({"resource_id": "a", "created_at": datetime(2026, 1, 1)}, "created_at is .*; expected a datetime with a time"),
        ({"resource_id": "a", "created_at": "yesterday"}, "created_at is 'yesterday'"),
        (
            {"resource_id": "a", "title": "x" * 2**20},
            "of which title has 1048576; Convex's limit for a document is 1048576",
        ),
        (5, "is 5; expected a Thread or a mapping"),
    ],
)
def test_a_thread_that_cannot_be_is_refused(memory: mc.MemoryStorage, given: Any, problem: str) -> None:
    with pytest.raises(mc.InvalidArgumentError, match=rf"^MemoryStorage.save_thread: thread.*{problem}"):
        memory.save_thread(given)
    assert (memory.list_threads()).total == 0


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"page": -1}, "page -1; expected an integer from 0"),
        ({"page": 1.5}, "page 1.5; expected an integer"),
        ({"per_page": -1}, "per_page -1; expected an integer from 0"),
        ({"per_page": False}, "per_page False; expected an integer"),
        ({"per_page": None, "page": 1}, "page 1; expected 0, because per_page None"),
        ({"per_page": 2**40, "page": 2**40}, "begins beyond"),
        ({"order_by": {"field": "title"}}, "order_by field 'title'; expected 'created_at' or 'updated_at'"),
        ({"order_by": {"direction": "up"}}, "order_by direction 'up'; expected 'ASC' or 'DESC'"),
        ({"order_by": {"fields": "title"}}, "order_by has no 'fields'; it has: field, direction"),
        ({"order_by": "title"}, "order_by is 'title'; expected a mapping"),
        ({"filter": {"resourceId": "a"}}, "filter has no 'resourceId'; it has: resource_id, metadata"),
        ({"filter": {"resource_id": ""}}, "filter resource_id is ''"),
        ({"filter": {"metadata": {"a.b": 1}}}, "key 'a.b'; expected letters, digits and _"),
        ({"filter": {"metadata": 1}}, "filter metadata is 1; expected a mapping"),
    ],
)
def test_a_list_that_cannot_be_is_refused(memory: mc.MemoryStorage, asked: Any, problem: str) -> None:
    with pytest.raises(mc.InvalidArgumentError, match=rf"^MemoryStorage.list_threads: .*{problem}"):
        memory.list_threads(**asked)


@pytest.mark.parametrize(
    ("method", "arguments", "problem"),
    [
        ("get_thread_by_id", ("t", ""), "resource_id is ''; expected text"),
        ("update_thread", ("",), "id is ''; expected text"),
        ("update_thread_metadata", ("t", {"a": 1}), "update is {'a': 1}; expected a function of a Thread"),
        ("update_thread_resource_id", ("t", ""), "resource_id is ''; expected text"),
        ("delete_thread", ("",), "thread_id is ''; expected text"),
    ],
)
def test_arguments_that_cannot_be_are_named(
    memory: mc.MemoryStorage, method: str, arguments: tuple[Any, ...], problem: str
) -> None:
    thread = memory.save_thread({"id": "t", "resource_id": "ada"})
    with pytest.raises(mc.InvalidArgumentError, match=rf"^MemoryStorage.{method}: {problem}"):
        getattr(memory, method)(*arguments)
    assert (memory.list_threads()).threads == [thread]


def test_a_thread_that_is_not_there_is_not_updated(memory: mc.MemoryStorage) -> None:
    with pytest.raises(mc.ThreadNotFoundError, match="thread 'x' not found") as raised:
        memory.update_thread("x", title="y")
    assert raised.value.code == "ThreadNotFound"
    with pytest.raises(mc.ThreadNotFoundError):
        memory.update_thread_resource_id("x", "ada")
    assert memory.update_thread_metadata("x", lambda _: {}) is None
