"""How fast 100,000 × 768 float32 are upserted into an embedded index, and the peak of memory.

Each run has a fresh process. Memory is the process's peak, less its memory before the array was made, as a multiple of
the array's bytes: the array itself is 1. "queried" is an index whose rows are in memory already, so that each call adds
to them. It is compared with SQLite alone, by Python's `sqlite3`: the same bytes in as many transactions.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import mastra_convex as mc

ROWS, DIMENSION, ROWS_A_CALL = 100_000, 768, 500
RAW = ROWS * DIMENSION * 4


class Run:
    """One contestant, in a process of its own."""

    def __init__(self, contestant: str, target: str) -> None:
        self.write = (sqlite_alone if contestant == "SQLite alone" else upsert)(target, contestant == "queried")
        self.rss = memory("VmRSS")
        self.rows = np.random.default_rng(1).standard_normal((ROWS, DIMENSION), np.float32)


run: Run


def begin(contestant: str, target: str) -> None:
    global run
    run = Run(contestant, target)


def write() -> None:
    run.write(run.rows)


def peak() -> float:
    return (memory("VmHWM") - run.rss) / RAW


def memory(name: str) -> int:
    """A line of the process's status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def upsert(target: str, is_queried: bool) -> Callable[[np.ndarray], None]:
    docs = mc.ConvexVector(mc.connect(target, synchronous="normal")).index("docs", DIMENSION)
    if is_queried:
        assert not docs.query(np.ones(DIMENSION))

    def write(rows: np.ndarray) -> None:
        docs.upsert(rows, ids=[str(row) for row in range(ROWS)])
        if not is_queried:
            return
        [hit] = docs.query(rows[-1], top_k=1, include_vector=True)
        assert hit.id == str(ROWS - 1)
        assert np.asarray(hit.vector).tobytes() == rows[-1].tobytes()

    return write


def sqlite_alone(target: str, _: bool) -> Callable[[np.ndarray], None]:
    db = sqlite3.connect(target if target == ":memory:" else f"{target}/bare.sqlite3", isolation_level=None)
    db.execute("PRAGMA page_size = 16384")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA wal_autocheckpoint = 2048")
    # A vector in a data folder: a document, and entries in four indexes.
    db.execute("CREATE TABLE documents (row INTEGER PRIMARY KEY, body TEXT, packed BLOB)")
    db.execute("CREATE TABLE entries (id INTEGER, key BLOB, row INTEGER, PRIMARY KEY (id, key)) WITHOUT ROWID")

    def keys(row: int) -> Iterator[tuple[int, bytes, int]]:
        id = row.to_bytes(8) + os.urandom(24)
        for index, length in enumerate([0, 10, 16, 24]):
            yield index, bytes(length) + id, row

    def write(rows: np.ndarray) -> None:
        for start in range(0, ROWS, ROWS_A_CALL):
            numbers = range(start, start + ROWS_A_CALL)
            db.execute("BEGIN IMMEDIATE")
            documents = ((row, f'{{"id":"{row}","indexName":"docs"}}', rows[row].tobytes()) for row in numbers)
            db.executemany("INSERT INTO documents VALUES (?, ?, ?)", documents)
            db.executemany("INSERT INTO entries VALUES (?, ?, ?)", (key for row in numbers for key in keys(row)))
            db.execute("COMMIT")

    return write


@pytest.mark.parametrize("target", ["memory", "folder, normal"])
@pytest.mark.parametrize("contestant", ["upsert", "queried", "SQLite alone"])
@pytest.mark.benchmark(group="upsert 100,000 × 768 float32")
def test_upsert(benchmark: BenchmarkFixture, contestant: str, target: str, tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        process.submit(begin, contestant, ":memory:" if target == "memory" else str(tmp_path)).result()
        benchmark.pedantic(lambda: process.submit(write).result(), rounds=1)
        benchmark.extra_info["rows a second"] = round(ROWS / benchmark.stats.stats.median)
        benchmark.extra_info["peak memory over raw bytes"] = round(process.submit(peak).result(), 2)
