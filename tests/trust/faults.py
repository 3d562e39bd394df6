"""A call of the system that fails, for each call in turn: reads, writes, cuts, syncs, new files."""

from __future__ import annotations

import errno
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import mastra_convex as mc
from tests.trust.files import ACKNOWLEDGED, run
from tests.trust.row import Found
from tests.trust.workload import last_of, verify

OPERATIONS = 12
ERRORS = [errno.EIO, errno.ENOSPC, 0]  # 0: a write that is cut, then a full disk


def check(seed: int, amount: int) -> Found:
    """Make calls fail, evenly spread over all calls and errors; with `amount` 0, each call with each error.

    The process ends well or with an error of the package. Afterwards the folder opens, and has what was acknowledged.
    """
    with TemporaryDirectory() as parent:
        count = Path(parent) / "count"
        assert run(Path(parent) / "whole", 0, OPERATIONS, TRUST_COUNT=str(count)).returncode == 0
        calls = int(count.read_text())
        cases = [(call, error) for call in range(1, calls + 1) for error in ERRORS]
        if amount and amount < len(cases):
            cases = Random(seed).sample(cases, amount)
        failed = 0
        for call, error in cases:
            folder = Path(parent) / f"{call}-{error}"
            ran = run(folder, 0, OPERATIONS, TRUST_FAIL=str(call), TRUST_ERRNO=str(error))
            place = f"call {call} fails by {errno.errorcode.get(error, 'a cut write')}"
            assert ran.returncode == 0, f"{place}: {ran.stderr}"
            failed += bool(ran.stdout)
            file = folder / ACKNOWLEDGED
            try:
                with mc.connect(folder) as db:
                    verify(db, last_of(file.read_bytes() if file.exists() else b""))
            except (AssertionError, mc.MastraConvexError) as found:
                raise AssertionError(f"{place}: {found!r}; the process said {ran.stdout!r}") from found
    return Found(len(cases), f"{calls} calls; {failed} cases raised an error of the package, the others went on")
