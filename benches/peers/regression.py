"""`python -m benches.peers.regression`: checks that exact search is still as far ahead of NumPy and as near its bound.

It compares ratios within one run, since machines and their other tenants differ. How far ahead of NumPy it is may fall
to half of the measured ratio, and its time over the bound's may double.
"""

from __future__ import annotations

import statistics
import sys

from . import report, rounds
from .workloads import Scan

MEASURED = (
    (Scan("500 × 1536", ("numpy float32",)), 2.3, 2.8),
    (Scan("10,000 × 768", ("numpy float32",), rows=10_000, dimension=768), 17.0, 7.2),
    (Scan("500 × 1536, batch of 64", ("numpy float32",), at_once=64), 0.87, 1.6),
    (Scan("100,000 × 768", ("numpy float32",), rows=100_000, dimension=768), 33.0, 6.7),
)
"""NumPy's float32 product and selection over ours, and ours over the bound, on the machines of benches/README.md: of
each the worse one."""


def main() -> None:
    is_worse = False
    for workload, ahead, above in MEASURED:
        results = rounds.measure(workload, rounds=7, seconds=0.05)
        ours, numpy, bound = results["ours"], results["numpy float32"], report.bound("ours", results)
        assert not isinstance(ours, str)
        assert not isinstance(numpy, str)
        assert bound
        to_numpy = statistics.median(report.ratios(numpy, ours))
        to_bound = statistics.median(report.ratios(ours, bound))
        is_slower, is_farther = to_numpy < ahead / 2, to_bound > above * 2
        is_worse |= is_slower or is_farther
        print(
            f"{workload.name:25} {to_numpy:.2f}× NumPy, was {ahead:.2f}×{'  TOO SLOW' if is_slower else ''};"
            f" {to_bound:.2f}× the bound, was {above:.2f}×{'  TOO FAR' if is_farther else ''}",
            flush=True,
        )
    sys.exit(is_worse)


if __name__ == "__main__":
    main()
