"""Rows whose checks are tests of a crate, which `just test` runs too: each test is a case."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

from tests.support.checkout import ROOT
from tests.trust.row import Found

# As `just test-rust` builds them, so that nothing is built twice.
CARGO_TEST = ["cargo", "test", "--release", "--workspace", "--exclude", "python", "--test"]


def crate_tests(target: str, *filters: str) -> Callable[[int, int], Found]:
    """A check that runs the tests of a target whose names have one of these texts."""

    def check(_seed: int, _amount: int) -> Found:
        command = [*CARGO_TEST, target, "--", *filters]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
        passed = sum(map(int, re.findall(r"test result: ok\. (\d+) passed", ran.stdout)))
        assert passed > 0, f"no test of {target} has one of {filters} in its name"
        return Found(passed)

    return check
