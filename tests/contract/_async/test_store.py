"""`ConvexStore`: what it makes of the functions that are deployed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc

TESTS = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The functions of npm ``@mastra/convex``."""
    folder = tmp_path_factory.mktemp("convex")
    script = TESTS / "functions" / "original" / "bundle.js"
    subprocess.run(["node", str(script), str(folder)], check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture
async def upstream(original: Path) -> AsyncIterator[mc.AsyncMemoryStorage]:
    """A memory over the functions of npm ``@mastra/convex``."""
    async with mc.AsyncConvexStore(":memory:", functions=original) as store:
        await store.init()
        yield store.memory


async def test_a_store_needs_its_functions() -> None:
    """The error names those that there are, and how to deploy ours."""
    async with mc.connect_async(":memory:", functions=TESTS / "functions" / "plain") as deployment:
        store = mc.AsyncConvexStore(deployment)
        for call in (store.init, store.memory.list_threads):
            with pytest.raises(mc.FunctionNotFoundError, match="notes:add") as raised:
                await call()
            assert "npx convex deploy" in (raised.value.hint or "")


async def test_a_store_names_its_storage_function(deployment: mc.AsyncDeployment) -> None:
    store = mc.AsyncConvexStore(deployment, id="mine", storage_function="other/storage:handle")
    assert (store.id, store.storage_function, store.disable_init) == ("mine", "other/storage:handle", False)
    with pytest.raises(mc.FunctionNotFoundError, match="other/storage:handle"):
        await store.init()
    with pytest.raises(mc.InvalidArgumentError, match=r"^ConvexStore: id ''; expected text, not empty"):
        mc.AsyncConvexStore(deployment, id="")
    await mc.AsyncConvexStore(deployment).init()


async def test_a_store_closes_what_it_opened(deployment: mc.AsyncDeployment, tmp_path: Path) -> None:
    """And nothing else."""
    async with mc.AsyncConvexStore(deployment) as store:
        await store.memory.save_resource(mc.Resource(id="ada"))
    assert (await store.memory.list_threads()).total == 0
    own = mc.AsyncConvexStore(tmp_path / "own")
    await own.init()
    await own.close()
    with pytest.raises(mc.MastraConvexError, match="closed"):
        await own.memory.list_threads()


async def test_older_functions_do_what_they_can(tmp_path: Path) -> None:
    """The error of what they can't names what they can, and what to deploy."""
    shutil.copytree(TESTS.parent / "convex", tmp_path / "convex")
    records = tmp_path / "convex" / "mastra" / "model" / "records.ts"
    records.write_text(records.read_text().replace("  queryPage,\n", ""))
    async with mc.AsyncConvexStore(":memory:", functions=tmp_path / "convex") as store:
        await store.memory.save_thread(mc.Thread(id="t", resource_id="ada"))
        assert [thread.id async for thread in store.memory.iter_threads()] == ["t"]
        with pytest.raises(
            mc.UnsupportedOperationError, match=r"no 'queryPage' for mastra_threads; .* queryTable"
        ) as raised:
            await store.memory.list_threads()
    assert "updateThread" in raised.value.details["operations"]
    assert "npx convex deploy" in (raised.value.hint or "")


async def test_upstream_s_functions_serve_threads_and_messages(upstream: mc.AsyncMemoryStorage) -> None:
    """In the orders and parts asked for, though those functions know neither."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    for n in range(3):
        thread = {"id": f"t{n}", "resource_id": "ada", "metadata": {"$n": n}, "created_at": noon + timedelta(hours=n)}
        await upstream.save_thread(thread)
    messages = await upstream.save_messages(
        [
            mc.Message(id=f"m{n}", thread_id="t0", content=str(n), created_at=noon + timedelta(seconds=n), role=role)
            for n, role in enumerate(["user", "assistant", "system", "user", "user"])
        ]
    )
    assert {message.resource_id for message in messages} == {"ada"}
    assert [thread.id for thread in await upstream.list_threads(filter={"resource_id": "ada"})] == ["t2", "t1", "t0"]
    assert [message async for message in upstream.iter_messages("t0", order_by={"direction": "DESC"})] == messages[::-1]
    page = await upstream.list_messages("t0", per_page=2, page=1, order_by={"direction": "DESC"})
    assert (page.messages, page.total, page.has_more) == ([messages[2], messages[1]], 5, True)
    page = await upstream.list_messages(
        "t0", filter={"roles": ["user", "system"], "date_range": {"start": noon, "start_exclusive": True}}
    )
    assert (page.messages, page.total) == (messages[2:], 3)
    include = [{"id": "m2", "with_previous_messages": 1, "with_next_messages": 1}]
    assert (await upstream.list_messages("t0", per_page=0, include=include)).messages == messages[1:4]
    await upstream.delete_messages(["m0", "stranger"])
    assert await upstream.list_messages_by_id(["m1", "m0"]) == messages[1:2]
    thread = await upstream.get_thread_by_id("t0")
    assert thread is not None
    assert thread.updated_at > noon
    with pytest.raises(mc.ThreadNotFoundError, match="Thread x not found"):
        await upstream.save_messages([mc.Message(thread_id="x")])
    await upstream.delete_thread("t0")
    assert (await upstream.list_messages("t0")).total == 0
    assert (await upstream.list_threads()).total == 2


async def test_upstream_s_functions_serve_resources_and_observations(upstream: mc.AsyncMemoryStorage) -> None:
    """And begin a memory once."""
    await upstream.update_resource("ada", metadata={"a": 1})
    resource = await upstream.update_resource("ada", working_memory="x")
    assert resource == await upstream.get_resource_by_id("ada")
    assert resource.metadata == {"a": 1}
    first = await upstream.initialize_observational_memory(thread_id="t", resource_id="ada")
    assert await upstream.initialize_observational_memory(thread_id="t", resource_id="ada") == first
    await upstream.update_buffered_observations(first.id, {"cycle_id": "c", "observations": "o", "message_tokens": 5})
    assert (await upstream.swap_buffered_to_active(first.id, 1, 5, 5)).chunks_activated == 1
    record = await upstream.get_observational_memory("t", "ada")
    assert record is not None
    assert record.active_observations == "o"


async def test_what_upstream_s_functions_cannot_do_is_an_error(upstream: mc.AsyncMemoryStorage) -> None:
    """It says whose they are."""
    await upstream.save_thread(mc.Thread(id="t", resource_id="ada"))
    with pytest.raises(mc.UnsupportedOperationError, match="npm @mastra/convex's, have no 'copyThread'") as raised:
        await upstream.copy_thread("t")
    assert "npx convex deploy" in (raised.value.hint or "")


@pytest.mark.parametrize(("limits", "rows"), [("convex", 8193), ("off", 10_000)])
async def test_upstream_s_functions_lose_no_rows_silently(original: Path, limits: Any, rows: int) -> None:
    """They read 10,000 and never say that there are more; Convex holds lists of 8192."""
    async with mc.AsyncConvexStore(":memory:", functions=original, limits=limits) as store:
        await store.memory.save_thread(mc.Thread(id="t", resource_id="ada"))
        await store.memory.save_messages([mc.Message(thread_id="t") for _ in range(rows)])
        with pytest.raises(mc.LimitExceededError):
            await store.memory.list_messages("t")
