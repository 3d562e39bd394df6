"""A comparison as text."""

from __future__ import annotations

from collections.abc import Callable

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from mastra_convex._cli import terminal
from mastra_convex._cli.bench.comparison import (
    NATIVE,
    SCAN,
    Comparison,
    Kind,
    Latency,
    Side,
    advice,
    basis,
    crossover_text,
    duration,
    phases_of,
    recall_of,
    size_of,
)

KINDS: tuple[tuple[Kind, str], ...] = (
    ("first", "First query, by a new client"),
    ("repeated", "Repeated queries, by a client that stays"),
)


def show(comparison: Comparison) -> None:
    """Print the tables, then the advice."""
    for kind, title in KINDS:
        terminal.out.print(Text(title, style="bold"), _latencies(comparison, kind), sep="\n")
        terminal.out.print(f"{crossover_text(comparison, kind)}.\n")
    terminal.out.print(Text("Where the time of a repeated query goes (means)", style="bold"), _phases(comparison), "")
    terminal.out.print(Text(advice(comparison), style="bold"), basis(comparison), sep="\n")


def _latencies(comparison: Comparison, kind: Kind) -> Table:
    def cells(side: Side) -> list[str]:
        latency: Latency = getattr(side, kind)
        times = [duration(latency.p50), duration(latency.p95), duration(latency.p99)]
        return [*times, size_of(getattr(side, f"{kind}_bytes")), recall_of(side)]

    return _table(comparison, ["p50", "p95", "p99", "moved", "recall"], cells)


def _phases(comparison: Comparison) -> Table:
    phases = phases_of(comparison)

    def cells(side: Side) -> list[str]:
        took = (side.seconds.get(phase) for phase in phases)
        return [side.strategy, *("" if seconds is None else duration(seconds * 1000) for seconds in took)]

    return _table(comparison, ["read by", *phases], cells)


def _table(comparison: Comparison, columns: list[str], cells: Callable[[Side], list[str]]) -> Table:
    """Two rows per size, one for each class."""
    table = Table(box=SIMPLE_HEAD if terminal.out.is_terminal else None, header_style="", pad_edge=False)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("", style="cyan", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    for size in comparison.sizes:
        table.add_row(f"{size.rows:,}", SCAN, *cells(size.scan))
        table.add_row("", NATIVE, *cells(size.native))
    return table
