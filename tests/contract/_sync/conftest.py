# Generated from _async/conftest.py by tools/unasync.py: edit that.
"""The deployments that every client test runs against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import mastra_convex as mc


@pytest.fixture(params=["memory", "folder"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[mc.Deployment]:
    """A deployment of each kind, empty."""
    target = ":memory:" if request.param == "memory" else tmp_path / "data"
    with mc.connect(target) as deployment:
        yield deployment
