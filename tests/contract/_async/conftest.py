"""The deployments that every client test runs against."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import mastra_convex as mc


@pytest.fixture(params=["memory", "folder"])
async def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[mc.AsyncDeployment]:
    """A deployment of each kind, empty."""
    target = ":memory:" if request.param == "memory" else tmp_path / "data"
    async with mc.connect_async(target) as deployment:
        yield deployment
