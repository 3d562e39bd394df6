"""The results of a run, as a picture."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt

from . import report
from .rounds import Figures

MARKERS = {
    "faiss flat": ("o", "C0"),
    "numpy float32": ("s", "C1"),
    "numpy float64": ("s", "C3"),
    "simsimd": ("^", "C2"),
    "usearch exact": ("v", "C4"),
    "turbovec 4 bits": ("<", "C6"),
    "numkong": (">", "C2"),
    "zvec flat": ("h", "C8"),
    "qdrant-edge": ("H", "C9"),
    "hnswlib": ("D", "C5"),
    "faiss HNSW": ("d", "C0"),
    "pysimdjson + numpy": ("P", "C8"),
    "orjson + numpy": ("X", "C9"),
    "Python dicts": ("*", "C6"),
    "original JavaScript": ("p", "C7"),
}

# How many workloads a line of the chart of time and recall has.
COLUMNS = 3


def ratios(workloads: Mapping[str, Mapping[str, Figures | str]], file: Path) -> None:
    """Each contestant's time over ours, one line per workload. The black bar reads the necessary bytes."""
    figure, axes = plt.subplots(figsize=(9, 0.6 + 0.36 * len(workloads)), layout="constrained")
    axes.axvline(1, color="black", linewidth=1)
    for line, results in enumerate(workloads.values()):
        ours = results["ours"]
        assert not isinstance(ours, str)
        for name, figures in results.items():
            if isinstance(figures, str):
                continue
            low, middle, high = statistics.quantiles(report.ratios(figures, ours), n=4, method="inclusive")
            if name in MARKERS:
                marker, color = MARKERS[name]
                axes.hlines(line, low, high, color=color)
                is_inexact = figures["recall"] is not None and figures["recall"] < 1
                axes.plot(
                    middle, line, marker, color=color, label=name, markerfacecolor="white" if is_inexact else color
                )
            elif figures is report.bound("ours", results):
                axes.plot(middle, line, "|", color="black", markersize=12, label="the bound")
    axes.set(xscale="log", xlabel="times ours (hot, median and quartiles of rounds); hollow: recall below 1")
    axes.set_yticks(range(len(workloads)), list(workloads))
    axes.invert_yaxis()
    axes.xaxis.set_major_formatter("{x:g}")
    axes.grid(axis="x", alpha=0.3)
    entries = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    shown = [name for name in (*MARKERS, "the bound") if name in entries]
    figure.legend([entries[name] for name in shown], shown, loc="outside right upper", fontsize="small")
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)


def price(workloads: Mapping[str, Mapping[str, Figures | str]], file: Path) -> None:
    """Exact at the price of lossy: time over ours and recall of each contestant, where some peer keeps fewer bits."""
    chosen = {name: results for name, results in workloads.items() if "turbovec 4 bits" in results}
    lines = math.ceil(len(chosen) / COLUMNS)
    figure, grid = plt.subplots(
        lines, COLUMNS, figsize=(10, 2 * lines + 1), layout="constrained", sharex=True, sharey=True, squeeze=False
    )
    entries = {}
    for axis, (workload, results) in zip(grid.flat, chosen.items(), strict=False):
        ours = results["ours"]
        assert not isinstance(ours, str)
        for name, figures in results.items():
            if isinstance(figures, str) or figures["recall"] is None or name not in {"ours", *MARKERS}:
                continue
            marker, color = MARKERS.get(name, ("*", "black"))
            times = statistics.median(report.ratios(figures, ours))
            size = 12 if name == "ours" else 6
            (entries[name],) = axis.plot(times, figures["recall"], marker, color=color, markersize=size)
        axis.set_title(f"{workload}: ours {report.duration(statistics.median(ours['hot']))}", fontsize="medium")
        axis.set(xscale="log")
        axis.xaxis.set_major_formatter("{x:g}")
        axis.grid(alpha=0.3)
    for axis in grid.flat[len(chosen) :]:
        axis.remove()
    figure.supxlabel("times ours", fontsize="medium")
    figure.supylabel("recall", fontsize="medium")
    shown = [name for name in ("ours", *MARKERS) if name in entries]
    figure.legend([entries[name] for name in shown], shown, loc="outside upper center", ncols=7, fontsize="small")
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)
