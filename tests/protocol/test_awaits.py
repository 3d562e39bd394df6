"""Awaited calls run at once, and none waits for the threads of another."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

import mastra_convex as mc
from tests.support.served import Served, serve

WATCH = "mastra/queries:watchThread"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(data=":memory:") as served:
        yield served


@pytest.mark.parametrize("kind", ["embedded", "http"])
async def test_a_thousand_calls_are_awaited_at_once(kind: str, served: Served) -> None:
    target = served.url if kind == "http" else ":memory:"
    options = {"admin_key": served.admin_key} if kind == "http" else {}
    async with mc.connect_async(target, **options) as db:  # type: ignore[arg-type]
        found = await asyncio.gather(*(db.query(WATCH, {"threadId": str(number)}) for number in range(1000)))
    assert found == [None] * 1000


async def test_a_host_that_hangs_holds_up_no_call_in_this_process() -> None:
    """A silent host delays no other call, and neither does a program that uses all threads of asyncio's executor."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with mc.connect_async(url, timeout=20, retries=0) as far, mc.connect_async(":memory:") as near:
            await near.query(WATCH, {"threadId": "t"})
            vectors = mc.AsyncConvexVector(far)
            hanging = [asyncio.ensure_future(far.query("a:b")) for _ in range(40)]
            hanging += [asyncio.ensure_future(vectors.query("a", [1.0, 2.0])) for _ in range(40)]
            busy = [asyncio.ensure_future(asyncio.to_thread(time.sleep, 2)) for _ in range(40)]
            await asyncio.sleep(0.2)
            began = time.monotonic()
            assert await near.query(WATCH, {"threadId": "t"}) is None
            assert time.monotonic() - began < 1
            for task in hanging:
                task.cancel()
            outcomes = await asyncio.gather(*hanging, return_exceptions=True)
            assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
            await asyncio.gather(*busy)


async def test_a_cancelled_call_ends_at_once() -> None:
    """A cancelled call ends at once. Its note says that the outcome of a mutation isn't known."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with mc.connect_async(url, timeout=20) as db:
            call = asyncio.ensure_future(db.mutation("a:b"))
            await asyncio.sleep(0.2)
            call.cancel()
            began = time.monotonic()
            with pytest.raises(asyncio.CancelledError) as caught:
                await call
            assert time.monotonic() - began < 0.5
    assert caught.value.__notes__ == ["It is not known whether a:b was executed."]


async def test_a_token_provider_that_blocks_holds_up_no_loop(served: Served) -> None:
    """A token provider runs on a thread, so it doesn't block the loop. Its exception is the call's."""

    def token() -> str:
        time.sleep(0.5)
        raise LookupError("no token")

    async with mc.connect_async(served.url, auth_token=token) as db:
        call = asyncio.ensure_future(db.query("a:b"))
        began = time.monotonic()
        await asyncio.sleep(0.1)
        assert time.monotonic() - began < 0.4
        with pytest.raises(LookupError, match="no token"):
            await call
