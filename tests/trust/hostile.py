"""Functions that don't end, that hoard memory, that recurse, and that hide in built-in methods."""

from __future__ import annotations

import time
from random import Random
from typing import Any

import mastra_convex as mc
from tests.support.checkout import ROOT
from tests.trust.row import Found

FUNCTIONS = ROOT / "rust" / "engine" / "tests" / "functions"
TIME = 1.0  # Convex's limit for a function's own code, in seconds

Case = tuple[str, str, dict[str, Any]]

CASES: list[Case] = [
    ("query", "javascript:forever", {}),
    ("query", "javascript:foreverCaught", {}),
    ("query", "javascript:foreverInJobs", {}),
    ("query", "javascript:never", {}),
    ("query", "javascript:hungry", {}),
    ("query", "javascript:hungryForLists", {}),
    ("query", "javascript:hungryForLinks", {}),
    ("query", "javascript:deep", {}),
    ("query", "javascript:deepJson", {}),
    ("query", "javascript:sparse", {}),
    ("query", "javascript:laughs", {}),
    ("query", "javascript:cyclic", {"array": True}),
    ("query", "javascript:cyclic", {"array": False}),
    ("query", "javascript:nested", {"levels": 1000}),
    ("query", "javascript:longArray", {"length": 8193}),
    ("query", "stuck:search", {"length": 60_000}),
    ("mutation", "stuck:write", {"length": 60_000}),
    ("mutation", "stuck:within", {"length": 60_000}),
]


def check(seed: int, _amount: int) -> Found:
    """Call each; it fails by an error of the package within twice the limit, and the next write goes on."""
    slowest = 0.0
    with mc.connect(":memory:", functions=FUNCTIONS) as db:
        loops = db.query("javascript:loopNames", {})
        cases = [*CASES, *(("query", "javascript:loop", {"x": name}) for name in loops)]
        Random(seed).shuffle(cases)
        for number, (kind, path, args) in enumerate(cases):
            began = time.monotonic()
            try:
                getattr(db, kind)(path, args)
            except (mc.FunctionError, mc.LimitExceededError):
                pass
            else:
                raise AssertionError(f"{path} {args} came to an end")
            slowest = max(slowest, time.monotonic() - began)
            assert slowest < 2 * TIME, f"{path} {args} took {slowest:.1f} s"
            assert db.mutation("database:increment", {"name": "next"}) == number + 1, path
        assert db.query("database:collect", {"table": "free"}) == [], "a stuck mutation wrote"
    return Found(len(cases), f"the slowest ended after {slowest:.2f} s")
