"""Random programs on the embedded engine and under `convex-test`."""

from __future__ import annotations

from tests.differential.sequences import Sequences
from tests.differential.sides import ConvexTest, Embedded
from tests.differential.test_differential import Sides, difference
from tests.trust.row import Found

# The tests have the seeds below this.
FIRST = 1_000_000


def check(seed: int, amount: int) -> Found:
    """Run programs on both, and compare every result and error."""
    sides = Sides(Embedded(), ConvexTest())
    try:
        for number in range(FIRST * seed, FIRST * seed + amount):
            found = difference(sides, Sequences(number).sequence())
            assert found is None, f"sequence {number}: {found}"
    finally:
        for side in sides:
            side.close()
    return Found(amount)
