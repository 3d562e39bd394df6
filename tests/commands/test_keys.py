"""`mastra-convex keys`: what the server of a folder asks for."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import mastra_convex as mc
from tests.support.command import run
from tests.support.served import serve


def test_the_key_shown_is_the_one_that_counts(tmp_path: Path) -> None:
    with serve(data=tmp_path) as server:
        assert run("keys", "show", str(tmp_path)).stdout == server.admin_key + "\n"
        rotated = json.loads(run("keys", "rotate", str(tmp_path), "--json").stdout)["admin_key"]
        assert rotated != server.admin_key
    with serve(data=tmp_path) as server, mc.connect(server.url, admin_key=rotated) as db:
        assert server.admin_key == rotated
        assert mc.ConvexVector(db).list_indexes() == []
    assert stat.S_IMODE((tmp_path / "admin-key").stat().st_mode) == 0o600


def test_a_folder_without_data_gets_no_key(tmp_path: Path) -> None:
    for command in ("show", "rotate"):
        done = run("keys", command, str(tmp_path))
        assert done.returncode == 2
        assert "is not a data folder" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_key_says_how_to_go_on(tmp_path: Path) -> None:
    with mc.connect(tmp_path) as db:
        assert db.kind == "embedded"
    (tmp_path / "admin-key").write_text("nonsense")
    done = run("keys", "show", str(tmp_path))
    assert done.returncode == 2
    assert "holds no admin key: delete the file" in done.stderr
    assert run("keys", "rotate", str(tmp_path)).returncode == 0
