"""A comparison as a picture: a panel for first queries and one for repeated ones, with a line per way.

The picture is SVG, which needs no library. The extra `plot` brings what makes a PNG of it.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean
from typing import NamedTuple

from mastra_convex._cli.bench.advice import crossover_lines, headline
from mastra_convex._cli.bench.comparison import TOP_K, Comparison, Kind, Latency
from mastra_convex._cli.bench.quantities import duration
from mastra_convex._cli.bench.ways import EMBEDDED, MIRROR, NATIVE, SERVER
from mastra_convex.errors import ConfigurationError


class _Look(NamedTuple):
    """The style of a way's line: colour (Okabe and Ito's), and, for prints without colour, stroke and marker.

    The marker is a path, relative to its middle.
    """

    color: str
    stroke: str
    fill: str
    marker: str


CIRCLE = "m-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z"
TRIANGLE = "m0 -5l5 8.5h-10z"
SQUARE = "m-4 -4h8v8h-8z"

_SCANNED = _Look("#0072B2", "none", "#0072B2", CIRCLE)
LOOKS = {
    SERVER.name: _SCANNED,
    EMBEDDED.name: _SCANNED,
    MIRROR.name: _Look("#009E73", "2 3", "#009E73", TRIANGLE),
    NATIVE.name: _Look("#D55E00", "6 4", "white", SQUARE),
}
PANELS: tuple[tuple[Kind, str], ...] = (("first", "First query of a client"), ("repeated", "Repeated queries"))
GREY, BLACK, FAINT = "#555555", "#222222", "#dddddd"

# Pixels: the picture, and of each panel its left side, its width, its top and its bottom.
WIDTH, HEIGHT = 1000, 560
LEFT, PANEL_WIDTH, TOP, BOTTOM = (80, 575), 300, 150, 440
# The title above a picture that stands alone, and the caption below it.
MARGIN = 20

# The distance of the names at the ends of the lines.
NAME_HEIGHT = 20

# The width of a character, in parts of the size of its font: more than the mean of those in use.
CHARACTER = 0.56


@dataclass(frozen=True)
class Text:
    """A line of text. `x` is its left side, its middle or its right side, by `anchor`; `y` is its baseline."""

    x: float
    y: float
    content: str
    size: float
    color: str = BLACK
    anchor: str = "start"
    is_bold: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom, at most."""
        width = len(self.content) * self.size * CHARACTER
        left = self.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[self.anchor] * width
        return left, self.y - self.size, left + width, self.y + 0.25 * self.size

    def svg(self) -> str:
        """The element."""
        weight = ' font-weight="bold"' if self.is_bold else ""
        return (
            f'<text x="{self.x:.1f}" y="{self.y:.1f}" font-size="{self.size:g}" fill="{self.color}" '
            f'text-anchor="{self.anchor}"{weight}>{escape(self.content)}</text>'
        )


class _Scale:
    """A logarithmic scale between two values, on pixels."""

    def __init__(self, low: float, high: float, begin: float, end: float) -> None:
        self._low, self._span = math.log(low), math.log(high / low) or 1.0
        self._begin, self._end = begin, end

    def __call__(self, value: float) -> float:
        return self._begin + (math.log(value) - self._low) / self._span * (self._end - self._begin)


def draw(comparison: Comparison, *, is_alone: bool) -> str:
    """An SVG, with the same text for the same comparison. If it stands alone, its title is the advice."""
    shapes, texts = picture(comparison)
    top, bottom = 48.0, float(BOTTOM + 55)
    if is_alone:
        caption = _caption(comparison)
        texts.append(Text(MARGIN, 38, headline(comparison), 21, is_bold=True))
        texts += [Text(MARGIN, bottom + 15 * line, text, 11, GREY) for line, text in enumerate(caption, start=1)]
        top, bottom = 0.0, HEIGHT
    elements = [*shapes, *(text.svg() for text in texts)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {top:g} {WIDTH} {bottom - top:g}" '
            f'font-family="Roboto, Helvetica, Arial, sans-serif" role="img">',
            f"<title>{escape(headline(comparison))}</title>",
            f'<rect y="{top:g}" width="{WIDTH}" height="{bottom - top:g}" fill="white"/>',
            *elements,
            "</svg>\n",
        ]
    )


def check_png() -> None:
    """Refuse a PNG if the extra that makes one isn't installed."""
    try:
        import font_roboto  # type: ignore[import-untyped]  # noqa: F401
        import resvg_py  # noqa: F401
    except ImportError:
        raise ConfigurationError(
            "bench: a .png needs the extra `plot`; an .svg doesn't",
            hint="pip install 'mastra-convex[plot]'",
        ) from None


def as_png(svg: str) -> bytes:
    """The picture as a PNG, twice as large."""
    import font_roboto
    import resvg_py

    fonts = [font_roboto.Roboto, font_roboto.RobotoBold]
    drawn = resvg_py.svg_to_bytes(
        svg_string=svg, zoom=2, font_files=fonts, skip_system_fonts=True, font_family="Roboto"
    )
    return bytes(drawn)


def picture(comparison: Comparison) -> tuple[list[str], list[Text]]:
    """The shapes of both panels, and all texts but title and caption."""
    rows = [size.rows for size in comparison.sizes]
    lines: dict[Kind, dict[str, list[Latency]]] = {
        kind: {way.name: [getattr(size.ways[way.name], kind) for size in comparison.sizes] for way in comparison.ways}
        for kind, _ in PANELS
    }
    every = [latency for panel in lines.values() for line in panel.values() for latency in line]
    y = _Scale(min(one.p5 for one in every) / 1.2, max(one.p95 for one in every) * 1.2, BOTTOM, TOP)
    classes = "; ".join(f"{', '.join(names)}: {class_name}" for class_name, names in _by_class(comparison).items())
    what = f"Lines: median time of a query for the best {TOP_K}; bands: nine queries in ten. Lower is better."
    shapes, texts = [], [Text(MARGIN, 66, what, 13, GREY), Text(MARGIN, 83, f"{classes}.", 13, GREY)]
    ticks = _ticks(min(one.p5 for one in every) / 1.2, max(one.p95 for one in every) * 1.2)
    for (kind, title), left in zip(PANELS, LEFT, strict=True):
        x = _Scale(rows[0], rows[-1], left + 12, left + PANEL_WIDTH - 12)
        for tick in ticks:
            shapes.append(_line([(left, y(tick)), (left + PANEL_WIDTH, y(tick))], FAINT, 1))
            texts.append(Text(left - 8, y(tick) + 4, _tick(tick), 11, GREY, "end"))
        shapes.append(_line([(left, TOP), (left, BOTTOM), (left + PANEL_WIDTH, BOTTOM)], GREY, 1))
        for crossover in comparison.crossover.values():
            at: float | None = getattr(crossover, kind)
            if at is not None and at > rows[0]:
                shapes.append(_line([(x(at), TOP), (x(at), BOTTOM)], BLACK, 1, "2 3"))
        for name, latencies in lines[kind].items():
            shapes += _drawn(
                LOOKS[name], [(x(count), latency) for count, latency in zip(rows, latencies, strict=True)], y
            )
        texts += _row_labels(rows, x)
        texts.append(Text(left + PANEL_WIDTH / 2, BOTTOM + 40, "rows in the index", 12, GREY, "middle"))
        texts.append(Text(left, TOP - 40, title, 14, is_bold=True))
        texts += [
            Text(left, TOP - 24 + 15 * number, line, 11.5)
            for number, line in enumerate(crossover_lines(comparison, kind))
        ]
        names, markers = _names({name: latencies[-1].p50 for name, latencies in lines[kind].items()}, left, y)
        texts += names
        shapes += markers
    return shapes, texts


def _by_class(comparison: Comparison) -> dict[str, list[str]]:
    """The names of the ways, by class."""
    names: dict[str, list[str]] = {}
    for way in comparison.ways:
        names.setdefault(way.class_name, []).append(way.name)
    return names


def _drawn(look: _Look, points: list[tuple[float, Latency]], y: _Scale) -> list[str]:
    """A line with its band and its markers."""
    band = [(x, y(latency.p5)) for x, latency in points] + [(x, y(latency.p95)) for x, latency in reversed(points)]
    middle = [(x, y(latency.p50)) for x, latency in points]
    return [
        f'<polygon points="{_points(band)}" fill="{look.color}" fill-opacity="0.18"/>',
        _line(middle, look.color, 2, look.stroke),
        *(_marker(look, x, height) for x, height in middle),
    ]


def _marker(look: _Look, x: float, y: float) -> str:
    return f'<path d="M{x:.1f} {y:.1f}{look.marker}" fill="{look.fill}" stroke="{look.color}" stroke-width="1.5"/>'


def _names(ends: dict[str, float], left: float, y: _Scale) -> tuple[list[Text], list[str]]:
    """The names and values at the ends of the lines, each with its marker, far enough from each other to be read."""
    names = sorted(ends, key=lambda name: -ends[name])
    texts, markers = [], []
    x = left + PANEL_WIDTH + 14
    for name, height in zip(names, spread([y(ends[name]) for name in names], NAME_HEIGHT), strict=True):
        markers.append(_marker(LOOKS[name], x, height))
        texts.append(Text(x + 10, height + 4, f"{name} {duration(ends[name])}", 12, LOOKS[name].color, is_bold=True))
    return texts, markers


def spread(wanted: Sequence[float], apart: float) -> list[float]:
    """Ascending positions with a distance between any two, as close to the wanted ones as that allows."""
    # Without the distances, positions may only not descend. Groups that would descend share their mean.
    groups: list[list[float]] = []
    for number, position in enumerate(wanted):
        groups.append([position - number * apart])
        while len(groups) > 1 and fmean(groups[-2]) > fmean(groups[-1]):
            groups[-2:] = [groups[-2] + groups[-1]]
    means = [fmean(group) for group in groups for _ in group]
    return [mean + number * apart for number, mean in enumerate(means)]


def _row_labels(rows: list[int], x: _Scale) -> list[Text]:
    """The numbers of rows: the last, the first, and those between that have room."""
    labels: list[Text] = []
    for count in [rows[-1], rows[0], *rows[1:-1]]:
        label = Text(x(count), BOTTOM + 18, f"{count:,}", 11, GREY, "middle")
        if not any(overlap(label, other) for other in labels):
            labels.append(label)
    return labels


def overlap(one: Text, other: Text) -> bool:
    """Whether two texts may lie upon each other."""
    (left, top, right, bottom), (other_left, other_top, other_right, other_bottom) = one.box, other.box
    return left < other_right and other_left < right and top < other_bottom and other_top < bottom


def _ticks(low: float, high: float) -> list[float]:
    """At most ten round values between two others: 1, 2, 5 of each decade, or 1 and 3, or only 1."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if len(ticks) <= 10:
            break
    return ticks


def _tick(milliseconds: float) -> str:
    return f"{milliseconds / 1000:g} s" if milliseconds >= 1000 else f"{milliseconds:g} ms"


def _caption(comparison: Comparison) -> list[str]:
    """The source of the numbers, in lines."""
    where = (
        f"{comparison.dimension}-dimensional embeddings of real texts {comparison.place}; "
        f"{comparison.date}, {comparison.machine}"
    )
    return [*textwrap.wrap(where, 150), *textwrap.wrap(comparison.command, 150)]


def _points(points: list[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _line(points: list[tuple[float, float]], color: str, width: float, dashes: str = "none") -> str:
    return (
        f'<polyline points="{_points(points)}" fill="none" stroke="{color}" stroke-width="{width:g}" '
        f'stroke-dasharray="{dashes}"/>'
    )
