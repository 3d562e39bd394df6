"""The fuzz targets of `fuzz/` on their corpora and on random changes of these, by the stable compiler."""

from __future__ import annotations

import os
import re
import subprocess

from tests.support.checkout import ROOT
from tests.trust.crates import CARGO_TEST
from tests.trust.row import Found


def check(seed: int, amount: int) -> Found:
    """Run each target for some seconds."""
    command = [*CARGO_TEST, "corpora", "--", "--nocapture"]
    variables = {"FUZZ_SECONDS": str(amount), "FUZZ_SEED": str(seed)}
    ran = subprocess.run(command, cwd=ROOT, env=os.environ | variables, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
    counts = {name: int(count) for name, count in re.findall(r"(\w+): (\d+) inputs", ran.stdout)}
    assert counts, ran.stdout
    return Found(sum(counts.values()), f"{len(counts)} targets; the fewest: {min(counts.values()):,}")
