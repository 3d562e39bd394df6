"""`python -m benches.peers.regression`: checks that exact search is still as far ahead of NumPy.

It compares ratios within one run, since machines and their other tenants differ. A ratio may fall to half of the
measured one.
"""

from __future__ import annotations

import statistics
import sys

from . import report, rounds
from .workloads import Scan

MEASURED = (
    (Scan("500 × 1536", ("numpy float32",)), 2.6),
    (Scan("10,000 × 768", ("numpy float32",), rows=10_000, dimension=768), 13.0),
    (Scan("500 × 1536, batch of 64", ("numpy float32",), at_once=64), 1.4),
)
"""NumPy's float32 product and selection over ours, on the machine of benches/README.md."""


def main() -> None:
    is_slower = False
    for workload, measured in MEASURED:
        results = rounds.measure(workload, rounds=7, seconds=0.05)
        ours, numpy = results["ours"], results["numpy float32"]
        assert not isinstance(ours, str)
        assert not isinstance(numpy, str)
        ratio = statistics.median(report.ratios(numpy, ours))
        is_worse = ratio < measured / 2
        is_slower |= is_worse
        print(f"{workload.name:25} {ratio:.2f}×, was {measured:.2f}×{'  TOO SLOW' if is_worse else ''}", flush=True)
    sys.exit(is_slower)


if __name__ == "__main__":
    main()
