"""`mastra-convex doctor` finds each problem, and says how to fix it."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from mastra_convex import _native
from tests.support.checkout import FUNCTIONS
from tests.support.command import run
from tests.support.served import serve

PLAIN = FUNCTIONS / "plain"
STORAGE = "mastra/storage:handle"


def findings(target: str | Path, admin_key: str = "") -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the findings by the name of the check."""
    done = run("doctor", "--json", str(target), environment={"CONVEX_ADMIN_KEY": admin_key})
    return done.returncode, {finding["check"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_a_folder_without_faults_is_said_to_be_whole(tmp_path: Path) -> None:
    with mc.ConvexVector(tmp_path) as vectors:
        vectors.index("docs", dimension=2).upsert([[1, 0]], ids=["a"])
    code, found = findings(tmp_path)
    assert code == 0
    assert {finding["status"] for finding in found.values()} == {"ok"}
    assert list(found) == ["versions", "keys", "functions", "backend", "schema", "index docs", "data.sqlite3"]
    assert found["index docs"]["message"] == "1 rows of dimension 2, cosine"
    done = run("doctor", str(tmp_path))
    assert done.stdout.startswith(f"✓ versions: mastra-convex {mc.__version__}, SQLite 3.")
    assert "✓ functions: version 1, this package's (assumed; pass --functions DIR if" in done.stdout


def test_a_folder_is_opened_with_the_functions_that_it_is_served_with(tmp_path: Path) -> None:
    own, data = tmp_path / "convex", tmp_path / "data"
    assert run("init", str(own)).returncode == 0
    (own / "schema.ts").write_text(
        'import { defineSchema } from "convex/server";\nimport { mastraTables } from "./mastra/schema";\n'
        "const { mastra_threads, ...others } = mastraTables;\nexport default defineSchema(others);\n"
    )
    mc.connect(data, functions=own).close()
    done = run("doctor", str(data), "--functions", str(own))
    assert done.returncode == 1
    assert "✓ functions: version 1, this package's\n" in done.stdout
    assert "the schema lacks mastra_threads" in done.stdout
    with closing(sqlite3.connect(data / "data.sqlite3")) as file:
        tables = {row[0] for row in file.execute("SELECT name FROM tables")}
    assert "mastra_messages" in tables
    assert "mastra_threads" not in tables


def test_a_folder_that_a_process_serves_is_checked_through_it(tmp_path: Path) -> None:
    """The file too, while that process writes."""
    with mc.connect(tmp_path) as db, db.serve():
        index = mc.ConvexVector(db).index("docs", dimension=2)
        index.upsert([[1, 0]] * 3000, ids=[str(n) for n in range(3000)], metadata=[{"text": "x" * 20_000}] * 3000)
        index.delete_vectors(ids=[str(n) for n in range(2999)])
        code, found = findings(tmp_path)
        index.upsert([[0, 1]], ids=["later"])
    assert code == 0
    assert found["index docs"]["message"] == "1 rows of dimension 2, cosine"
    assert "assumed" not in found["functions"]["message"]
    assert found["data.sqlite3"]["message"].startswith("undamaged; ")
    with mc.connect(tmp_path):
        code, found = findings(tmp_path)
    assert code == 1
    assert "let that process serve it" in found["deployment"]["hint"]


def test_problems_in_a_folder_are_found_and_warnings_have_hints(tmp_path: Path) -> None:
    with mc.connect(tmp_path) as db:
        large = {"id": "large", "workingMemory": "x" * 1_000_000, "createdAt": "", "updatedAt": ""}
        db.mutation(STORAGE, {"op": "insert", "tableName": "mastra_resources", "record": large})
    assert run("keys", "show", str(tmp_path)).returncode == 0
    (tmp_path / "admin-key").chmod(0o640)
    code, found = findings(tmp_path)
    assert code == 0
    for check, said in {"keys": "other users of this machine can read", "table mastra_resources": "1,000,0"}.items():
        assert found[check]["status"] == "warning"
        assert said in found[check]["message"]
        assert found[check]["hint"]
    path = tmp_path / "data.sqlite3"
    path.write_bytes(path.read_bytes()[:20_000])
    code, found = findings(tmp_path)
    assert code == 1
    assert "damaged" in found["deployment"]["message"]
    assert found["data.sqlite3"]["status"] == "problem"


def test_a_document_that_is_not_as_it_was_written_is_found(tmp_path: Path) -> None:
    """`doctor` finds a bit that the disk flipped, which SQLite itself doesn't notice."""
    with mc.connect(tmp_path) as db:
        record = {"id": "a", "workingMemory": "as it was written", "createdAt": "", "updatedAt": ""}
        db.mutation(STORAGE, {"op": "insert", "tableName": "mastra_resources", "record": record})
    assert findings(tmp_path)[0] == 0
    path = tmp_path / "data.sqlite3"
    path.write_bytes(path.read_bytes().replace(b"as it was written", b"as it wax written"))
    code, found = findings(tmp_path)
    assert (code, found["data.sqlite3"]["status"]) == (1, "problem")
    assert (
        "1 documents aren't as they were written, the first in table mastra_resources"
        in found["data.sqlite3"]["message"]
    )


def test_rows_that_can_never_rank_are_told_by_reason(tmp_path: Path) -> None:
    """Rows of other clients that can never rank are reported by reason."""
    with mc.connect(tmp_path) as db:
        mc.ConvexVector(db).index("docs", dimension=2).upsert([[1, 0]], ids=["fine"])
        for id, embedding in {"a": [1, 2, 3], "b": [1, 2, 4], "c": [1, math.inf], "d": [0, 0]}.items():
            record = {"id": id, "embedding": embedding}
            db.mutation(STORAGE, {"op": "insert", "tableName": "mastra_vector_docs", "record": record})
    code, found = findings(tmp_path)
    assert (code, found["index docs"]["status"]) == (0, "warning")
    assert found["index docs"]["message"] == (
        "4 of 5 rows can't rank: 2 of dimension 3 instead of 2 ('a'), 1 with a number that isn't finite ('c'), "
        "1 of zeros, which have no cosine ('d')"
    )


def test_vectors_without_a_message_are_counted_and_deleted(tmp_path: Path) -> None:
    """`doctor` counts vectors whose message another client deleted; `--fix` deletes these and no others."""
    with mc.connect(tmp_path) as db:
        memory = mc.Memory(db, lambda texts: [[1.0, len(text)] for text in texts])
        saved = memory.remember("t", [f"text {n}" for n in range(300)], resource_id="ada")
        mc.ConvexStore(db).memory.delete_messages([one.id for one in saved[::3]], keep_vectors=True)
    code, found = findings(tmp_path)
    assert code == 0
    assert found["messages of memory_messages_2"]["message"] == "100 rows whose message is gone"
    assert found["messages of memory_messages_2"]["hint"] == "`mastra-convex doctor --fix` deletes them."
    assert "100 rows whose message is gone were deleted" in run("doctor", "--fix", str(tmp_path)).stdout
    assert "messages of memory_messages_2" not in findings(tmp_path)[1]
    with mc.ConvexVector(tmp_path) as vectors:
        left = {row.id for row in vectors.iter("memory_messages_2")}
    assert left == {one.id for n, one in enumerate(saved) if n % 3}


def test_a_schema_without_our_tables_is_told(tmp_path: Path) -> None:
    """A deployment with the functions but without their tables in its schema is reported."""
    assert run("init", str(tmp_path)).returncode == 0
    (tmp_path / "schema.ts").write_text(
        'import { defineSchema } from "convex/server";\nimport { mastraTables } from "./mastra/schema";\n'
        "const { mastra_threads, mastra_vectors, ...others } = mastraTables;\nexport default defineSchema(others);\n"
    )
    with serve(data=":memory:", functions=tmp_path) as server:
        code, found = findings(server.url, server.admin_key)
    assert code == 1
    assert found["functions"]["status"] == "ok"
    assert found["schema"]["message"] == "the schema lacks mastra_threads, mastra_vectors, or their indexes"
    assert "...mastraTables" in found["schema"]["hint"]


def test_a_folder_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    with mc.connect(tmp_path):
        code, found = findings(tmp_path)
    assert (code, list(found)) == (1, ["versions", "keys", "deployment"])
    assert "mastra-convex serve" in found["deployment"]["hint"]
    assert found["deployment"]["hint"] not in found["deployment"]["message"]


def test_a_served_deployment_needs_its_key_and_our_functions() -> None:
    with serve(data=":memory:") as server:
        for key, code, checks in [
            (server.admin_key, 0, ["keys", "functions", "backend", "schema"]),
            ("convex-self-hosted|00", 1, ["keys", "deployment"]),
            ("", 1, ["keys", "deployment"]),
        ]:
            found_code, found = findings(server.url, key)
            assert (found_code, list(found)) == (code, ["versions", *checks])
            assert found["keys"]["status"] == ("ok" if key else "warning")
            assert code == 0 or "CONVEX_ADMIN_KEY" in found["deployment"]["hint"]
    with serve(data=":memory:", functions=PLAIN) as server:
        code, found = findings(server.url, server.admin_key)
        assert code == 1
        assert "mastra-convex init" in found["deployment"]["hint"]


@pytest.mark.parametrize("has_timestamps", [True, False])
def test_the_features_of_the_backend_are_named(has_timestamps: bool) -> None:
    """On an older backend everything works, and `doctor` says what is slower and which backend is new enough."""
    embedded = _native.EmbeddedDeployment(
        None, functions=None, limits="convex", synchronous="full", lacks=[] if has_timestamps else ["commitTs"]
    )
    server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
    try:
        code, found = findings(server.url, server.admin_key)
    finally:
        server.stop()
    assert code == 0
    backend = found["backend"]
    if has_timestamps:
        assert (backend["status"], backend["hint"]) == ("ok", None)
        assert backend["message"] == "commit timestamps: yes"
        return
    assert backend["status"] == "warning"
    assert backend["message"].startswith("commit timestamps: no, so it is older than 30 July 2026; ")
    assert "searched in the deployment or read page by page" in backend["message"]
    assert "one of 30 July 2026 is the oldest with which everything works in full" in backend["hint"]


def test_a_target_that_is_none_is_named(tmp_path: Path) -> None:
    done = run("doctor", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "nowhere/data.sqlite3 doesn't exist" in done.stderr
    assert not (tmp_path / "nowhere").exists()
    assert run("doctor", "http://127.0.0.1:1").returncode == 1
