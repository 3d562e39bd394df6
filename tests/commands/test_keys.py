"""`mastra-convex keys` shows or replaces the admin key of a folder."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import textwrap
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


def test_a_full_disk_leaves_no_part_of_a_key(tmp_path: Path) -> None:
    """On a full disk, the error is the disk's, and the old key stays."""
    mc.connect(tmp_path).close()
    key = run("keys", "show", str(tmp_path)).stdout
    program = """
        import resource, signal, sys, mastra_convex as mc
        from mastra_convex import _native
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
        try:
            _native.admin_key(sys.argv[1], rotate=True)
        except mc.DiskFullError as error:
            print(error.code)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("DiskFull\n", "")
    assert [file.name for file in tmp_path.glob("admin-key*")] == ["admin-key"]
    assert run("keys", "show", str(tmp_path)).stdout == key
