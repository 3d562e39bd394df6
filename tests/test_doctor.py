"""`mastra-convex doctor`: each thing that can be wrong is found, and says what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mastra_convex as mc
from tests.command import run
from tests.served import serve

FUNCTIONS = Path(__file__).parent / "functions" / "plain"
STORAGE = "mastra/storage:handle"


def findings(target: str | Path, admin_key: str = "") -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the findings by what was checked."""
    done = run("doctor", "--json", str(target), environment={"CONVEX_ADMIN_KEY": admin_key})
    return done.returncode, {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_a_folder_without_faults_is_said_to_be_whole(tmp_path: Path) -> None:
    with mc.ConvexVector(tmp_path) as vectors:
        vectors.index("docs", dimension=2).upsert([[1, 0]], ids=["a"])
    code, found = findings(tmp_path)
    assert (code, [finding["status"] for finding in found.values()]) == (0, ["ok"] * 3)
    assert found["index docs"]["message"] == "1 rows of dimension 2, cosine"
    done = run("doctor", str(tmp_path))
    assert done.stdout.startswith("✓ functions: version 1, this package's\n")


def test_what_is_wrong_in_a_folder_has_its_next_step(tmp_path: Path) -> None:
    with mc.connect(tmp_path) as db:
        mc.ConvexVector(db).create_index("docs", dimension=2)
        row = {"id": "a", "embedding": [1.0, 2.0, 3.0], "metadata": {}}
        db.mutation(STORAGE, {"op": "insert", "tableName": "mastra_vector_docs", "record": row})
        large = {"id": "large", "workingMemory": "x" * 1_000_000, "createdAt": "", "updatedAt": ""}
        db.mutation(STORAGE, {"op": "insert", "tableName": "mastra_resources", "record": large})
    code, found = findings(tmp_path)
    assert code == 0
    for check, said in {"index docs": "1 of 1 rows can't rank", "table mastra_resources": "1,000,0"}.items():
        assert found[check]["status"] == "warning"
        assert said in found[check]["message"]
        assert found[check]["hint"]
    path = tmp_path / "data.sqlite3"
    path.write_bytes(path.read_bytes()[:20_000])
    code, found = findings(tmp_path)
    assert code == 1
    assert "damaged" in found["deployment"]["message"]
    assert found["data.sqlite3"]["status"] == "problem"


def test_a_folder_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    with mc.connect(tmp_path):
        code, found = findings(tmp_path)
    assert (code, list(found)) == (1, ["deployment"])
    assert "mastra-convex serve" in found["deployment"]["hint"]


def test_a_served_deployment_needs_its_key_and_our_functions() -> None:
    with serve(data=":memory:") as server:
        for key, expected in [(server.admin_key, (0, ["functions"])), ("convex-self-hosted|00", (1, ["deployment"]))]:
            code, found = findings(server.url, key)
            assert (code, list(found)) == expected
    with serve(data=":memory:", functions=FUNCTIONS) as server:
        code, found = findings(server.url, server.admin_key)
        assert code == 1
        assert "mastra-convex init" in found["deployment"]["hint"]


def test_a_target_that_is_none_is_named(tmp_path: Path) -> None:
    done = run("doctor", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "nowhere/data.sqlite3 isn't there" in done.stderr
    assert not (tmp_path / "nowhere").exists()
    assert run("doctor", "http://127.0.0.1:1").returncode == 1
