"""A comparison as text."""

from __future__ import annotations

from collections.abc import Callable

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from mastra_convex._cli import terminal
from mastra_convex._cli.bench.advice import advice, basis, crossover_lines, legend
from mastra_convex._cli.bench.comparison import Comparison, Kind, Latency, Measured, phases_of
from mastra_convex._cli.bench.quantities import duration, share, size_of

KINDS: tuple[tuple[Kind, str], ...] = (
    ("first", "First query, by a new client"),
    ("repeated", "Repeated queries, by a client that stays"),
)


def show(comparison: Comparison) -> None:
    """Print the ways, the tables, then the advice."""
    terminal.out.print(*legend(comparison), "", sep="\n")
    for kind, title in KINDS:
        terminal.out.print(Text(title, style="bold"), _latencies(comparison, kind), sep="\n")
        terminal.out.print(*crossover_lines(comparison, kind), "", sep="\n")
    terminal.out.print(Text("Where the time of a repeated query goes (means)", style="bold"), _phases(comparison), "")
    terminal.out.print(Text(advice(comparison), style="bold"), basis(comparison), sep="\n")


def _latencies(comparison: Comparison, kind: Kind) -> Table:
    def cells(measured: Measured) -> list[str]:
        latency: Latency = getattr(measured, kind)
        times = [duration(latency.p50), duration(latency.p95), duration(latency.p99)]
        return [*times, size_of(getattr(measured, f"{kind}_bytes")), share(measured.recall)]

    return _table(comparison, ["p50", "p95", "p99", "moved", "recall"], cells)


def _phases(comparison: Comparison) -> Table:
    phases = phases_of(comparison)

    def cells(measured: Measured) -> list[str]:
        took = (measured.seconds.get(phase) for phase in phases)
        return [measured.strategy, *("" if seconds is None else duration(seconds * 1000) for seconds in took)]

    return _table(comparison, ["read by", *phases], cells)


def _table(comparison: Comparison, columns: list[str], cells: Callable[[Measured], list[str]]) -> Table:
    """A row per size and way."""
    table = Table(box=SIMPLE_HEAD if terminal.out.is_terminal else None, header_style="", pad_edge=False)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("", style="cyan", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for size in comparison.sizes:
        for number, (name, measured) in enumerate(size.ways.items()):
            table.add_row("" if number else f"{size.rows:,}", name, *cells(measured))
    return table
