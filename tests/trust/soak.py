"""An hour of mixed load on one server: memory, open files and threads stay as they were."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np

import mastra_convex as mc
from tests.support.checkout import FUNCTIONS
from tests.support.served import serve
from tests.trust.row import Found

CLIENTS = 4
MIB = 1 << 20


def pid_of(folder: Path) -> int:
    """The process that has a folder open."""
    return int((folder / "lock").read_text())


def used(pid: int) -> tuple[int, int, int]:
    """A process's memory in bytes, its open files, and its threads."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    memory, threads = int(fields["VmRSS"].split()[0]) << 10, int(fields["Threads"])
    return memory, len(list(Path(f"/proc/{pid}/fd").iterdir())), threads


def check(seed: int, amount: int) -> Found:
    """Write, read, search, subscribe, and connect again, for some seconds; the data stays of one size."""
    calls, wrong, ended = [0] * CLIENTS, [], threading.Event()
    with TemporaryDirectory() as parent:
        folder = Path(parent) / "data"
        with serve(data=folder, functions=FUNCTIONS / "chat") as served:
            pid = pid_of(folder)

            def work(number: int) -> None:
                random = Random(f"{seed} {number}")
                try:
                    while not ended.is_set():
                        with (
                            mc.connect(served.url, admin_key=served.admin_key) as db,
                            db.subscribe("chat:count", {"name": f"{number}"}) as counts,
                        ):
                            for _ in range(random.randint(1, 40)):
                                db.mutation("chat:increment", {"name": f"{number}"})
                                db.query("chat:list", {"room": "a"})
                                counts.next(timeout=30)
                                calls[number] += 3
                except Exception as error:
                    wrong.append(f"client {number}: {error!r}")
                    ended.set()

            threads = [threading.Thread(target=work, args=(number,)) for number in range(CLIENTS)]
            for thread in threads:
                thread.start()
            samples, until = [], time.monotonic() + amount
            while time.monotonic() < until and not ended.is_set():
                time.sleep(min(1.0, amount / 30))
                samples.append(used(pid))
            ended.set()
            for thread in threads:
                thread.join()
            assert wrong == [], wrong[:3]
    # The first third warms up.
    warm = np.array(samples[len(samples) // 3 :], dtype=float)
    half = len(warm) // 2
    before, after = np.median(warm[:half], axis=0), np.median(warm[half:], axis=0)
    assert after[0] < before[0] * 1.05 + 8 * MIB, f"memory grew from {before[0] / MIB:.0f} to {after[0] / MIB:.0f} MiB"
    assert after[1] <= before[1] + 8, f"open files grew from {before[1]:.0f} to {after[1]:.0f}"
    assert after[2] <= before[2] + 4, f"threads grew from {before[2]:.0f} to {after[2]:.0f}"
    figures = f"{sum(calls):,} calls; memory {before[0] / MIB:.0f} to {after[0] / MIB:.0f} MiB"
    return Found(amount, figures + f", files {before[1]:.0f} to {after[1]:.0f}")
