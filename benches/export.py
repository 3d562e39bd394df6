"""Measures the writes of a program while another thread exports the folder: `just bench-export`.

A writer saves 300 messages a second: for a while alone, then beside an export of 30,000 vectors, then alone again, when
the log that the export kept is moved to the data and cut.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, sleep

import numpy as np

import mastra_convex as mc

ROWS, DIMENSION, WRITES_PER_SECOND, ALONE = 30_000, 768, 300, 3.0


def main() -> None:
    """Measure both levels of durability, and print a table."""
    print(
        "| | alone: median, 99th, worst | beside an export | after it | the export |\n| --- | --- | --- | --- | --- |"
    )
    for synchronous in ("full", "normal"):
        with tempfile.TemporaryDirectory() as folder:
            print(f"| `{synchronous}` | {measure(Path(folder), synchronous)} |")


def measure(folder: Path, synchronous: str) -> str:
    """The writes of the three times, in milliseconds, and the seconds and the size of the export."""
    with mc.connect(folder / "data", synchronous=synchronous) as db:  # type: ignore[arg-type]
        index = mc.ConvexVector(db).index("docs", DIMENSION)
        random = np.random.default_rng(0)
        for _ in range(ROWS // 1000):
            index.upsert(random.standard_normal((1000, DIMENSION), np.float32))
        memory = mc.ConvexStore(db).memory
        memory.save_thread(mc.Thread(id="t", resource_id="ada"))
        took: list[list[float]] = [[]]
        stop = Event()

        def write() -> None:
            due = perf_counter()
            while not stop.is_set():
                due = max(due + 1 / WRITES_PER_SECOND, perf_counter())
                sleep(max(0.0, due - perf_counter()))
                began = perf_counter()
                memory.save_messages([mc.Message(thread_id="t", role="user", content="Where is my parcel?")])
                took[-1].append(perf_counter() - began)

        writer = Thread(target=write)
        writer.start()
        try:
            sleep(ALONE)
            took.append([])
            began = perf_counter()
            db.export(folder / "backup.zip")
            seconds = perf_counter() - began
            took.append([])
            sleep(ALONE)
        finally:
            stop.set()
            writer.join()
    size = (folder / "backup.zip").stat().st_size
    return " | ".join([*map(summary, took), f"{seconds:.1f} s, {size / 1e6:,.0f} MB"])


def summary(times: list[float]) -> str:
    """Median, 99th percentile and worst in milliseconds."""
    ordered = sorted(times)
    wanted = (ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100], ordered[-1])
    return ", ".join(f"{time * 1e3:.1f}" for time in wanted) + " ms"


if __name__ == "__main__":
    main()
