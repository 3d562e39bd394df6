"""`python -m benches.peers`: exact search and its peers, side by side."""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import time
from pathlib import Path

from . import plot, report, rounds, workloads


def machine() -> dict[str, object]:
    """The machine."""
    models = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {"cpu": models[0] if models else platform.processor(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.peers", description=__doc__)
    parser.add_argument("--only", default="", metavar="PATTERN", help="workloads whose names match")
    parser.add_argument("--quick", action="store_true", help="short turns, and nothing large")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw ratios to ours")
    parser.add_argument("--price", type=Path, metavar="FILE", help="draw time and recall beside peers that lose bits")
    options = parser.parse_args()
    measured = {}
    start = machine()
    for workload in workloads.ALL:
        if not re.search(options.only, workload.name) or (options.quick and workload.is_long):
            continue
        begin = time.monotonic()
        found = rounds.measure(workload, rounds=3 if options.quick else 7, seconds=0.02 if options.quick else 0.1)
        measured[workload] = found
        print(*report.lines(workload, found), f"    in {time.monotonic() - begin:.0f} s\n", sep="\n", flush=True)
    print(*report.asked(measured), sep="\n")
    results = {workload.name: found for workload, found in measured.items()}
    everything = {"machine": start, "load_at_the_end": os.getloadavg()[0], "workloads": results}
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))
    if options.plot:
        plot.ratios(results, options.plot)
    if options.price:
        plot.price(results, options.price)


if __name__ == "__main__":
    main()
