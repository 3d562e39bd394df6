"""`ConvexStore`: its target, its closing, and its domains."""

from __future__ import annotations

from pathlib import Path

import pytest

import mastra_convex as mc


async def test_a_store_names_its_storage_function(deployment: mc.AsyncDeployment) -> None:
    store = mc.AsyncConvexStore(deployment, id="mine", storage_function="other/storage:handle")
    assert (store.id, store.storage_function, store.disable_init) == ("mine", "other/storage:handle", False)
    with pytest.raises(mc.FunctionNotFoundError, match="other/storage:handle"):
        await store.init()
    with pytest.raises(mc.InvalidArgumentError, match=r"^ConvexStore: id ''; expected text, not empty"):
        mc.AsyncConvexStore(deployment, id="")
    with pytest.raises(mc.InvalidArgumentError, match=r"^storage_function is ''; expected text, not empty"):
        mc.AsyncConvexStore(deployment, storage_function="")
    with pytest.raises(
        mc.InvalidArgumentError, match=r"^ConvexStore.clear: table_name is ''; expected text, not empty"
    ):
        await store.clear("")
    await mc.AsyncConvexStore(deployment).init()


async def test_a_store_closes_what_it_opened(deployment: mc.AsyncDeployment, tmp_path: Path) -> None:
    """A store closes the deployment that it opened, and no other."""
    async with mc.AsyncConvexStore(deployment) as store:
        await store.memory.save_resource(mc.Resource(id="ada"))
    assert (await store.memory.list_threads()).total == 0
    own = mc.AsyncConvexStore(tmp_path / "own")
    await own.init()
    await own.close()
    with pytest.raises(mc.MastraConvexError, match="closed"):
        await own.memory.list_threads()


async def test_a_record_that_grows_too_large_is_one_error_everywhere(deployment: mc.AsyncDeployment) -> None:
    """A record that grows too large by small updates raises an error with the field, and nothing has changed."""
    memory = mc.AsyncConvexStore(deployment).memory
    thread = await memory.save_thread(mc.Thread(id="t", resource_id="ada", metadata={"a": "x" * 600_000}))
    with pytest.raises(
        mc.LimitExceededError, match=r"maximum size 1 MiB; \d+ bytes, 12000\d\d of them in `metadata`"
    ) as caught:
        await memory.update_thread("t", metadata={"b": "x" * 600_000})
    assert caught.value.code == "ValueTooLargeError"
    assert await memory.get_thread_by_id("t") == thread


async def test_a_store_gives_its_domains_by_name() -> None:
    """Domains are returned by name; Mastra's other domains are None."""
    async with mc.AsyncConvexStore(":memory:") as store:
        assert store.get_store("background_tasks") is store.background_tasks
        assert [store.get_store(name) for name in ("agents", "_storage", "id", "nothing")] == [None] * 4
