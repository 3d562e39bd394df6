"""The results of a run, as a table."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping

from .rounds import Figures
from .workloads import Workload


def duration(seconds: float) -> str:
    """Three digits and a unit."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def ratios(of: Figures, to: Figures) -> list[float]:
    """The ratio of two times, round by round, since the machine was the same within a round."""
    return [one / other for one, other in zip(of["hot"], to["hot"], strict=True)]


def bound(name: str, results: Mapping[str, Figures | str]) -> Figures | None:
    """The least work of a contestant."""
    bounds = {name: one for name, one in results.items() if not isinstance(one, str) and one["lists"] is None}
    if name in bounds or not bounds:
        return None
    return list(bounds.values())[0 if name.startswith("ours") else -1]


def lines(workload: Workload, results: Mapping[str, Figures | str]) -> Iterator[str]:
    """A workload's contestants."""
    ours = results["ours"]
    assert not isinstance(ours, str)
    yield f"{workload.name}, a {workload.unit}"
    yield (
        f"    {'':20} {'hot':>9} {'quartiles':>19} {'cold':>9} {'to ours':>8} {'best':>8}"
        f" {'to bound':>9} {'lists':>6}  asked"
    )
    for name, figures in results.items():
        if isinstance(figures, str):
            yield f"    {name:20} {figures}"
            continue
        low, middle, high = statistics.quantiles(figures["hot"], n=4, method="inclusive")
        least = bound(name, results)
        to_bound = f"{statistics.median(ratios(figures, least)):9.2f}" if least else " " * 9
        ratio = statistics.median(ratios(figures, ours))
        best = min(figures["hot"]) / min(ours["hot"])
        asked = workload.asked.get(name)
        right = ""
        if figures["lists"] is not None and figures["recall"] is not None:
            right = f"{figures['lists']:.0%}" + (f", recall {figures['recall']:.3f}" if figures["recall"] < 1 else "")
        yield (
            f"    {name:20} {duration(middle):>9} {duration(low) + ' to ' + duration(high):>19}"
            f" {duration(statistics.median(figures['cold'])):>9} {ratio:7.2f}× {best:7.2f}×"
            f" {to_bound} {right:>6}" + (f"  {asked:.3g}× {'met' if ratio >= asked else 'missed'}" if asked else "")
        )


def asked(measured: Mapping[Workload, Mapping[str, Figures | str]]) -> Iterator[str]:
    """The targets, and how far they were met, as Markdown."""
    yield "| workload | ours, hot | of the bound | asked: times ours | measured | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for workload, results in measured.items():
        ours = results["ours"]
        assert not isinstance(ours, str)
        least = bound("ours", results)
        time = f"{duration(statistics.median(ours['hot']))} a {workload.unit}"
        to_bound = f"{statistics.median(ratios(ours, least)):.3g}×" if least else ""
        for name, times in workload.asked.items():
            figures = results[name]
            found, verdict = "missing", ""
            if not isinstance(figures, str):
                ratio = statistics.median(ratios(figures, ours))
                found, verdict = f"{ratio:.3g}×", "met" if ratio >= times else "missed"
            yield f"| {workload.name} | {time} | {to_bound} | {name} ≥ {times:.3g}× | {found} | {verdict} |"
