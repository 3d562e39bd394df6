"""A comparison as one HTML file, which loads nothing from a server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from mastra_convex._cli.bench.advice import advice, basis, crossover_lines, headline, legend
from mastra_convex._cli.bench.comparison import TOP_K, Comparison, Kind, Latency, Measured, Size, phases_of
from mastra_convex._cli.bench.plot import draw
from mastra_convex._cli.bench.quantities import duration, share, size_of
from mastra_convex._cli.bench.ways import NATIVE_CLASS, SCAN_CLASS

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 62rem; margin: 2.5rem auto;
  padding: 0 1.25rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .8rem; }
h2 { font-size: 1.1rem; margin: 2.5rem 0 .4rem; }
p { margin: .5rem 0; max-width: 46rem; }
.advice { border-left: 4px solid #0072B2; padding: .1rem 0 .1rem 1rem; margin: 1rem 0 1.5rem; font-size: 1.06rem; }
.note, caption { color: #555; }
svg { width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; margin: .6rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .3rem; }
th, td { padding: .22rem .8rem; text-align: right; white-space: nowrap; }
th { font-weight: 600; border-bottom: 1px solid #999; }
th.name, td.name { text-align: left; }
tr.first td { border-top: 1px solid #ddd; }
td.ahead { font-weight: 700; }
.words td { white-space: normal; text-align: left; vertical-align: top; border-top: 1px solid #ddd; }
.server, .embedded { color: #0072B2; } .mirror { color: #00795A; } .native { color: #B34E00; }
code { font-size: .9em; background: #f3f3f3; padding: .1em .35em; border-radius: 3px; }
footer { margin-top: 3rem; font-size: .85rem; color: #555; }
"""

DIFFERENCES = [
    (
        "answers",
        "exact, to the bit of every score",
        "approximate on large tables of a real deployment; scores in float32",
    ),
    ("results", "any number", "1 to 256"),
    ("filters", "Mastra's whole language, on any metadata", "one equality on a declared field, or an OR of them"),
    ("metrics", "cosine, dot product, Euclidean", "cosine"),
    ("set-up", "none: <code>create_index</code>", "a table and a vector index in <code>schema.ts</code>"),
    (
        "a query over a network moves",
        "its results, or to a mirror the rows that changed; a mirror's first one moves the index",
        "its results",
    ),
]


def page(comparison: Comparison) -> str:
    """The HTML document."""
    svg = draw(comparison, is_alone=False)
    differences = (
        f'<tr><td class="name">{what}</td><td>{scan}</td><td>{native}</td></tr>' for what, scan, native in DIFFERENCES
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(headline(comparison))}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(headline(comparison))}</h1>
<div class="advice"><p><strong>{escape(advice(comparison))}</strong></p><p>{escape(basis(comparison))}</p></div>
<p class="note">{_lines(legend(comparison))}</p>
<figure style="margin: 0">{svg}</figure>
<h2>First query of a client</h2>
<p class="note">A new connection, then one query: what a script pays.<br>
{_lines(crossover_lines(comparison, "first"))}</p>
{_latencies(comparison, "first")}
<h2>Repeated queries</h2>
<p class="note">By one connection: what a process that stays pays.<br>
{_lines(crossover_lines(comparison, "repeated"))}</p>
{_latencies(comparison, "repeated")}
<h2>Where the time of a repeated query goes</h2>
<p class="note">Means. “Other” is the time that a class doesn't report by phase: calls, waiting, making results.</p>
{_phases(comparison)}
<h2>Other differences</h2>
<div class="wide"><table class="words">
<tr><th class="name"></th><th class="name">{SCAN_CLASS}</th><th class="name">{NATIVE_CLASS}</th></tr>
{"".join(differences)}
</table></div>
<footer>
<p>Each query asks for the best {TOP_K} rows. p50, p95 and p99: half, 95 and 99 of 100 queries took no longer,
interpolated where there are fewer. Moved: bytes in both directions, where they could be counted. Recall: the part of
the exact answers that was found; an equal score counts as found. {SCAN_CLASS}'s answers were checked to the bit.</p>
<p>{escape(comparison.date)}, {escape(comparison.machine)}<br><code>{escape(comparison.command)}</code></p>
</footer>
</body>
</html>
"""


def _lines(lines: Sequence[str]) -> str:
    return "<br>".join(escape(line) for line in lines)


def _latencies(comparison: Comparison, kind: Kind) -> str:
    def cells(measured: Measured, size: Size) -> list[str]:
        latency: Latency = getattr(measured, kind)
        ahead = latency.p50 == min(size.median(way, kind) for way in comparison.ways)
        times = [f"<td{' class=ahead' if ahead else ''}>{duration(latency.p50)}</td>"]
        moved = size_of(getattr(measured, f"{kind}_bytes"))
        rest = [duration(latency.p95), duration(latency.p99), moved, share(measured.recall), str(latency.queries)]
        return times + [f"<td>{text}</td>" for text in rest]

    return _table(comparison, ["p50", "p95", "p99", "moved", "recall", "queries"], cells)


def _phases(comparison: Comparison) -> str:
    phases = phases_of(comparison)

    def cells(measured: Measured, _: Size) -> list[str]:
        took = [measured.seconds.get(phase) for phase in phases]
        texts = [measured.strategy, *("" if seconds is None else duration(seconds * 1000) for seconds in took)]
        return [f"<td>{text}</td>" for text in texts]

    return _table(comparison, ["read by", *phases], cells)


def _table(comparison: Comparison, columns: Sequence[str], cells: Callable[[Measured, Size], list[str]]) -> str:
    """A row per size and way."""
    lines = ["<tr><th>rows</th><th class=name></th>", *(f"<th>{column}</th>" for column in columns), "</tr>"]
    for size in comparison.sizes:
        for number, (name, measured) in enumerate(size.ways.items()):
            begin = "<tr><td></td>" if number else f'<tr class="first"><td>{size.rows:,}</td>'
            lines += [f'{begin}<td class="name {name}">{name}</td>', *cells(measured, size), "</tr>"]
    return f'<div class="wide"><table>{"".join(lines)}</table></div>'
