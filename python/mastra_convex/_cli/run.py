"""``mastra-convex run``: a call of a function."""

from __future__ import annotations

import json as json_text
import logging
import sys
from typing import Annotated, Any

import typer

import mastra_convex as mc
from mastra_convex._cli import system_queries, targets, terminal
from mastra_convex._cli.data import encoded
from mastra_convex._cli.options import Debug
from mastra_convex.errors import ConfigurationError, FunctionNotFoundError

EPILOG = """
\b
Examples:
  mastra-convex run ./agent-data mastra/storage:handle '{"op": "queryTable", "tableName": "mastra_threads"}'
  mastra-convex run http://127.0.0.1:3210 messages:send '{"body": "hello"}'
  mastra-convex run ./data messages:list --functions ./convex | jq .
  mastra-convex run ./data messages:import - < messages.json

\b
The result goes to stdout as JSON, the lines of the function's console to stderr. A URL needs its admin key in
CONVEX_ADMIN_KEY. Internal functions can be called too.
"""


def run(
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A data folder, or a deployment's URL.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="The function: dir/module:name.")],
    args: Annotated[
        str, typer.Argument(metavar="[ARGS]", help="Its arguments as a JSON object; - reads them from stdin.")
    ] = "{}",
    functions: targets.Functions = None,
    debug: Debug = False,
) -> None:
    """Call a query, mutation or action, and print its result."""
    given = read_arguments(sys.stdin.read() if args == "-" else args)
    targets.check("run", target)
    console = logging.getLogger("mastra_convex.functions")
    console.addHandler(Console())
    console.setLevel(logging.INFO)
    with targets.connect(target, functions) as db:
        system_queries.check_owner("run", db)
        name = canonical(path)
        call = {"Query": db.query, "Mutation": db.mutation, "Action": db.action}[kind_of(db, name)]
        result = call(name, given)
    print(json_text.dumps(result, default=encoded, indent=2, ensure_ascii=False))


class Console(logging.Handler):
    """Prints the lines of a function's console."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a line without the function's path, which the user has just typed."""
        _, line = record.args if isinstance(record.args, tuple) else ("", record.getMessage())
        terminal.err.print(line, soft_wrap=True)


def read_arguments(text: str) -> dict[str, Any]:
    """The arguments of a call, which are a JSON object."""
    try:
        given = json_text.loads(text)
    except ValueError as error:
        raise ConfigurationError(
            f"run: ARGS is not JSON ({error}); expected an object, such as '{{\"n\": 1}}'"
        ) from None
    if not isinstance(given, dict):
        raise ConfigurationError(f"run: ARGS is {text:.40}; expected a JSON object, such as '{{\"n\": 1}}'")
    return given


def canonical(path: str) -> str:
    """The path as the deployment lists it, without the endings that may be left out."""
    module, _, name = path.partition(":")
    return f"{module.removesuffix('.ts').removesuffix('.js')}:{name or 'default'}"


def kind_of(db: mc.Deployment, path: str) -> str:
    """The kind of a function."""
    found = {
        canonical(function["identifier"]): function["functionType"]
        for function in db.query(system_queries.FUNCTIONS)
        if "identifier" in function
    }
    if path not in found:
        hint = system_queries.near(path, sorted(found), "functions")
        raise FunctionNotFoundError(f"run: {db.url} has no function {path!r}", hint=hint)
    return str(found[path])
