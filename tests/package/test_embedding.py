"""Classes without `await` take async functions that embed, too."""

from __future__ import annotations

import asyncio
import threading

import pytest

import mastra_convex as mc


class Client:
    """As a client with connections: it works in one loop alone."""

    def __init__(self) -> None:
        self.loops: set[asyncio.AbstractEventLoop] = set()

    async def __call__(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text, made by waiting."""
        self.loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0)
        return [[1.0, len(text)] for text in texts]


def test_an_async_function_is_awaited_in_one_loop_of_its_thread() -> None:
    """All calls of a thread share a loop, since connections of a client belong to one; it closes with the thread."""
    client = Client()
    with mc.connect(":memory:") as db:

        def use() -> None:
            docs = mc.ConvexVector(db).index("docs", embed=client)
            docs.add(["one", "three"])
            assert docs.search("three", top_k=1)[0].metadata["text"] == "three"

        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
        assert len(client.loops) == 1
        use()
        assert len(client.loops) == 2
    del thread
    assert sorted(loop.is_closed() for loop in client.loops) == [False, True]


def test_an_async_function_in_a_running_loop_needs_the_async_class() -> None:
    """A class without `await` can't wait inside of a loop, and says so."""

    async def main() -> None:
        with mc.connect(":memory:") as db:
            memory = mc.Memory(db, Client())
            with pytest.raises(mc.InvalidArgumentError, match="needs the async class"):
                memory.remember("t", "Hi")

    asyncio.run(main())
