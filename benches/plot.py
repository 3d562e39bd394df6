"""Draws the results of `just bench --benchmark-json FILE`: `python benches/plot.py FILE` writes `benches/*.svg`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

FOLDER = Path(__file__).parent


def table_size(benchmarks: list[dict[str, Any]]) -> None:
    """The time of an indexed read, over the number of documents in the table."""
    runs = sorted(
        (run["params"]["documents"], [run["stats"][name] * 1e6 for name in ("median", "q1", "q3")])
        for run in benchmarks
        if run["name"].startswith("test_table_size")
    )
    documents = [size for size, _ in runs]
    medians = [stats[0] for _, stats in runs]
    spread = [[median - q1 for _, (median, q1, _) in runs], [q3 - median for _, (median, _, q3) in runs]]
    figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
    axes.errorbar(documents, medians, yerr=spread, marker="o", capsize=4)
    axes.set(
        xscale="log",
        ylim=(0, max(medians) * 1.6),
        xlabel="documents in the table",
        ylabel="µs a call (median, quartiles)",
    )
    axes.set_title("Indexed load, folder, from Python")
    axes.set_xticks(documents, [f"{size:,}" for size in documents])
    axes.grid(alpha=0.3)
    figure.savefig(FOLDER / "table_size.svg", metadata={"Date": None})


if __name__ == "__main__":
    table_size(json.loads(Path(sys.argv[1]).read_text())["benchmarks"])
