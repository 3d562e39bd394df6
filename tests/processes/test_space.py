"""The space of deleted documents, the log, and expired cache rows go by themselves."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import mastra_convex as mc
from tests.support.folders import functions_with

FILES = """
import { mutation } from "./_generated/server";

const text = "x".repeat(900_000);

export const fill = mutation(async ({ db }) => {
  for (let n = 0; n < 8; n++) await db.insert("files", { text });
});

export const drop = mutation(async ({ db }) => {
  for (const { _id } of await db.query("files").take(8)) await db.delete(_id);
});
"""


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Functions that fill a table with 7 MB at a time, and empty it."""
    return functions_with(tmp_path_factory.mktemp("functions") / "convex", {"files.ts": FILES})


def until(done: Callable[[], bool]) -> None:
    while not done():
        time.sleep(0.05)


def size(folder: Path, name: str = "data.sqlite3") -> int:
    return (folder / name).stat().st_size


def fill_and_empty(db: mc.Deployment) -> None:
    """Write 58 MB, and delete all but 7 of them."""
    for _ in range(8):
        db.mutation("files:fill")
    for _ in range(7):
        db.mutation("files:drop")


def test_much_free_space_is_given_back_while_others_write(tmp_path: Path, functions: Path) -> None:
    with mc.connect(tmp_path, functions=functions, limits="off") as db:
        cache = mc.ConvexServerCache(db)
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                cache.set("key", "value")

        writer = threading.Thread(target=write)
        writer.start()
        fill_and_empty(db)
        # The writer's commits are what looks for free space.
        until(lambda: size(tmp_path) < 20e6)
        stop.set()
        writer.join()
        assert cache.get("key") == "value"
    with closing(sqlite3.connect(tmp_path / "data.sqlite3")) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert file.execute("SELECT count(*) FROM documents WHERE length(body) > 900000").fetchall() == [(8,)]


def test_a_closed_folder_is_free_even_while_space_was_given_back(tmp_path: Path, functions: Path) -> None:
    with mc.connect(tmp_path, functions=functions, limits="off") as db:
        fill_and_empty(db)
        for _ in range(300):
            mc.ConvexServerCache(db).set("key", "value")
    program = "import sys, mastra_convex as mc; print(mc.connect(sys.argv[1]).mutation(*eval(sys.argv[2])))"
    call = ("mastra/storage:handle", {"op": "version", "tableName": "mastra_threads"})
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), repr(call)], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == ""
    assert "'ok': True" in done.stdout


def test_a_folder_of_an_older_version_can_give_pages_back_once_it_is_compact(tmp_path: Path) -> None:
    mc.connect(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "data.sqlite3", isolation_level=None)) as file:
        file.execute("PRAGMA journal_mode = DELETE")
        file.execute("PRAGMA auto_vacuum = NONE")
        file.execute("VACUUM")
        assert file.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    with mc.connect(tmp_path) as db:
        db.compact()
    with closing(sqlite3.connect(tmp_path / "data.sqlite3")) as file:
        assert file.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_the_log_is_short_after_an_import(tmp_path: Path, functions: Path) -> None:
    with mc.connect(tmp_path / "one", functions=functions, limits="off") as db:
        for _ in range(12):
            db.mutation("files:fill")
        db.export(tmp_path / "file.zip")
    with mc.connect(tmp_path / "two", functions=functions, limits="off") as db:
        db.import_snapshot(tmp_path / "file.zip")
        until(lambda: size(tmp_path / "two", "data.sqlite3-wal") <= 64 << 20)
        assert size(tmp_path / "two") > 80e6


def test_writers_do_not_wait_for_a_long_export(tmp_path: Path, functions: Path) -> None:
    """Its snapshot keeps the log from being cut. If each look for space waited, this test would last for minutes."""
    with mc.connect(tmp_path / "data", functions=functions, limits="off") as db:
        db.mutation("files:fill")
        begun, goes_on = threading.Event(), threading.Event()

        def hold(phase: str, done: int, total: int) -> None:
            begun.set()
            goes_on.wait()

        export = threading.Thread(target=db.export, args=[tmp_path / "file.zip"], kwargs={"progress": hold})
        export.start()
        begun.wait()
        try:
            for _ in range(12):
                db.mutation("files:fill")
            assert size(tmp_path / "data", "data.sqlite3-wal") > 64 << 20
            cache = mc.ConvexServerCache(db)
            for _ in range(64 * 30):
                cache.set("key", "value")
        finally:
            goes_on.set()
            export.join()
    with mc.connect(":memory:", limits="off") as other:
        assert other.import_snapshot(tmp_path / "file.zip").tables["files"][0] == 8


HOLD_AND_RELEASE = """
import sys, threading, mastra_convex as mc

folder, functions, file = sys.argv[1:]
db = mc.connect(folder, functions=functions, limits="off")
db.mutation("files:fill")
begun, goes_on = threading.Event(), threading.Event()

def hold(phase, done, total):
    begun.set()
    goes_on.wait()

export = threading.Thread(target=db.export, args=[file], kwargs={"progress": hold})
export.start()
begun.wait()
for _ in range(16):
    db.mutation("files:fill")
print(flush=True)
goes_on.set()
export.join()
cache = mc.ConvexServerCache(db)
for n in range(10**6):
    cache.set("last", n)
    print(n, flush=True)
"""


def test_a_log_is_cut_after_a_long_export_and_a_kill_meanwhile_loses_nothing(tmp_path: Path, functions: Path) -> None:
    """Its pages are all in the data by then; an end that is missing too early would bring older pages back."""
    folder, log = tmp_path / "data", "data.sqlite3-wal"
    program = [sys.executable, "-c", HOLD_AND_RELEASE, *map(str, (folder, functions, tmp_path / "file.zip"))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "\n"
        longest = size(folder, log)
        assert longest > 100e6
        last = process.stdout.readline()
        while size(folder, log) >= longest and (line := process.stdout.readline()):
            last = line
        process.kill()
        last = (process.stdout.read().splitlines() or [last])[-1]
    assert size(folder, log) >= 64 << 20
    with mc.connect(folder, functions=functions, limits="off") as db:
        assert mc.ConvexServerCache(db).get("last") in (int(last), int(last) + 1)
        assert int(db.query("_system/cli/tableSize", {"tableName": "files"})) == 17 * 8
    with closing(sqlite3.connect(folder / "data.sqlite3")) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_expired_cache_rows_go_by_themselves() -> None:
    """Of all keys of a prefix, in transactions after some of the writes."""
    with mc.connect(":memory:") as db:

        def rows() -> int:
            return int(db.query("_system/cli/tableSize", {"tableName": "mastra_cache"}))

        short = mc.ConvexServerCache(db, ttl_ms=1)
        for n in range(200):
            short.set(f"key {n}", "value")
            short.list_push(f"list {n}", "item")
        lasting = mc.ConvexServerCache(db)

        def write() -> bool:
            lasting.set("kept", "value")
            return rows() == 1

        until(write)
        assert lasting.get("kept") == "value"
        assert int(db.query("_system/cli/tableSize", {"tableName": "mastra_cache_list_items"})) == 0
