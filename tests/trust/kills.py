"""Processes that are killed at random moments: one that has a folder open, `serve`, an import, a compaction."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import mastra_convex as mc
from tests.support.checkout import ROOT
from tests.trust.row import Found
from tests.trust.workload import last_of, perform, state, verify


@contextmanager
def process(*arguments: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A Python process, which is killed in the end."""
    command = [sys.executable, *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | environment, stdout=subprocess.PIPE, text=True) as begun:
        try:
            yield begun
        finally:
            begun.send_signal(signal.SIGKILL)


def wait_for(file: Path, lines: int) -> None:
    """Wait until the workload has acknowledged so many operations."""
    until = time.monotonic() + 30
    while not file.exists() or file.read_bytes().count(b"\n") < lines:
        assert time.monotonic() < until, "the process makes no progress"
        time.sleep(0.001)


def check(seed: int, amount: int) -> Found:
    """Kill the writing process again and again, with the state kept: half embedded, half behind `serve`."""
    random, times, lost_acks = Random(seed), [], 0
    with TemporaryDirectory() as parent:
        for kind in ("embedded", "serve"):
            folder, file, first = Path(parent) / kind, Path(parent) / f"{kind}.acknowledged", 0
            for _ in range(amount // 2):
                file.unlink(missing_ok=True)
                least = random.randrange(1, 6)
                if kind == "embedded":
                    synchronous = random.choice(["full", "normal"])
                    workload = ("-m", "tests.trust.workload", folder, first, 10**9, file)
                    with process(*workload, TRUST_SYNCHRONOUS=synchronous, TRUST_COMPACTS="1"):
                        wait_for(file, least)
                        time.sleep(random.uniform(0, 0.02))
                else:
                    serve = ("-m", "mastra_convex", "serve", "--port", 0, "--json", "--data", folder)
                    with process(*serve) as served:
                        assert served.stdout is not None
                        at = json.loads(served.stdout.readline())
                        client = threading.Thread(target=follow, args=(at, first, file))
                        client.start()
                        wait_for(file, least)
                        time.sleep(random.uniform(0, 0.02))
                        served.send_signal(signal.SIGKILL)
                        client.join()
                acknowledged = max(first - 1, last_of(file.read_bytes()))
                began = time.perf_counter()
                with mc.connect(folder) as db:
                    times.append(time.perf_counter() - began)
                    last = verify(db, acknowledged, compacts=kind == "embedded")
                lost_acks += last - acknowledged
                first = last + 1
                # The state stays small, so that a check takes as long in the end as in the beginning.
                if first > 300:
                    for part in folder.iterdir():
                        part.unlink()
                    first = 0
    slowest = sorted(times)[len(times) * 99 // 100]
    return Found(2 * (amount // 2), f"p99 to open again: {slowest * 1000:.0f} ms")


def follow(served: dict[str, str], first: int, file: Path) -> None:
    """Write over HTTP until the server is gone."""
    with file.open("ab", buffering=0) as acknowledged:
        try:
            with mc.connect(served["url"], admin_key=served["admin_key"], retries=0) as db:
                for number in range(first, 10**9):
                    perform(db, number)
                    acknowledged.write(f"{number}\n".encode())
        except mc.MastraConvexError:
            pass


# The states before and after an import, and the seconds within which a step is killed.
OLD, NEW = 60, 120
LONGEST = {"import": 0.2, "compaction": 0.02}

STEP = """
import sys, mastra_convex as mc
with mc.connect(sys.argv[1]) as db:
    print("open", flush=True)
    db.import_snapshot(sys.argv[2], replace=True) if len(sys.argv) > 2 else db.compact()
"""


def check_steps(seed: int, amount: int) -> Found:
    """Kill imports and compactions. The folder has the old state or the new one, whole."""
    random, ended, imported = Random(seed), 0, 0
    with TemporaryDirectory() as parent:
        old, folder, snapshot = Path(parent) / "old", Path(parent) / "data", Path(parent) / "snapshot.zip"
        with mc.connect(old) as db:
            for number in range(NEW + 1):
                perform(db, number)
                if number == OLD:
                    db.compact()
                    db.export(Path(parent) / "old.zip")
            db.export(snapshot)
            db.import_snapshot(Path(parent) / "old.zip", replace=True)
            assert verify(db, OLD) == OLD
        for number in range(amount):
            is_import = number % 2 == 0
            shutil.copytree(old, folder)
            with process("-c", STEP, folder, *([snapshot] if is_import else [])) as begun:
                assert begun.stdout is not None
                assert begun.stdout.readline() == "open\n"
                time.sleep(random.uniform(0, LONGEST["import" if is_import else "compaction"]))
                ended += begun.poll() is not None
            with mc.connect(folder) as db:
                last = verify(db, OLD) if {row.id for row in mc.ConvexVector(db).iter("docs")} == state(OLD) else NEW
                assert verify(db, last) == last
                assert is_import or last == OLD
                imported += last == NEW
            shutil.rmtree(folder)
    return Found(amount, f"{imported} of the imports had been committed; {ended} processes had ended before")
