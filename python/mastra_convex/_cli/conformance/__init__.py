"""``mastra-convex conformance``: whether a deployment does all that this package needs of it."""

from __future__ import annotations

import json as json_text
import platform
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any
from urllib.request import urlopen

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

import mastra_convex as mc
from mastra_convex._cli import targets, terminal
from mastra_convex._cli.conformance import basics, kept, live, memory, native, race, trials, vectors, work
from mastra_convex._cli.conformance.check import Result
from mastra_convex._cli.conformance.room import Room, room_of
from mastra_convex._cli.options import Debug, Json
from mastra_convex._credentials import url_from_env
from mastra_convex.errors import ConfigurationError

EPILOG = """
\b
Examples:
  mastra-convex conformance                            the deployment of CONVEX_URL, with its key in CONVEX_ADMIN_KEY
  mastra-convex conformance http://127.0.0.1:3210      a deployment that `mastra-convex serve` serves
  mastra-convex conformance :memory: --functions ./convex   your folder of functions, in this process
  mastra-convex conformance --race --native            writers at the same time, and Convex's own vector index, too
  mastra-convex conformance --only threads --only search
  mastra-convex conformance --json > report.json       for programs, and for a report of a problem

\b
All records, indexes and keys of a run begin with a name of its own, which is printed first. They are deleted at the
end, also after a failure or Ctrl-C. No other record is changed or deleted. Use a deployment on which no worker
claims background tasks of all agents: it could claim those of a check.

\b
--native needs a table in the schema; without it, its checks are unsupported, and the reason has the line to add.
The exit code is 1 if a check failed or something couldn't be deleted. Unsupported checks don't change it.
"""

# Each function is the checks of a noun, its name.
GROUPS: tuple[Callable[[Room], None], ...] = (
    basics.platform,
    basics.tables,
    memory.threads,
    memory.messages,
    memory.resources,
    memory.observations,
    work.workflows,
    work.tasks,
    work.schedules,
    work.channels,
    kept.scores,
    kept.traces,
    kept.cache,
    kept.items,
    trials.states,
    trials.notifications,
    trials.datasets,
    trials.experiments,
    trials.sessions,
    vectors.vectors,
    vectors.search,
    vectors.filters,
    live.live,
)

SIGNS = {"failed": "✗", "unsupported": "!"}


def conformance(
    target: Annotated[
        str | None,
        typer.Argument(metavar="TARGET", help="A deployment's URL, a data folder or :memory:; CONVEX_URL by default."),
    ] = None,
    with_race: Annotated[bool, typer.Option("--race", help="Also check writers at the same time.")] = False,
    with_native: Annotated[bool, typer.Option("--native", help="Also check Convex's own vector index.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="GROUP", help="Only the checks of a group; may be repeated.")
    ] = None,
    functions: targets.Functions = None,
    storage_function: Annotated[str, typer.Option(help="The path of the storage function.")] = "mastra/storage:handle",
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Check that a deployment does what this package needs.

    More than 300 checks, each with a name that stays: values, limits, errors, every table, and what Mastra's storage,
    cache, vectors and live queries promise. They take seconds on this machine, and about a minute over a slow network.
    """
    groups = {group.__name__: group for group in (*GROUPS, race.race, native.native)}
    wanted = only or [name for name in groups if {"race": with_race, "native": with_native}.get(name, True)]
    for name in wanted:
        if name not in groups:
            raise ConfigurationError(f"conformance: --only {name}; expected one of: {', '.join(groups)}")
    target = target or url_from_env()
    if "://" not in target and target != ":memory:" and not (Path(target).expanduser() / "data.sqlite3").is_file():
        raise ConfigurationError(f"conformance: {target} is not a data folder; expected one, a URL or :memory:")
    left: list[str] = []
    began = perf_counter()
    with targets.connect(target, functions) as db, room_of(db, storage_function, left) as room:
        about = _versions(db, room)
        with terminal.bars() as bars:
            progress = bars.add("Checking", len(wanted))
            for done, name in enumerate(wanted, start=1):
                with room.check.of(name):
                    groups[name](room)
                progress(done, len(wanted))
    results = room.check.results
    report = {"target": target, "versions": about, "prefix": room.prefix, "seconds": round(perf_counter() - began, 3)}
    counts = Counter(result.status for result in results)
    if json:
        checked = [{name: value for name, value in asdict(result).items() if value is not None} for result in results]
        tally = {status: counts[status] for status in ("passed", "failed", "unsupported")}
        print(json_text.dumps({**report, **tally, "checks": checked, "native": room.measured, "left": left}))
    else:
        _show(report, results, room.measured)
    if counts["failed"] or left:
        raise typer.Exit(1)


def _versions(db: mc.Deployment, room: Room) -> dict[str, Any]:
    """The parts that a report of a problem names."""
    functions = "npm @mastra/convex" if room.deployed is None else f"mastra-convex, version {room.deployed['version']}"
    backend = None
    if db.kind == "embedded":
        backend = f"embedded, mastra-convex {mc.__version__}"
    else:
        # Convex and `serve` say it without a key. It is no loss where a proxy doesn't.
        with suppress(OSError, ValueError), urlopen(f"{db.url.rstrip('/')}/version", timeout=5) as reply:
            backend = reply.read(200).decode().strip() or None
    return {
        "mastra_convex": mc.__version__,
        "python": platform.python_version(),
        "functions": functions,
        "backend": backend,
    }


def _show(report: dict[str, Any], results: list[Result], measured: dict[str, Any] | None) -> None:
    """Print a line for each group, then each check that didn't pass."""
    about = report["versions"]
    terminal.out.print(
        f"{report['target']}: mastra-convex {about['mastra_convex']}, Python {about['python']}, functions of "
        f"{about['functions']}, backend {about['backend'] or 'unknown'}",
        soft_wrap=True,
    )
    table = Table(box=SIMPLE_HEAD if terminal.out.is_terminal else None, header_style="", pad_edge=False)
    table.add_column("checks", no_wrap=True)
    for column in ("passed", "failed", "unsupported", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    for group in dict.fromkeys(result.name.partition(".")[0] for result in results):
        part = [result for result in results if result.name.partition(".")[0] == group]
        counts = Counter(result.status for result in part)
        shown = [f"{counts[status]}" if counts[status] else "" for status in ("passed", "failed", "unsupported")]
        table.add_row(group, *shown, f"{sum(result.seconds for result in part):.1f}")
    terminal.out.print(table)
    for result in results:
        if result.status == "passed":
            continue
        terminal.out.print(f"{SIGNS[result.status]} {result.name}", soft_wrap=True)
        for label in ("expected", "found", "reason"):
            if text := getattr(result, label):
                terminal.out.print(f"    {label}: {text}", soft_wrap=True)
    if measured is not None:
        medians = measured["median_ms"]
        terminal.out.print(
            f"Convex's vector index over {measured['rows']:,} rows: recall@10 {measured['recall_at_10']:.3f}, median "
            f"{medians['native']:.1f} ms; the exact search: {medians['exact']:.1f} ms",
            soft_wrap=True,
        )
    counts = Counter(result.status for result in results)
    terminal.out.print(
        f"{len(results)} checks in {report['seconds']:.1f} s: {counts['passed']} passed, {counts['failed']} failed, "
        f"{counts['unsupported']} unsupported",
        soft_wrap=True,
    )
