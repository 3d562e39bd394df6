"""How long a storage call takes, by kind of deployment, durability, and number of stored records.

A call inserts a record of about 300 bytes, or finds one by its id. It is compared with SQLite's own commit of as many
bytes by Python's `sqlite3`, with the same `synchronous`, and over HTTP with the same functions served by convex-test.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from tests.support.served import serve

import mastra_convex as mc

ROOT = Path(__file__).parent.parent
STORAGE = "mastra/storage:handle"
TARGETS = ["memory", "folder, normal", "folder, full"]


def insert(db: mc.Deployment, id: str) -> None:
    record = {"id": id, "workingMemory": "x" * 150, "metadata": {"a": 1}, "createdAt": "2026-01-01", "updatedAt": ""}
    assert db.mutation(STORAGE, {"op": "insert", "tableName": "mastra_resources", "record": record})["ok"]


def load(db: mc.Deployment, id: str) -> None:
    reply = db.mutation(STORAGE, {"op": "load", "tableName": "mastra_resources", "keys": {"id": id}})
    assert reply["result"]["id"] == id


def opened(target: str, folder: Path) -> mc.Deployment:
    if target == "memory":
        return mc.connect(":memory:")
    return mc.connect(folder, synchronous="normal" if target.endswith("normal") else "full")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.benchmark(group="indexed load")
def test_load(benchmark: BenchmarkFixture, target: str, tmp_path: Path) -> None:
    with opened(target, tmp_path) as db:
        for n in range(1000):
            insert(db, str(n))
        ids = (str(n % 1000) for n in itertools.count())
        benchmark.pedantic(lambda: load(db, next(ids)), rounds=2000, warmup_rounds=100)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.benchmark(group="small insert")
def test_insert(benchmark: BenchmarkFixture, target: str, tmp_path: Path) -> None:
    with opened(target, tmp_path) as db:
        ids = (str(n) for n in itertools.count())
        benchmark.pedantic(lambda: insert(db, next(ids)), rounds=1000, warmup_rounds=100)


@pytest.mark.parametrize("synchronous", ["normal", "full"])
@pytest.mark.benchmark(group="small insert")
def test_sqlite_alone(benchmark: BenchmarkFixture, synchronous: str, tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "bare.sqlite3", isolation_level=None)
    db.execute("PRAGMA page_size = 16384")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    # As many tables and indexes as an insert touches: the document, its index entries, the clock.
    db.execute("CREATE TABLE documents (row INTEGER PRIMARY KEY, body TEXT)")
    db.execute("CREATE TABLE entries (id INTEGER, key BLOB, row INTEGER, PRIMARY KEY (id, key)) WITHOUT ROWID")
    db.execute("CREATE TABLE settings (name TEXT PRIMARY KEY, value) WITHOUT ROWID")

    def commit() -> None:
        db.execute("BEGIN IMMEDIATE")
        row = db.execute("INSERT INTO documents (body) VALUES (?)", ("x" * 300,)).lastrowid
        for index in range(4):
            db.execute("INSERT INTO entries VALUES (?, ?, ?)", (index, os.urandom(40), row))
        for name in ("commit_timestamp", "creation_time"):
            db.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, row))
        db.execute("COMMIT")

    benchmark.pedantic(commit, rounds=1000, warmup_rounds=100)
    db.close()


@pytest.mark.parametrize("writers", [1, 4, 16])
@pytest.mark.benchmark(group='960 inserts, synchronous="full"')
def test_concurrent_inserts(benchmark: BenchmarkFixture, writers: int, tmp_path: Path) -> None:
    with mc.connect(tmp_path) as db, ThreadPoolExecutor(writers) as threads:
        ids = (str(n) for n in itertools.count())

        def insert_all() -> None:
            list(threads.map(partial(insert, db), itertools.islice(ids, 960)))

        benchmark.pedantic(insert_all, rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("documents", [1_000, 10_000, 100_000])
@pytest.mark.benchmark(group="indexed load over table size; and opening the folder")
def test_table_size(benchmark: BenchmarkFixture, documents: int, tmp_path: Path) -> None:
    with mc.connect(tmp_path, synchronous="normal") as db:
        for start in range(0, documents, 1000):
            record = {"workingMemory": "x" * 150, "createdAt": "2026-01-01", "updatedAt": ""}
            records = [{**record, "id": str(n)} for n in range(start, start + 1000)]
            db.mutation(STORAGE, {"op": "batchInsert", "tableName": "mastra_resources", "records": records})
    began = time.perf_counter()
    with mc.connect(tmp_path, synchronous="normal") as db:
        load(db, "0")
        benchmark.extra_info["seconds to open"] = round(time.perf_counter() - began, 3)
        ids = (str(n * 7919 % documents) for n in itertools.count())
        benchmark.pedantic(lambda: load(db, next(ids)), rounds=3000, warmup_rounds=100)


@contextmanager
def served(contestant: str, folder: Path) -> Iterator[mc.Deployment]:
    """The functions over HTTP on this machine."""
    if contestant == "mastra-convex serve":
        with serve(data=folder) as server, mc.connect(server.url, admin_key=server.admin_key) as db:
            yield db
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    npx = shutil.which("npx") or "npx"
    command = [npx, "vitest", "run", "--config", "benches/vitest.config.ts"]
    environment = {**os.environ, "PORT": str(port)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as process:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        with mc.connect(f"http://127.0.0.1:{port}", admin_key="none|0") as db:
            yield db
        urllib.request.urlopen(f"http://127.0.0.1:{port}/stop").read()
        assert process.wait(30) == 0


@pytest.mark.parametrize("call", [load, insert])
@pytest.mark.parametrize("contestant", ["mastra-convex serve", "convex-test in Node"])
@pytest.mark.benchmark(group="500 calls over HTTP, four at a time, 1,000 records stored")
def test_over_http(
    benchmark: BenchmarkFixture, contestant: str, call: Callable[[mc.Deployment, str], None], tmp_path: Path
) -> None:
    with served(contestant, tmp_path) as db, ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: insert(db, str(n)), range(1000)))
        numbers = itertools.count() if call is load else itertools.count(1000)

        def calls() -> Any:
            names = (str(n % 1000 if call is load else n) for n in itertools.islice(numbers, 500))
            return list(threads.map(partial(call, db), names))

        benchmark.pedantic(calls, rounds=3, warmup_rounds=1)
        benchmark.extra_info["calls a second"] = round(500 / benchmark.stats.stats.median)
