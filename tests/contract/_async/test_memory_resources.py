"""Resources of a memory: working memory and metadata."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

import mastra_convex as mc

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def test_a_resource_comes_back_as_it_was_saved(memory: mc.AsyncMemoryStorage) -> None:
    given = mc.Resource(id="ada", working_memory="# Ada", metadata={"$a": 1}, created_at=NOON, updated_at=NOON)
    assert await memory.save_resource(given) == given
    assert await memory.get_resource_by_id("ada") == given
    assert await memory.get_resource_by_id("bob") is None
    replaced = await memory.save_resource({"id": "ada", "metadata": {"b": 1}, "created_at": NOON})
    assert replaced.metadata == {"b": 1}
    stored = await memory.get_resource_by_id("ada")
    assert stored is not None
    assert (stored.working_memory, stored.metadata) == ("# Ada", {"b": 1})


async def test_an_update_makes_a_resource_or_changes_what_is_given(memory: mc.AsyncMemoryStorage) -> None:
    """An update creates a missing resource, or changes the given fields and merges metadata."""
    made = await memory.update_resource("ada", metadata={"a": 1, "b": 1})
    assert (made.working_memory, made.metadata) == (None, {"a": 1, "b": 1})
    told = await memory.update_resource("ada", working_memory="x")
    merged = await memory.update_resource("ada", metadata={"b": {"ü": 1}})
    assert (merged.working_memory, merged.metadata) == ("x", {"a": 1, "b": {"ü": 1}})
    assert made.created_at == told.created_at == merged.created_at
    assert made.updated_at <= told.updated_at <= merged.updated_at
    assert merged == await memory.get_resource_by_id("ada")


async def test_everything_can_be_cleared(deployment: mc.AsyncDeployment) -> None:
    """Clearing deletes all rows of a table, or of the whole memory."""
    store = mc.AsyncConvexStore(deployment)
    memory = store.memory
    await memory.save_resource(mc.Resource(id="ada"))
    for n in range(30):
        await memory.save_thread(mc.Thread(id=f"t{n}", resource_id="ada"))
    await memory.save_messages([mc.Message(thread_id="t0")])
    await memory.initialize_observational_memory(thread_id="t0", resource_id="ada")
    await store.clear("mastra_threads")
    assert (await memory.list_threads()).total == 0
    assert (await memory.list_messages("t0")).total == 1
    await memory.dangerously_clear_all()
    assert (await memory.list_messages("t0")).total == 0
    assert await memory.get_resource_by_id("ada") is None
    assert await memory.get_observational_memory("t0", None) is None


@pytest.mark.parametrize(
    ("update", "problem"),
    [
        ({"resource_id": ""}, "resource_id is ''"),
        ({"working_memory": 5}, "working_memory is 5; expected text"),
        ({"metadata": [1]}, r"metadata is \[1\]; expected a dict"),
    ],
)
async def test_an_update_that_cannot_be_is_refused(memory: mc.AsyncMemoryStorage, update: Any, problem: str) -> None:
    with pytest.raises(mc.InvalidArgumentError, match=f"^MemoryStorage.update_resource: {problem}"):
        await memory.update_resource(**{"resource_id": "ada", **update})
    assert await memory.get_resource_by_id("ada") is None
