"""``mastra-convex bench``: compares the ways to search on a deployment and a network."""

from __future__ import annotations

import json as json_text
import os
import platform
import shlex
import sys
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from mastra_convex._cli import terminal
from mastra_convex._cli.bench import measurement, table
from mastra_convex._cli.bench.advice import recommendation
from mastra_convex._cli.bench.comparison import Comparison, Size
from mastra_convex._cli.bench.measurement import FIRST_QUERIES, Rows, Stage, measure, ways_of
from mastra_convex._cli.bench.network import Network
from mastra_convex._cli.bench.plot import as_png, check_png, draw
from mastra_convex._cli.bench.report import page
from mastra_convex._cli.bench.ways import Way
from mastra_convex._cli.docstrings import Docstrings
from mastra_convex._cli.options import Debug, Json
from mastra_convex.errors import ConfigurationError

EPILOG = """
\b
Examples:
  mastra-convex bench                                    its own deployment, over 40 ms and 50 Mbit/s
  mastra-convex bench --rtt 5ms --bandwidth 1gbit        over another network
  mastra-convex bench --rtt off --bandwidth off          without a network
  mastra-convex bench --html report.html --plot plot.svg
  mastra-convex bench https://….convex.cloud             your deployment, with its key in CONVEX_ADMIN_KEY
  mastra-convex bench --json | jq .recommendation        for programs

\b
On your deployment, bench announces the names of its own index and table, writes to them, and deletes both at the end,
even if you interrupt it (Ctrl-C). Only there can it measure the speed and recall of Convex's own index.
"""


def bench(
    target: Annotated[
        str | None, typer.Argument(metavar="TARGET", help="A deployment's URL, or a data folder.")
    ] = None,
    rtt: Annotated[
        str | None, typer.Option(metavar="TIME", help="The simulated network's round trip; 40ms without TARGET.")
    ] = None,
    bandwidth: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="Its speed in each direction; 50mbit without TARGET."),
    ] = None,
    sizes: Annotated[str, typer.Option(metavar="ROWS,…", help="Numbers of rows to compare.")] = "100,250,500,1000,2459",
    queries: Annotated[int, typer.Option(min=1, help="Repeated queries per size; fewer if they are slow.")] = 30,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="FILE", help="Draw the latencies to an .svg file, or with the extra `plot` to a .png."
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a self-contained report.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare the two vector classes, and say which to use.

    Real embeddings of the standard library's docstrings (384 numbers each) are written to ConvexVector and to
    ConvexNativeVector. Three ways are queried in turn at several sizes, by new clients (first queries) and by clients
    that stay (repeated queries): ConvexVector whose rows the deployment scores (server), ConvexVector whose rows the
    client keeps and scores (mirror), and ConvexNativeVector (native). In a data folder, ConvexVector has one way
    (embedded).
    """
    network = _network(target, rtt, bandwidth)
    _check_file("--plot", plot, (".svg", ".png"))
    if plot is not None and plot.suffix.lower() == ".png":
        check_png()
    _check_file("--html", html, (".html", ".htm"))
    docstrings = Docstrings()
    counts = _sizes(sizes, len(docstrings.rows))
    rows = Rows(docstrings)
    with measurement.stage(target, network) as stage:
        ways, measured = _compare(stage, rows, counts, queries)
        comparison = Comparison(
            target=target,
            kind=stage.kind,
            network=network,
            dimension=docstrings.dimension,
            machine=_machine(),
            command=shlex.join(["mastra-convex", *sys.argv[1:]]),
            date=datetime.now(UTC).date().isoformat(),
            ways=ways,
            sizes=measured,
        )
    if plot is not None:
        svg = draw(comparison, is_alone=True)
        terminal.write(plot, as_png(svg) if plot.suffix.lower() == ".png" else svg.encode())
    if html is not None:
        terminal.write(html, page(comparison).encode())
    if json:
        print(json_text.dumps(comparison.as_json() | {"recommendation": recommendation(comparison)}))
    else:
        table.show(comparison)
    for file in (plot, html):
        if file is not None:
            terminal.err.print(f"Wrote {file}", soft_wrap=True)


def _compare(stage: Stage, rows: Rows, counts: list[int], queries: int) -> tuple[tuple[Way, ...], list[Size]]:
    """Write the rows of each size and query them."""
    measured: list[Size] = []
    with measurement.indexes_of_ours(stage.db, rows.dimension, counts[-1]) as indexes, terminal.bars() as bars:
        ways = ways_of(stage, rows.dimension)
        for begin, end in pairwise([0, *counts]):
            rows.write(indexes, begin, end, bars.add(f"Writing rows up to {end:,}", len(indexes) * (end - begin)))
            asking = bars.add(f"Asking over {end:,} rows", FIRST_QUERIES + queries)
            measured.append(measure(stage, ways, rows, end, queries, asking))
    return ways, measured


def _sizes(text: str, most: int) -> list[int]:
    """The numbers of rows, ascending."""
    numbers = [number.strip() for number in text.split(",")]
    if not all(number.isdecimal() and 1 <= int(number) <= most for number in numbers):
        raise ConfigurationError(f"bench: --sizes {text}; expected numbers of rows from 1 to {most}, such as 100,1000")
    return sorted({int(number) for number in numbers})


def _network(target: str | None, rtt: str | None, bandwidth: str | None) -> Network | None:
    """The simulated network: by default one to the cloud, and none for a deployment that is already remote."""
    if target is None:
        return Network.parse(rtt or "40ms", bandwidth or "50mbit")
    if rtt is None and bandwidth is None:
        return None
    if not target.startswith("http://"):
        raise ConfigurationError(
            f"bench: --rtt and --bandwidth can't simulate a network for {target}; expected no target, or "
            "an http:// URL",
            hint="Over https:// there is a real network. `mastra-convex serve` gives a folder a URL.",
        )
    return Network.parse(rtt or "off", bandwidth or "off")


def _check_file(option: str, file: Path | None, suffixes: tuple[str, ...]) -> None:
    """Refuse a file that can't be written before measuring for minutes."""
    if file is None:
        return
    if file.suffix.lower() not in suffixes:
        raise ConfigurationError(f"bench: {option} {file}; expected a file name that ends in {' or '.join(suffixes)}")
    if not os.access(file.parent, os.W_OK) or file.is_dir():
        raise ConfigurationError(f"bench: {option} {file}; expected a file in a writable folder")


def _machine() -> str:
    """The processor, the system and the versions."""
    processor = platform.processor() or platform.machine()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        processor = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), processor)
    return f"{processor}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"
