"""``mastra-convex prune``: deletes what is older than a policy allows."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

import mastra_convex as mc
from mastra_convex._cli import deletions, targets, terminal
from mastra_convex._cli.options import Debug, Json
from mastra_convex._sync.store.erasure import prunable
from mastra_convex.errors import ConfigurationError
from mastra_convex.records.erasure import as_duration

EPILOG = """
\b
Examples:
  mastra-convex prune ./agent-data --older-than 90d                            all tables that grow by themselves
  mastra-convex prune ./agent-data --older-than 7d --table mastra_ai_spans     one table
  mastra-convex prune https://….convex.cloud --older-than 90d --max-rows 50000

\b
Threads, messages, resources, scores and evaluations are as old as they are; spans since their start, workflow runs
since their last update, background tasks since their completion, triggers of schedules since their firing. A thread
goes with all that belongs to it, a message with its vectors. Interrupted, run the command again. A data folder's file
gets smaller by `mastra-convex compact`.
"""


def prune(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A data folder, or a deployment's URL.")],
    older_than: Annotated[str, typer.Option(metavar="AGE", help="The age: a number and ms, s, m, h, d or w.")],
    table: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this table. Repeatable.")] = None,
    max_rows: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="The most rows to delete of each table.")
    ] = None,
    functions: targets.Functions = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Delete the rows that are older than an age, in small transactions."""
    try:
        max_age = as_duration("prune: --older-than", older_than)
    except mc.InvalidArgumentError as error:
        raise ConfigurationError(str(error)) from None
    targets.check("prune", target)
    with targets.connect(target, functions) as db, deletions.progress() as progress:
        store = mc.ConvexStore(db)
        policies = {name: {"max_age": max_age} for name in table or prunable(store._storage)}
        report = store.prune(policies, max_rows=max_rows, progress=progress)
    if json:
        print(json_text.dumps({"target": target, "deleted": report, "is_complete": report.is_complete}))
    else:
        deletions.show(report)
        if not report.is_complete:
            terminal.out.print("There are more. Run the command again.")
