# Generated from _async/test_snapshots.py by tools/unasync.py: edit that.
"""Backups of a deployment in use, restores, and servers in front of a deployment of this process."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc

embedded = pytest.mark.parametrize("deployment", ["memory", "folder"], indirect=True)


def written(deployment: mc.Deployment, ids: list[str]) -> mc.VectorIndex:
    docs = mc.ConvexVector(deployment).index("docs", dimension=2)
    docs.upsert([[1, n] for n in range(len(ids))], ids=ids)
    return docs


def test_an_export_comes_back_by_an_import(deployment: mc.Deployment, tmp_path: Path) -> None:
    """The numbers of documents and their hashes are equal. The file is its owner's only."""
    docs = written(deployment, ["a", "b"])
    path = tmp_path / "backup.zip"
    phases: set[str] = set()
    exported = deployment.export(path, progress=lambda phase, done, total: phases.add(phase))
    assert "read" in phases
    assert exported.tables["mastra_vectors"][0] == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with mc.connect(":memory:") as other:
        imported = mc.import_snapshot(other, path)
        assert imported.tables == exported.tables
        [hit] = mc.ConvexVector(other).query("docs", [1, 0], top_k=1)
        assert hit.id == "a"
    docs.upsert([[1, 5]], ids=["c"])
    with pytest.raises(mc.AlreadyExistsError):
        mc.import_snapshot(deployment, path)
    restored = mc.import_snapshot(deployment, path, replace=True)
    assert restored.tables["mastra_vectors"] == exported.tables["mastra_vectors"]
    assert [hit.id for hit in docs.iter()] == ["a", "b"]


def test_an_export_never_replaces_a_file(deployment: mc.Deployment, tmp_path: Path) -> None:
    """Nor does a failed one leave a part of it."""
    written(deployment, ["a"])
    path = tmp_path / "backup.zip"
    path.write_text("another backup")
    with pytest.raises(mc.ConfigurationError, match=r"Deployment.export: .*backup.zip already exists"):
        deployment.export(path)
    assert path.read_text() == "another backup"

    def stop(phase: str, done: int, total: int) -> None:
        raise EOFError

    with pytest.raises(EOFError):
        deployment.export(tmp_path / "other.zip", progress=stop)
    with pytest.raises(mc.ConfigurationError, match="No such file"):
        deployment.export(tmp_path / "missing" / "backup.zip")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["backup.zip"]


def test_an_import_of_something_else_names_the_file(deployment: mc.Deployment, tmp_path: Path) -> None:
    path = tmp_path / "text.zip"
    path.write_text("no zip")
    with pytest.raises(mc.InvalidArgumentError, match=r"Deployment.import_snapshot: .*text.zip"):
        mc.import_snapshot(deployment, path)
    with pytest.raises(mc.ConfigurationError, match="No such file"):
        mc.import_snapshot(deployment, tmp_path / "missing.zip")
    with pytest.raises(mc.InvalidArgumentError, match="replace_all includes replace"):
        mc.import_snapshot(deployment, path, replace=True, replace_all=True)


@embedded
def test_a_deployment_of_this_process_can_be_served(deployment: mc.Deployment, tmp_path: Path) -> None:
    """Both see the same data. The server stops with the deployment, or before."""
    docs = written(deployment, ["a"])
    with deployment.serve() as server:
        assert server.admin_key not in repr(server)
        with mc.connect(server.url, admin_key=server.admin_key) as remote:
            written(remote, ["b"])
        assert len([hit for hit in docs.iter()]) == 2
        url = server.url
    with mc.connect(url, admin_key=server.admin_key, retries=0) as remote:
        with pytest.raises(mc.ConnectError):
            remote.query("a:b")
    other = deployment.serve()
    deployment.close()
    with mc.connect(other.url, admin_key=other.admin_key, retries=0) as remote:
        with pytest.raises(mc.ConnectError):
            remote.query("a:b")


@pytest.mark.parametrize("deployment", ["folder"], indirect=True)
def test_a_served_folder_says_where(deployment: mc.Deployment) -> None:
    """In a file that its owner only can read, as long as the server runs."""
    file = Path(deployment.url) / "served.json"
    server = deployment.serve()
    assert json.loads(file.read_text())["url"] == server.url
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    server.stop()
    server.stop()
    assert not file.exists()


def test_a_server_on_a_bad_address_is_refused(deployment: mc.Deployment) -> None:
    """A deployment behind a URL can't be served."""
    if deployment.kind == "http":
        with pytest.raises(mc.UnsupportedOperationError, match=r"Deployment.serve: http.* is served already"):
            deployment.serve()
        return
    for options in ({"host": "example.com"}, {"port": 65_536}, {"port": "x"}, {"allow_origins": ["nonsense"]}):
        given: Any = options
        with pytest.raises((mc.ConfigurationError, mc.InvalidArgumentError)):
            deployment.serve(**given)
    server = deployment.serve()
    with pytest.raises(mc.ConfigurationError, match="can't listen"):
        deployment.serve(port=int(server.url.rpartition(":")[2]))


@pytest.mark.parametrize("deployment", ["memory", "folder", "served"], indirect=True)
def test_compacting_gives_space_back(deployment: mc.Deployment) -> None:
    """Reads and writes go on with the same data."""
    docs = mc.ConvexVector(deployment).index("docs", dimension=2)
    docs.upsert([[1, n] for n in range(400)], metadata=[{"text": "x" * 5_000}] * 400)
    docs.truncate_index()
    docs.upsert([[1, 0]], ids=["a"])
    before, after = deployment.compact()
    assert after < before / 4
    assert [hit.id for hit in docs.query([1, 0])] == ["a"]
    docs.upsert([[0, 1]], ids=["b"])
    assert [hit.id for hit in docs.query([1, 0])] == ["a", "b"]


def test_only_the_owner_may_compact(deployment: mc.Deployment) -> None:
    with mc.connect(deployment.url, auth_token="a.b.c") as users:
        with pytest.raises(mc.PermissionDeniedError, match=r"Deployment\.compact: only the owner"):
            users.compact()
