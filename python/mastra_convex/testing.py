"""Fixtures for pytest: each test gets its own embedded deployment, empty and in memory.

In ``conftest.py``::

    pytest_plugins = ["mastra_convex.testing"]

and in a test::

    def test_it_remembers(convex):
        memory = mc.ConvexStore(convex).memory
        memory.save_thread(mc.Thread(id="t1", resource_id="ada"))
        assert reply(memory, "t1", "Hi") == "Hello, Ada"

Tests share nothing, so they run in any order and in parallel. A deployment opens in some 20 ms.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator

import pytest

import mastra_convex as mc
from mastra_convex import _native


@pytest.fixture
def convex_functions() -> str | os.PathLike[str] | None:
    """The functions folder of the other fixtures; None for the built-in functions. Override it for your own."""
    return None


@pytest.fixture
def convex(convex_functions: str | os.PathLike[str] | None) -> Iterator[mc.Deployment]:
    """An open `Deployment`."""
    with mc.connect(":memory:", functions=convex_functions) as deployment:
        yield deployment


@pytest.fixture
def async_convex(convex_functions: str | os.PathLike[str] | None) -> Iterator[mc.AsyncDeployment]:
    """An `AsyncDeployment`, which opens at its first await, in any event loop."""
    deployment = mc.connect_async(":memory:", functions=convex_functions)
    yield deployment
    # A loop of its own: `asyncio.run` would leave the thread without one.
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(deployment.close())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


@pytest.fixture
def convex_url(convex_functions: str | os.PathLike[str] | None, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a deployment served on this machine, for code that connects by itself.

    ``CONVEX_URL`` and ``CONVEX_ADMIN_KEY`` are set for the test, so that `connect_from_env` opens it.
    """
    deployment = _native.EmbeddedDeployment(
        None,
        functions=None if convex_functions is None else os.fspath(convex_functions),
        limits="convex",
        synchronous="normal",
    )
    server = _native.HttpServer(deployment, host="127.0.0.1", port=0, folder=None)
    monkeypatch.setenv("CONVEX_URL", server.url)
    monkeypatch.setenv("CONVEX_ADMIN_KEY", server.admin_key)
    yield server.url
    server.stop()
    deployment.close()
