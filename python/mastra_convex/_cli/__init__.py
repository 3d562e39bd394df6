"""The ``mastra-convex`` command: one file a command, and here what they share, how errors end."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer
from rich.text import Text

from mastra_convex import __version__
from mastra_convex._cli import bench, demo, doctor, init, keys, serve, terminal
from mastra_convex._cli.options import Debug
from mastra_convex.errors import (
    AuthenticationError,
    ConfigurationError,
    DataFolderError,
    InvalidArgumentError,
    MastraConvexError,
    NotFoundError,
    PermissionDeniedError,
    TransportError,
)

# The first that fits an error; 1 where none does. Documented in `EPILOG`.
EXIT_CODES: list[tuple[type[MastraConvexError], int]] = [
    (ConfigurationError, 2),
    (InvalidArgumentError, 2),
    (DataFolderError, 3),
    (TransportError, 4),
    (NotFoundError, 5),
    (AuthenticationError, 6),
    (PermissionDeniedError, 6),
]
INTERRUPTED = 130

EPILOG = """
\b
Examples:
  mastra-convex demo                     see it work on real text, in some seconds
  mastra-convex demo --data ./demo       the same, kept in a folder
  mastra-convex demo --json | jq .rows   for programs
  mastra-convex bench                    which vector class to use, on which network
  mastra-convex serve                    a deployment for any Convex client
  mastra-convex init                     the functions, for a Convex project of yours
  mastra-convex keys show                the admin key of a data folder
  mastra-convex doctor                   what is wrong, and what to do about it

\b
Exit codes:
  0    done
  1    it failed, and the message says how
  2    an option or argument can't be
  3    a data folder is locked, damaged, of a newer version, or full
  4    a deployment can't be reached
  5    what was asked for doesn't exist, or not without a key
  6    a deployment doesn't take the key or token
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
app.command("bench", epilog=bench.EPILOG)(bench.bench)
app.command("demo", epilog=demo.EPILOG)(demo.demo)
app.command("doctor", epilog=doctor.EPILOG)(doctor.doctor)
app.command("init", epilog=init.EPILOG)(init.init)
app.add_typer(keys.app, name="keys")
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
    """Run the command line; whatever goes wrong ends as a message and an exit code."""
    terminal.take_any_text()
    try:
        try:
            app(prog_name="mastra-convex")
        finally:
            sys.stdout.flush()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            terminal.err.print("Interrupted.")
        raise
    except Exception as error:
        # `--debug` is taken before and after the command's name, so the line itself is the one place to look.
        if "--debug" in sys.argv:
            raise
        if isinstance(error, OSError) and not isinstance(error, MastraConvexError):
            # What is left to print can't be printed either, and would be told once more at the very end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # whoever reads has seen enough
            terminal.err.print(
                Text("Error: ", style="bold red").append(_message(error), style="not bold default"), soft_wrap=True
            )
        sys.exit(next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1))


def _message(error: Exception) -> str:
    if isinstance(error, MastraConvexError | OSError):
        return str(error)
    return f"{type(error).__name__}: {error}\nThat is a mistake of this program: --debug shows where; please report it."
