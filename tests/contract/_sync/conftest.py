# Generated from _async/conftest.py by tools/unasync.py: edit that.
"""The deployments that every client test runs against."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import mastra_convex as mc
from mastra_convex import _native

NATIVE_TABLES = {
    "docs_vectors": {"dimensions": 2, "filterFields": ["kind", "n"]},
    "real_vectors": {"dimensions": 384, "filterFields": ["kind", "public"]},
    "odd": {
        "dimensions": 2,
        "filterFields": ["kind"],
        "idField": "key",
        "idIndexName": "by_key",
        "vectorField": "v",
        "metadataField": "m",
    },
}


@pytest.fixture(params=["memory", "folder", "served"])
def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[mc.Deployment]:
    """A deployment of each kind, empty: in memory, in a folder, and over HTTP."""
    if request.param == "served":
        embedded = _native.EmbeddedDeployment(None, functions=None, limits="convex", synchronous="full")
        # What `schema.ts` declares on a deployment that isn't ours to extend.
        for table, options in NATIVE_TABLES.items():
            embedded.declare_vector_table(table, options)
        server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
        with mc.connect(server.url, admin_key=server.admin_key) as deployment:
            yield deployment
        server.stop()
    else:
        target = ":memory:" if request.param == "memory" else tmp_path / "data"
        with mc.connect(target) as deployment:
            yield deployment


@pytest.fixture
def memory(deployment: mc.Deployment) -> mc.MemoryStorage:
    """The memory of an empty deployment."""
    return mc.ConvexStore(deployment).memory
