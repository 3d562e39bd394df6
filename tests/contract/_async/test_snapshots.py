"""Backups of a deployment in use, restores, and servers in front of a deployment of this process."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc

embedded = pytest.mark.parametrize("deployment", ["memory", "folder"], indirect=True)


async def written(deployment: mc.AsyncDeployment, ids: list[str]) -> mc.AsyncVectorIndex:
    docs = await mc.AsyncConvexVector(deployment).index("docs", dimension=2)
    await docs.upsert([[1, n] for n in range(len(ids))], ids=ids)
    return docs


async def test_an_export_comes_back_by_an_import(deployment: mc.AsyncDeployment, tmp_path: Path) -> None:
    """The numbers of documents and their hashes are equal. The file is its owner's only."""
    docs = await written(deployment, ["a", "b"])
    path = tmp_path / "backup.zip"
    phases: set[str] = set()
    exported = await deployment.export(path, progress=lambda phase, done, total: phases.add(phase))
    assert "read" in phases
    assert exported.tables["mastra_vectors"][0] == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with mc.connect_async(":memory:") as other:
        imported = await mc.import_snapshot(other, path)
        assert imported.tables == exported.tables
        [hit] = await mc.AsyncConvexVector(other).query("docs", [1, 0], top_k=1)
        assert hit.id == "a"
    await docs.upsert([[1, 5]], ids=["c"])
    with pytest.raises(mc.AlreadyExistsError):
        await mc.import_snapshot(deployment, path)
    restored = await mc.import_snapshot(deployment, path, replace=True)
    assert restored.tables["mastra_vectors"] == exported.tables["mastra_vectors"]
    assert [hit.id async for hit in docs.iter()] == ["a", "b"]


async def test_an_export_never_replaces_a_file(deployment: mc.AsyncDeployment, tmp_path: Path) -> None:
    """Nor does a failed one leave a part of it."""
    await written(deployment, ["a"])
    path = tmp_path / "backup.zip"
    path.write_text("another backup")
    with pytest.raises(mc.ConfigurationError, match=r"Deployment.export: .*backup.zip already exists"):
        await deployment.export(path)
    assert path.read_text() == "another backup"

    def stop(phase: str, done: int, total: int) -> None:
        raise EOFError

    with pytest.raises(EOFError):
        await deployment.export(tmp_path / "other.zip", progress=stop)
    with pytest.raises(mc.ConfigurationError, match="No such file"):
        await deployment.export(tmp_path / "missing" / "backup.zip")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["backup.zip"]


async def test_an_import_of_something_else_names_the_file(deployment: mc.AsyncDeployment, tmp_path: Path) -> None:
    path = tmp_path / "text.zip"
    path.write_text("no zip")
    with pytest.raises(mc.InvalidArgumentError, match=r"Deployment.import_snapshot: .*text.zip"):
        await mc.import_snapshot(deployment, path)
    with pytest.raises(mc.ConfigurationError, match="No such file"):
        await mc.import_snapshot(deployment, tmp_path / "missing.zip")
    with pytest.raises(mc.InvalidArgumentError, match="replace_all includes replace"):
        await mc.import_snapshot(deployment, path, replace=True, replace_all=True)


@embedded
async def test_a_deployment_of_this_process_can_be_served(deployment: mc.AsyncDeployment, tmp_path: Path) -> None:
    """Both see the same data. The server stops with the deployment, or before."""
    docs = await written(deployment, ["a"])
    async with await deployment.serve() as server:
        assert server.admin_key not in repr(server)
        async with mc.connect_async(server.url, admin_key=server.admin_key) as remote:
            await written(remote, ["b"])
        assert len([hit async for hit in docs.iter()]) == 2
        url = server.url
    async with mc.connect_async(url, admin_key=server.admin_key, retries=0) as remote:
        with pytest.raises(mc.ConnectError):
            await remote.query("a:b")
    other = await deployment.serve()
    await deployment.close()
    async with mc.connect_async(other.url, admin_key=other.admin_key, retries=0) as remote:
        with pytest.raises(mc.ConnectError):
            await remote.query("a:b")


@pytest.mark.parametrize("deployment", ["folder"], indirect=True)
async def test_a_served_folder_says_where(deployment: mc.AsyncDeployment) -> None:
    """In a file that its owner only can read, as long as the server runs."""
    file = Path(deployment.url) / "served.json"
    server = await deployment.serve()
    assert json.loads(file.read_text())["url"] == server.url
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await server.stop()
    await server.stop()
    assert not file.exists()


async def test_a_server_on_a_bad_address_is_refused(deployment: mc.AsyncDeployment) -> None:
    """A deployment behind a URL can't be served."""
    if deployment.kind == "http":
        with pytest.raises(mc.UnsupportedOperationError, match=r"Deployment.serve: http.* is served already"):
            await deployment.serve()
        return
    for options in ({"host": "example.com"}, {"port": 65_536}, {"port": "x"}, {"allow_origins": ["nonsense"]}):
        given: Any = options
        with pytest.raises((mc.ConfigurationError, mc.InvalidArgumentError)):
            await deployment.serve(**given)
    server = await deployment.serve()
    with pytest.raises(mc.ConfigurationError, match="can't listen"):
        await deployment.serve(port=int(server.url.rpartition(":")[2]))


@pytest.mark.parametrize("deployment", ["memory", "folder", "served"], indirect=True)
async def test_compacting_gives_space_back(deployment: mc.AsyncDeployment) -> None:
    """Reads and writes go on with the same data."""
    docs = await mc.AsyncConvexVector(deployment).index("docs", dimension=2)
    await docs.upsert([[1, n] for n in range(400)], metadata=[{"text": "x" * 5_000}] * 400)
    await docs.truncate_index()
    await docs.upsert([[1, 0]], ids=["a"])
    before, after = await deployment.compact()
    assert after < before / 4
    assert [hit.id for hit in await docs.query([1, 0])] == ["a"]
    await docs.upsert([[0, 1]], ids=["b"])
    assert [hit.id for hit in await docs.query([1, 0])] == ["a", "b"]


async def test_only_the_owner_may_compact(deployment: mc.AsyncDeployment) -> None:
    async with mc.connect_async(deployment.url, auth_token="a.b.c") as users:
        with pytest.raises(mc.PermissionDeniedError, match=r"Deployment\.compact: only the owner"):
            await users.compact()
