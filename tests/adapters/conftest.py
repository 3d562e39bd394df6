"""The deployments that every adapter is tested on; `tools/adapters.py` makes an environment for each framework."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import mastra_convex as mc
from mastra_convex import _native


@pytest.fixture(params=["memory", "folder", "served"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[mc.Deployment]:
    """An empty deployment of each kind: in memory, in a folder, over HTTP."""
    if request.param == "served":
        embedded = _native.EmbeddedDeployment(None, functions=None, limits="convex", synchronous="full")
        server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
        with mc.connect(server.url, admin_key=server.admin_key) as deployment:
            yield deployment
        server.stop()
    else:
        with mc.connect(":memory:" if request.param == "memory" else tmp_path / "data") as deployment:
            yield deployment
