"""The deployments that every client test runs against."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import mastra_convex as mc
from mastra_convex import _native
from mastra_convex._async.store.domains import all_domains
from tests.contract.deployed import ADMIN_KEY, NATIVE_TABLES, STORAGE, URL
from tests.support.folders import component

KINDS = ["memory", "folder", "served", *(["deployed"] if URL else [])]

# The tests that run on a served component too: in a component, functions read pages in a way of their own.
IN_COMPONENT = {"test_cache", "test_memory_messages", "test_native_vector", "test_watch"}

# Served deployments that lack features, as older backends do, by the names of the features.
OLDER = {"served-before-september": ["getSnapshotTs"], "served-before-august": ["getSnapshotTs", "commitTs"]}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on each kind of deployment, unless it names some. Tests of vectors run on older backends too."""
    named = any(marker.args[0] == "deployment" for marker in metafunc.definition.iter_markers("parametrize"))
    if "deployment" in metafunc.fixturenames and not named:
        module = metafunc.module.__name__.rpartition(".")[2]
        older = list(OLDER) if module == "test_vector" else []
        component = ["component"] if module in IN_COMPONENT else []
        metafunc.parametrize("deployment", [*KINDS, *older, *component], indirect=True)


@pytest.fixture(autouse=True)
def storage_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let classes call the storage function that the environment names, if the test names none."""
    for kind in (mc.AsyncConvexStore, mc.AsyncConvexVector):
        defaults = kind.__init__.__kwdefaults__
        assert defaults is not None
        monkeypatch.setitem(defaults, "storage_function", STORAGE)


@pytest.fixture(scope="session")
def component_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our functions as a component, with the tables that the tests name."""
    return component(tmp_path_factory.mktemp("component"), NATIVE_TABLES)


@pytest.fixture
async def deployment(
    request: pytest.FixtureRequest, tmp_path: Path, component_folder: Path
) -> AsyncIterator[mc.AsyncDeployment]:
    """An empty deployment of each kind: in memory, in a folder, over HTTP, a component's, and the one that the
    environment names.
    """
    if request.param in ("served", *OLDER):
        embedded = _native.EmbeddedDeployment(
            None, functions=None, limits="convex", synchronous="full", lacks=OLDER.get(request.param, [])
        )
        # The tables that `schema.ts` declares on a deployment whose schema this package can't extend.
        for table, options in NATIVE_TABLES.items():
            embedded.declare_vector_table(table, options)
        server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
        async with mc.connect_async(server.url, admin_key=server.admin_key) as deployment:
            yield deployment
        server.stop()
    elif request.param == "component":
        embedded = _native.EmbeddedDeployment(None, functions=component_folder, limits="convex", synchronous="full")
        server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
        async with mc.connect_async(server.url, admin_key=server.admin_key, component="mastra") as deployment:
            yield deployment
        server.stop()
    elif request.param == "deployed":
        async with mc.connect_async(URL or "", admin_key=ADMIN_KEY) as deployment:
            await emptied(deployment)
            yield deployment
    else:
        target = ":memory:" if request.param == "memory" else tmp_path / "data"
        async with mc.connect_async(target) as deployment:
            yield deployment


async def emptied(deployment: mc.AsyncDeployment) -> None:
    """Delete the data of earlier tests on a shared deployment."""
    store = mc.AsyncConvexStore(deployment)
    for name in all_domains():
        domain = store.get_store(name)
        assert domain is not None
        await domain.dangerously_clear_all()
    # Tasks stored as documents, and an unknown table.
    for table in ("mastra_documents", "mine"):
        await store.clear(table)
    vectors = mc.AsyncConvexVector(deployment)
    for name in await vectors.list_indexes():
        await vectors.delete_index(name)
    for prefix in ("mastra:cache:", "mastra:"):
        await mc.AsyncConvexServerCache(deployment, key_prefix=prefix).clear()
    fields = {"idField": "id_field", "idIndexName": "id_index_name", "vectorField": "vector_field"}
    indexes = {
        table: mc.NativeIndex(
            table,
            options["dimensions"],
            metadata_field=options.get("metadataField", "metadata"),
            **{argument: options[name] for name, argument in fields.items() if name in options},
        )
        for table, options in NATIVE_TABLES.items()
    }
    native = mc.AsyncConvexNativeVector(deployment, indexes=indexes)
    for table in indexes:
        await native.truncate_index(table)


@pytest.fixture
def memory(deployment: mc.AsyncDeployment) -> mc.AsyncMemoryStorage:
    """The memory domain of an empty deployment."""
    return mc.AsyncConvexStore(deployment).memory
