"""A comparison as a picture: a panel for first queries and one for repeated ones, with a line per class."""

from __future__ import annotations

import math
import textwrap
from io import BytesIO
from typing import NamedTuple

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from mastra_convex._cli.bench.comparison import (
    NATIVE,
    SCAN,
    TOP_K,
    Comparison,
    Kind,
    Latency,
    Size,
    crossover_text,
    duration,
    headline,
)


class _Look(NamedTuple):
    """The style of a class's line: colour (Okabe and Ito's), and, for prints without colour, marker and stroke."""

    color: str
    marker: str
    stroke: str
    fill: str


LOOKS = {SCAN: _Look("#0072B2", "o", "-", "#0072B2"), NATIVE: _Look("#D55E00", "s", "--", "white")}
PANELS: tuple[tuple[Kind, str], ...] = (("first", "First query of a client"), ("repeated", "Repeated queries"))
GREY = "#555555"
# The size of the picture in inches, and of its panels in parts of it.
WIDTH, HEIGHT, TOP, BOTTOM = 10.0, 5.4, 0.765, 0.215


def draw(comparison: Comparison, format: str, *, is_alone: bool) -> bytes:
    """A ``"png"`` or ``"svg"``, with the same bytes for the same comparison. Its title is the advice."""
    with mpl.rc_context(
        {
            "font.family": "DejaVu Sans",  # comes with matplotlib
            "svg.hashsalt": "mastra-convex",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": GREY,
            "xtick.color": GREY,
            "ytick.color": GREY,
        }
    ):
        figure = lines(comparison)
        if is_alone:
            figure.text(0.02, 0.96, headline(comparison), size=14, weight="bold", va="center")
            figure.text(0.02, 0.02, _caption(comparison), size=7.5, color=GREY, va="bottom", linespacing=1.4)
        buffer = BytesIO()
        metadata = {"Date": None} if format == "svg" else None
        figure.savefig(buffer, format=format, metadata=metadata, bbox_inches=None if is_alone else "tight")
    return buffer.getvalue()


def lines(comparison: Comparison) -> Figure:
    """Draw the two panels, and explain their lines."""
    figure = Figure(figsize=(WIDTH, HEIGHT), dpi=160, facecolor="white")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    figure.subplots_adjust(left=0.085, right=0.845, top=TOP, bottom=BOTTOM, wspace=0.9)
    for axes, (kind, title) in zip(panels, PANELS, strict=True):
        _panel(axes, comparison, kind, title)
    for axes, (kind, _) in zip(panels, PANELS, strict=True):  # The shared axis has its final width now.
        _name_lines(axes, comparison.largest, kind)
    panels[0].set_ylabel("time of a query (ms, s)")
    what = f"Lines: median time of a query for the best {TOP_K}; bands: nine queries in ten. Lower is better."
    figure.text(0.02, 0.9, what, size=9.5, color=GREY, va="center")
    return figure


def _caption(comparison: Comparison) -> str:
    """The source of the numbers, in lines."""
    where = (
        f"{comparison.dimension}-dimensional embeddings of real texts {comparison.place}; "
        f"{comparison.date}, {comparison.machine}"
    )
    return "\n".join([*textwrap.wrap(where, 150), *textwrap.wrap(comparison.command, 150)])


def _panel(axes: Axes, comparison: Comparison, kind: Kind, title: str) -> None:
    rows = [size.rows for size in comparison.sizes]
    lines: dict[str, list[Latency]] = {
        SCAN: [getattr(size.scan, kind) for size in comparison.sizes],
        NATIVE: [getattr(size.native, kind) for size in comparison.sizes],
    }
    for name, latencies in lines.items():
        look = LOOKS[name]
        low, middle, high = ([getattr(latency, part) for latency in latencies] for part in ("p5", "p50", "p95"))
        axes.fill_between(rows, low, high, color=look.color, alpha=0.18, linewidth=0)
        axes.plot(
            rows, middle, look.stroke, color=look.color, marker=look.marker, markerfacecolor=look.fill, markersize=5.5
        )
    axes.set(xscale="log", yscale="log", xlabel="rows in the index")
    axes.set_title(title, loc="left", size=10.5, weight="bold", pad=20)
    axes.text(0, 1.03, crossover_text(comparison, kind), transform=axes.transAxes, size=8.5, color="#222222")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(rows, [f"{count:,}" for count in rows], size=8.5)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda milliseconds, _: _tick(milliseconds)))
    axes.tick_params(axis="y", labelleft=True, labelsize=8.5)
    axes.grid(axis="y", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    crossover = getattr(comparison.crossover, kind)
    if crossover is not None and crossover > rows[0]:
        axes.axvline(crossover, color="#222222", linewidth=1, linestyle=":")


def _name_lines(axes: Axes, largest: Size, kind: Kind) -> None:
    """Label the end of each line with its name and value, far enough from each other to be read."""
    ends = {SCAN: getattr(largest.scan, kind).p50, NATIVE: getattr(largest.native, kind).p50}
    bottom, top = axes.get_ylim()
    height = {name: math.log(end / bottom) / math.log(top / bottom) for name, end in ends.items()}
    upper, lower = sorted(height, key=lambda name: -height[name])
    apart = max(0.0, 0.16 - (height[upper] - height[lower])) / 2
    for name, shift in ((upper, apart), (lower, -apart)):
        axes.annotate(
            f"{name}\n{duration(ends[name])}",
            (1.0, ends[name]),
            xycoords=("axes fraction", "data"),
            xytext=(8, shift * (TOP - BOTTOM) * HEIGHT * 72),
            textcoords="offset points",
            size=8.5,
            color=LOOKS[name].color,
            va="center",
            weight="bold",
            annotation_clip=False,
        )


def _tick(milliseconds: float) -> str:
    return f"{milliseconds / 1000:g} s" if milliseconds >= 1000 else f"{milliseconds:g} ms"
