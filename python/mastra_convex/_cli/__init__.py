"""The ``mastra-convex`` command. Each command has a file; this one turns their errors into exit codes."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

from mastra_convex import __version__
from mastra_convex._cli import (
    bench,
    compact,
    conformance,
    data,
    demo,
    doctor,
    export,
    failures,
    forget,
    import_,
    init,
    keys,
    prune,
    run,
    serve,
    terminal,
)
from mastra_convex._cli.options import Debug

EPILOG = """
\b
Examples:
  mastra-convex demo                             search real text, in a few seconds
  mastra-convex demo --data ./demo               the same, keeping the index in a folder
  mastra-convex demo --json | jq .rows           for programs
  mastra-convex bench                            compare the vector classes on a network
  mastra-convex serve                            a deployment for any Convex client
  mastra-convex data ./agent-data                look at tables and documents
  mastra-convex run ./agent-data PATH '{…}'      call a function
  mastra-convex init                             write the functions into your Convex project
  mastra-convex keys show                        the admin key of a data folder
  mastra-convex doctor                           find problems and how to fix them
  mastra-convex conformance                      does a deployment do what this package needs?
  mastra-convex export ./agent-data backup.zip   the tables of a deployment, in a file
  mastra-convex import backup.zip ./agent-data   back into a deployment
  mastra-convex prune ./agent-data --older-than 90d
  mastra-convex forget ./agent-data ada          everything of a person
  mastra-convex compact ./agent-data             give the space back to the disk
"""

app = typer.Typer(
    epilog=EPILOG + failures.EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help reads the same in a terminal, a pipe and a manual
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("bench", epilog=bench.EPILOG + failures.EXIT_CODES)(bench.bench)
app.command("compact", epilog=compact.EPILOG + failures.EXIT_CODES)(compact.compact)
app.command("conformance", epilog=conformance.EPILOG + failures.EXIT_CODES)(conformance.conformance)
app.command("data", epilog=data.EPILOG + failures.EXIT_CODES)(data.data)
app.command("demo", epilog=demo.EPILOG + failures.EXIT_CODES)(demo.demo)
app.command("doctor", epilog=doctor.EPILOG + failures.EXIT_CODES)(doctor.doctor)
app.command("export", epilog=export.EPILOG + failures.EXIT_CODES)(export.export)
app.command("forget", epilog=forget.EPILOG + failures.EXIT_CODES)(forget.forget)
app.command("import", epilog=import_.EPILOG + failures.EXIT_CODES)(import_.import_)
app.command("init", epilog=init.EPILOG + failures.EXIT_CODES)(init.init)
app.add_typer(keys.app, name="keys")
app.command("prune", epilog=prune.EPILOG + failures.EXIT_CODES)(prune.prune)
app.command("run", epilog=run.EPILOG + failures.EXIT_CODES)(run.run)
app.command("serve", epilog=serve.EPILOG + failures.EXIT_CODES)(serve.serve)


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
    """Run the command line. Every error ends as a message and an exit code."""
    terminal.open_streams()
    terminal.take_any_text()
    try:
        try:
            app(prog_name="mastra-convex")
        finally:
            sys.stdout.flush()
    except SystemExit as end:
        if end.code == failures.INTERRUPTED:
            terminal.err.print("Interrupted.")
        raise
    except Exception as error:
        # `--debug` is taken before and after the command's name, so the line itself is the one place to look.
        if "--debug" in sys.argv:
            raise
        if not isinstance(error, BrokenPipeError):  # the reader closed the pipe
            message = Text("Error: ", style="bold red").append(failures.problem(error), style="not bold default")
            terminal.err.print(message, soft_wrap=True)
            if step := failures.next_step(error):
                terminal.err.print(step, soft_wrap=True)
        sys.exit(failures.exit_code(error))
