"""``mastra-convex forget``: deletes everything of a resource."""

from __future__ import annotations

import json as json_text
from typing import Annotated

import typer

import mastra_convex as mc
from mastra_convex._cli import deletions, targets
from mastra_convex._cli.options import Debug, Json

EPILOG = """
\b
Examples:
  mastra-convex forget ./agent-data ada && mastra-convex compact ./agent-data
  mastra-convex forget https://….convex.cloud ada      with its key in CONVEX_ADMIN_KEY

\b
Deleted are its threads with their messages, observations and working memory, its messages in threads of others, its
workflow runs, background tasks, scores and traces, rows of vector indexes whose metadata names it, and the resource
itself. Native vector tables and your own tables aren't searched. Interrupted, run the command again. The words stay in
free pages of a data folder's file until `mastra-convex compact` rewrites it.
"""


def forget(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A data folder, or a deployment's URL.")],
    resource: Annotated[str, typer.Argument(metavar="RESOURCE", help="The resource's id, such as a user's.")],
    functions: targets.Functions = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Delete everything of a resource, such as a person who asks for it."""
    targets.check("forget", target)
    with targets.connect(target, functions) as db, deletions.progress() as progress:
        report = mc.ConvexStore(db).forget(resource, progress=progress)
    if json:
        print(json_text.dumps({"target": target, "resource": resource, "deleted": report}))
    else:
        deletions.show(report)
