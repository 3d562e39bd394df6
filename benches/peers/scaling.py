"""`python -m benches.peers.scaling FILE`: how the time of a query grows, as a figure of small multiples."""

from __future__ import annotations

import argparse
import json
import os
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from . import rounds
from .workloads import Scan

CONTESTANTS = ("ours", "numpy float32", "faiss flat")
SHAPE = {"rows": 10_000, "dimension": 768, "top_k": 10}
AXES: dict[str, tuple[str, Sequence[float], dict[str, Any]]] = {
    "rows": ("rows", (100, 1_000, 10_000, 100_000), {}),
    "dimension": ("dimension", (64, 256, 768, 1536, 3072), {}),
    "top_k": ("top K", (1, 10, 100, 1000), {}),
    "admitted": ("share of rows that a mask admits", (0.001, 0.01, 0.1, 0.5, 1), {}),
    "at_once": ("queries in one call", (1, 4, 16, 64, 256), {}),
    "threads": ("threads (100,000 rows, by the wall's clock)", (1, 2), {"rows": 100_000}),
}
"""The varied quantity, its label, its values, and the resulting differences from `SHAPE`."""

Points = dict[float, dict[str, rounds.Figures | str]]


def points(axis: str, turns: int) -> Iterator[tuple[float, dict[str, rounds.Figures | str]]]:
    """Each value of an axis, with the contestants' results."""
    _, values, others = AXES[axis]
    for value in values:
        workload = Scan(f"{axis} {value}", CONTESTANTS[1:], **{**SHAPE, **others, axis: value})
        yield value, rounds.measure(workload, rounds=turns, seconds=0.1)


def draw(measured: dict[str, Points], file: Path) -> None:
    """One panel per axis, with medians and quartiles of rounds."""
    figure, panels = plt.subplots(2, 3, figsize=(11, 6), layout="constrained")
    for panel, (axis, found) in zip(panels.flat, measured.items(), strict=False):
        for name in CONTESTANTS:
            shown = {value: results[name] for value, results in found.items() if not isinstance(results[name], str)}
            quartiles = [statistics.quantiles(one["hot"], n=4, method="inclusive") for one in shown.values()]
            low, middle, high = zip(*[[seconds * 1e6 for seconds in point] for point in quartiles], strict=True)
            panel.plot(list(shown), middle, marker="o", markersize=4, label=name)
            panel.fill_between(list(shown), low, high, alpha=0.2)
        panel.set(xscale="log", yscale="log", xlabel=AXES[axis][0])
        panel.grid(alpha=0.3)
        if axis == "threads":
            panel.set_xscale("linear")
            panel.set_xticks(list(found))
    figure.supylabel("µs a query")
    figure.suptitle("10,000 × 768 float32, top 10, but for what the axis changes")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=len(CONTESTANTS))
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.peers.scaling", description=__doc__)
    parser.add_argument("file", type=Path, help="of the figure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    measured = {}
    for axis in AXES:
        measured[axis] = dict(points(axis, 5))
        for value, results in measured[axis].items():
            medians = (
                one if isinstance(one, str) else f"{name} {statistics.median(one['hot']) * 1e6:.3g} µs"
                for name, one in results.items()
                if name in CONTESTANTS
            )
            print(f"{AXES[axis][0]} {value:g}:", *medians, sep="  ", flush=True)
    if options.json:
        options.json.write_text(json.dumps({"load": load, "axes": measured}, indent=1))
    draw(measured, options.file)


if __name__ == "__main__":
    main()
