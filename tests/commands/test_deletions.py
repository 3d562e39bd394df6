"""`mastra-convex prune`, `forget` and `compact`, and commands on a folder that another process serves."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mastra_convex as mc
from tests.support.command import COMMAND, ENVIRONMENT, run
from tests.support.refusing import Convex, running
from tests.support.served import serve

SECRET = "Zanzibar-4711"


def done(*arguments: str | Path) -> Any:
    """The JSON output of a command, after it succeeded."""
    ended = run(*map(str, arguments), "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with what two people said, of which Ada's is old."""
    path = tmp_path / "agent-data"
    with mc.connect(path) as db:
        memory = mc.Memory(db, embed=lambda texts: [[len(text), 1.0] for text in texts])
        old = datetime.now(UTC) - timedelta(days=100)
        for person, word, at in (("ada", SECRET, old), ("bob", "harmless", datetime.now(UTC))):
            memory.remember(
                f"of-{person}",
                [
                    mc.Message(content=f"{person} says {word} {n}", thread_id=f"of-{person}", created_at=at)
                    for n in range(40)
                ],
                resource_id=person,
            )
            memory.set_working_memory(f"of-{person}", f"{person} likes {word}")
    return path


def words_in(folder: Path, word: str) -> list[str]:
    """The files of a folder that contain a word."""
    return [path.name for path in folder.iterdir() if word.encode() in path.read_bytes()]


def test_a_forgotten_person_is_gone_from_the_disk_after_compacting(folder: Path) -> None:
    """Other people's words stay. The person's id is gone too."""
    assert words_in(folder, SECRET)
    report = done("forget", folder, "ada")["deleted"]
    assert (report["mastra_messages"], report["mastra_threads"], report["mastra_vectors"]) == (40, 1, 40)
    done("compact", folder)
    assert words_in(folder, SECRET) == []
    assert words_in(folder, "of-ada") == []
    assert words_in(folder, "harmless")
    with mc.connect(folder) as db:
        assert mc.ConvexStore(db).memory.list_messages("of-bob").total == 40
    ended = run("forget", str(folder), "ada")
    assert (ended.returncode, ended.stdout) == (0, "Deleted 0 rows\n")


def test_ids_of_vectors_are_gone_from_the_disk_too(tmp_path: Path) -> None:
    """Those of a person's vectors after `forget`, those of other deleted vectors by `compact`."""
    folder = tmp_path / "agent-data"
    with mc.connect(folder) as db:
        docs = mc.ConvexVector(db).index("docs", dimension=2)
        for person in ("ada", "bob"):
            ids = [f"{person}-{SECRET}-{n}" for n in range(300)]
            docs.upsert([[n, 1] for n in range(300)], ids=ids, metadata=[{"resource_id": person}] * 300)
        docs.upsert([[1, 2]], ids=["harmless"])
        mc.ConvexStore(db).forget("ada")
        asked = {"table": "mastra_vector_changes", "where": [], "paginationOpts": {"cursor": None, "numItems": 100}}
        found = db.query("_system/mastra/documents", asked)["page"]
        assert not any("ada" in id for change in found for id in change["ids"])
        docs.delete_vectors(filter={"resource_id": "bob"})
        db.compact()
    assert words_in(folder, SECRET) == []
    assert words_in(folder, "harmless")


def test_old_rows_are_pruned(folder: Path) -> None:
    """Of all tables that have an age, or of named ones; and no more than asked for."""
    some = done("prune", folder, "--older-than", "90d", "--table", "mastra_messages", "--max-rows", "10")
    assert not some["is_complete"]
    assert sum(some["deleted"].values()) == 10
    ended = run("prune", str(folder), "--older-than", "90d")
    assert ended.returncode == 0, ended.stderr
    assert "mastra_messages" in ended.stdout
    with mc.connect(folder) as db:
        memory = mc.ConvexStore(db).memory
        assert (memory.list_messages("of-ada").total, memory.list_messages("of-bob").total) == (0, 40)


def test_compacting_makes_a_folder_as_small_as_a_new_one(tmp_path: Path) -> None:
    """After 99 of 100 rows were deleted."""
    vectors = np.random.default_rng(1).standard_normal((20_000, 64), dtype=np.float32)
    ids = [f"docs/pages/{n}" for n in range(len(vectors))]
    sizes = {}
    for name, rows in (("full", 20_000), ("small", 200)):
        with mc.connect(tmp_path / name) as db:
            docs = mc.ConvexVector(db).index("docs", dimension=64)
            docs.upsert(vectors[:rows], ids=ids[:rows])
            if rows > 200:
                docs.delete_vectors(ids=ids[200:])
        report = done("compact", tmp_path / name)
        sizes[name] = report["bytes_after"]
    assert sizes["full"] < 1.2 * sizes["small"]
    assert report["bytes_before"] >= report["bytes_after"]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder on which a command works for a while: 4,000 messages of each of two people, of which Ada's are old."""
    path = tmp_path_factory.mktemp("large") / "agent-data"
    with mc.connect(path) as db:
        memory = mc.ConvexStore(db).memory
        for person, at in (("ada", datetime.now(UTC) - timedelta(days=100)), ("bob", datetime.now(UTC))):
            memory.save_thread(mc.Thread(id=f"of-{person}", resource_id=person))
            messages = [mc.Message(content=f"{n}" * 99, thread_id=f"of-{person}", created_at=at) for n in range(4_000)]
            memory.save_messages(messages)
    return path


@pytest.mark.parametrize("command", ["compact", "prune", "forget", "export"])
def test_a_killed_command_loses_nothing_else_and_can_be_repeated(large: Path, tmp_path: Path, command: str) -> None:
    """It is killed at several moments of its work. The messages of the other person are there."""
    folder = tmp_path / "agent-data"
    arguments = {
        "compact": ["compact", str(folder)],
        "prune": ["prune", str(folder), "--older-than", "90d"],
        "forget": ["forget", str(folder), "ada"],
        "export": ["export", str(folder), str(tmp_path / "backup.zip")],
    }[command]
    erases = command in {"prune", "forget"}

    def check(*, is_done: bool) -> None:
        with mc.connect(folder) as db:
            memory = mc.ConvexStore(db).memory
            assert memory.list_messages("of-bob").total == 4_000
            left = memory.list_messages("of-ada").total
        assert left == 4_000 if not erases else left == 0 if is_done else left <= 4_000
        if is_done and command == "export":
            with mc.connect(":memory:") as db:
                assert db.import_snapshot(tmp_path / "backup.zip").tables["mastra_messages"][0] == 8_000

    shutil.copytree(large, folder)
    began = time.monotonic()
    assert run(*arguments).returncode == 0
    seconds = time.monotonic() - began
    check(is_done=True)
    for part in (0.5, 0.7, 0.9):
        shutil.rmtree(folder)
        (tmp_path / "backup.zip").unlink(missing_ok=True)
        shutil.copytree(large, folder)
        with subprocess.Popen([COMMAND, *arguments], env=ENVIRONMENT, stdout=subprocess.PIPE) as process:
            time.sleep(part * seconds)
            process.send_signal(signal.SIGKILL)
        check(is_done=process.returncode == 0)
        again = run(*arguments)
        assert again.returncode == 0 or "already exists" in again.stderr
        check(is_done=True)


def test_commands_go_through_the_process_that_serves_a_folder(folder: Path, tmp_path: Path) -> None:
    """Without a server there, the error says what to do."""
    with mc.connect(folder) as db:
        locked = run("export", str(folder), str(tmp_path / "no.zip"))
        assert locked.returncode == 3
        assert "let that process serve it: `db.serve()`" in locked.stderr
        with db.serve() as server:
            ended = run("export", str(folder), str(tmp_path / "backup.zip"))
            assert ended.returncode == 0, ended.stderr
            assert f"going through {server.url}" in ended.stderr
            assert done("forget", folder, "ada")["deleted"]["mastra_messages"] == 40
            sizes = done("compact", folder)
            assert 0 < sizes["bytes_after"] <= sizes["bytes_before"]
        assert mc.ConvexStore(db).memory.list_messages("of-ada").total == 0
    assert done("import", tmp_path / "backup.zip", folder, "--replace")["documents"] > 80


def test_a_deployment_on_convex_can_not_be_compacted() -> None:
    with serve(data=":memory:") as served, running(Convex(served.url)) as convex:
        ended = run("compact", convex.url, environment={"CONVEX_ADMIN_KEY": served.admin_key})
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "can't be compacted" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["compact", "http://127.0.0.1:9"], 6, "only the owner may compact"),
        (["compact", "./nowhere"], 2, "./nowhere is not a data folder"),
        (["prune", "./nowhere", "--older-than", "90d"], 2, "./nowhere is not a data folder"),
        (["prune", "{folder}", "--older-than", "old"], 2, 'expected a timedelta, or text such as "90d"'),
        (["prune", "{folder}", "--older-than", "1d", "--table", "mine"], 2, "table 'mine' can't be pruned"),
        (["forget", "./nowhere", "ada"], 2, "./nowhere is not a data folder"),
        (["forget", "{folder}", " "], 2, "resource_id is ' '; expected text, not empty"),
        (["forget", "http://127.0.0.1:9", "ada"], 4, "127.0.0.1:9"),
    ],
)
def test_invalid_arguments_change_nothing(folder: Path, arguments: list[str], code: int, message: str) -> None:
    ended = run(*(argument.format(folder=folder) for argument in arguments))
    assert (ended.returncode, ended.stdout) == (code, "")
    assert message in ended.stderr
    with mc.connect(folder) as db:
        assert mc.ConvexStore(db).memory.list_messages("of-ada").total == 40
