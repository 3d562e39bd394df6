"""Images of a folder after a power cut: what a disk may hold of the calls that the package made.

A sync of a file makes its earlier changes durable, and a sync of the folder the names that were made and removed. Of
the later changes a disk may hold any, and of a write any of its sectors. Each image is such a state at a random moment,
opened as a folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import mastra_convex as mc
from tests.trust.files import ACKNOWLEDGED, Change, record, run
from tests.trust.row import Found
from tests.trust.workload import last_of, verify

SECTOR = 512
OPERATIONS = 60

# They are some 90 MB.
IMPORTED_MESSAGES = 120


class Disk:
    """The files as a disk holds them."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}

    def apply(self, change: Change, sectors: Random | None = None) -> None:
        """Make a change; of a write, with `sectors`, only some sectors."""
        if change.op == "unlink":
            self.files.pop(change.path, None)
            return
        file = self.files.setdefault(change.path, bytearray())
        if change.op == "cut":
            del file[change.offset :]
            file.extend(bytes(change.offset - len(file)))
        for start in range(0, len(change.data), SECTOR):
            if sectors is None or sectors.random() < 0.5:
                part = change.data[start : start + SECTOR]
                offset = change.offset + start
                file.extend(bytes(max(0, offset + len(part) - len(file))))
                file[offset : offset + len(part)] = part


def image(changes: Sequence[Change], moment: int, random: Random) -> Disk:
    """A state that a disk may have if the power fails after so many calls."""
    disk, waiting = Disk(), []
    for change in changes[:moment]:
        if change.op == "sync":
            for done in waiting:
                if covers(change, done):
                    disk.apply(done)
            waiting = [other for other in waiting if not covers(change, other)]
        elif change.path == ACKNOWLEDGED:
            disk.apply(change)
        else:
            waiting.append(change)
    # All, none, or some of what was not synced.
    kind = random.randrange(4)
    for change in waiting:
        if kind == 0 or (kind > 1 and random.random() < 0.5):
            disk.apply(change, random if kind == 3 else None)
        elif change.op == "make":
            disk.files.pop(change.path, None)
    return disk


def covers(sync: Change, change: Change) -> bool:
    """Whether a sync makes a change durable."""
    return sync.path == ("." if change.op in ("make", "unlink") else change.path)


def check(seed: int, amount: int, changes: Sequence[Change] | None = None, *, compacts: bool = True) -> Found:
    """Open images, and check that each has what was acknowledged before the moment."""
    random = Random(seed)
    with TemporaryDirectory() as parent:
        if changes is None:
            log = Path(parent) / "log"
            ran = run(Path(parent) / "data", 0, OPERATIONS, TRUST_LOG=str(log), TRUST_COMPACTS="1")
            assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr
            changes = record(log)
        begun = next(n for n, change in enumerate(changes) if change.path == ACKNOWLEDGED)
        for number in range(amount):
            moment = random.randrange(begun, len(changes) + 1)
            disk = image(changes, moment, random)
            folder = Path(parent) / f"image{number}"
            folder.mkdir()
            for name, content in disk.files.items():
                (folder / name).write_bytes(content)
            acknowledged = last_of(bytes(disk.files.get(ACKNOWLEDGED, b"")))
            with mc.connect(folder) as db:
                verify(db, acknowledged, compacts=compacts)
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()
    return Found(amount, f"{len(changes)} calls recorded")


def check_long_log(seed: int, amount: int) -> Found:
    """The same while a log of more than 64 MiB is moved to the data and cut, which an import has made."""
    with TemporaryDirectory() as parent:
        log, snapshot = Path(parent) / "log", Path(parent) / "snapshot.zip"
        with mc.connect(":memory:") as db:
            memory = mc.ConvexStore(db).memory
            memory.save_thread(mc.Thread(id="t", resource_id="ada"))
            for number in range(IMPORTED_MESSAGES):
                memory.save_messages([mc.Message(thread_id="t", content=f"{number:05}" * 80_000)])
            db.export(snapshot)
        ran = run(Path(parent) / "data", 0, 5 * OPERATIONS, TRUST_LOG=str(log), TRUST_IMPORT=str(snapshot))
        assert (ran.returncode, ran.stdout) == (0, ""), ran.stdout + ran.stderr
        changes = record(log)
    cuts = sum(change.op == "cut" and change.path.endswith("-wal") and change.offset > 0 for change in changes)
    assert cuts, "the log wasn't cut"
    found = check(seed, amount, changes, compacts=False)
    return Found(found.count, f"{found.figures}, {cuts} of them cut the log")
