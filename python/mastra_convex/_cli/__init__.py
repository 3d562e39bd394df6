"""The ``mastra-convex`` command: one file a command, and here what they share, how errors end."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

from mastra_convex import __version__
from mastra_convex._cli import demo, doctor, init, serve, terminal
from mastra_convex._cli.options import Debug
from mastra_convex.errors import (
    ConfigurationError,
    DataFolderError,
    InvalidArgumentError,
    MastraConvexError,
    NotFoundError,
    TransportError,
)

# The first that fits an error; 1 where none does. Documented in `EPILOG`.
EXIT_CODES: list[tuple[type[MastraConvexError], int]] = [
    (ConfigurationError, 2),
    (InvalidArgumentError, 2),
    (DataFolderError, 3),
    (TransportError, 4),
    (NotFoundError, 5),
]

EPILOG = """
\b
Examples:
  mastra-convex demo                     see it work on real text, in some seconds
  mastra-convex demo --data ./demo       the same, kept in a folder
  mastra-convex demo --json | jq .rows   for programs
  mastra-convex serve                    a deployment for any Convex client
  mastra-convex init                     the functions, for a Convex project of yours
  mastra-convex doctor                   what is wrong, and what to do about it

\b
Exit codes:
  0    done
  1    it failed, and the message says how
  2    an option or argument can't be
  3    a data folder is locked, damaged, of a newer version, or full
  4    a deployment can't be reached
  5    what was asked for doesn't exist
  130  interrupted
"""

app = typer.Typer(
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help reads the same in a terminal, a pipe and a manual
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo", epilog=demo.EPILOG)(demo.demo)
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor)
app.command("init", epilog=init.EPILOG)(init.init)
app.command("serve", epilog=serve.EPILOG)(serve.serve)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mastra-convex {__version__}")
        raise typer.Exit


@app.callback()
def _every_command(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Mastra's vector search on Convex: exact, fast, and embedded to begin with."""


def main() -> None:
    """Run the command line; an error of this package ends as a message and an exit code."""
    terminal.take_any_text()
    try:
        app(prog_name="mastra-convex")
    except MastraConvexError as error:
        # `--debug` is taken before and after the command's name, so the line itself is the one place to look.
        if "--debug" in sys.argv:
            raise
        terminal.err.print(
            Text("Error: ", style="bold red").append(str(error), style="not bold default"), soft_wrap=True
        )
        sys.exit(next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1))
