"""``mastra-convex serve``: Convex's HTTP API in front of an embedded deployment."""

from __future__ import annotations

import ipaddress
import json as json_text
import os
import shlex
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from logging import WARNING
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Annotated

import typer

from mastra_convex import _native, _served, _server_log
from mastra_convex._cli import logs, terminal
from mastra_convex._cli.logs import Format, Level
from mastra_convex._cli.options import Debug, Json
from mastra_convex._cli.watching import Watcher
from mastra_convex.errors import ConfigurationError, LockedError

# A change of functions is seen within twice this time.
SECONDS_BETWEEN_LOOKS = 0.5

# The variable from which clients take the key of a deployment that isn't Convex's.
ADMIN_KEY = "CONVEX_SELF_HOSTED_ADMIN_KEY"

EPILOG = """
\b
Examples:
  mastra-convex serve                              a folder ./agent-data on port 3210
  mastra-convex serve --data ./other --port 0      another folder, a free port
  mastra-convex serve --functions ./convex         your own functions
  mastra-convex serve --functions ./convex --watch take up their changes
  mastra-convex serve --log-format json            a log for programs
  mastra-convex serve --json                       one line with url and admin_key, for programs

\b
The log goes to stderr. It has no keys, tokens or arguments. /health tells whether the server works, /metrics
(with the admin key, or --metrics) how much it does, in Prometheus' format.
"""


def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 picks a free one.")] = 3210,
    data: Annotated[str, typer.Option(metavar="DIR", help="The data folder (created if missing), or :memory:.")] = (
        "./agent-data"
    ),
    functions: Annotated[
        str | None, typer.Option(metavar="DIR", help="A convex/ folder to run instead of the built-in functions.")
    ] = None,
    auth_config: Annotated[
        str | None, typer.Option(metavar="FILE", help="An auth.config.ts to use instead of the functions' own.")
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further name or address by which requests may call. Repeatable."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(metavar="ORIGIN", help="A further origin whose pages may call: https://… Repeatable."),
    ] = None,
    admin_key_file: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A file with the admin key, which the data folder keeps from now on. "
            f"Without it, {ADMIN_KEY} is used, then the folder's own key.",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Load the functions again when their files change.")] = False,
    metrics: Annotated[bool, typer.Option("--metrics", help="Open /metrics to all.")] = False,
    log_level: Annotated[
        Level, typer.Option(help="Log from this level on: failed and slow calls are warnings, each request is debug.")
    ] = Level.INFO,
    log_format: Annotated[Format, typer.Option(help="Lines of text or of JSON.")] = Format.TEXT,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Serve a deployment to any Convex client, until interrupted.

    The first start creates the admin key, if none is given. The data folder keeps it, readable by its owner only.

    A request must name this machine's loopback or --host. A browser's page must come from the loopback.
    """
    host = "127.0.0.1" if host == "localhost" else host
    folder = None if data == ":memory:" else Path(data).expanduser()
    if watch and functions is None:
        raise ConfigurationError("serve: --watch needs --functions: the built-in functions don't change")
    # It knows the files before they are loaded, so that it misses no change.
    watcher = Watcher(Path(functions).expanduser()) if watch and functions is not None else None
    admin_key = given_key(admin_key_file)
    logs.write(log_level, log_format)
    try:
        deployment = _native.EmbeddedDeployment(
            folder,
            functions=None if functions is None else Path(functions).expanduser(),
            limits="convex",
            synchronous="full",
            auth_config=None if auth_config is None else Path(auth_config).expanduser(),
        )
    except LockedError as error:
        error.hint = (
            "If that process serves the folder, connect to the URL it printed. Otherwise close the folder there."
        )
        raise
    try:
        server = _native.HttpServer(
            deployment,
            host=host,
            port=port,
            folder=folder,
            log=_server_log.take,
            log_level=_server_log.level(),
            admin_key=admin_key,
            allowed_hosts=allow_host or [],
            allowed_origins=allow_origin or [],
            open_metrics=metrics,
        )
        try:
            signals = expect_signals()
            if folder is not None:
                _served.announce(folder, server.url)
            announce(server, host, folder, json)
            wait(signals, partial(watcher.look, deployment.reload) if watcher else lambda: None)
        finally:
            if folder is not None:
                _served.withdraw(folder, server.url)
            server.stop()
    finally:
        deployment.close()


def given_key(file: str | None) -> tuple[str, str] | None:
    """Where the admin key is given, and the key: in a file, or else in the environment."""
    if file is None:
        key = os.environ.get(ADMIN_KEY)
        return (f"serve: {ADMIN_KEY}", key) if key else None
    place = f"serve: --admin-key-file {file}"
    try:
        return place, Path(file).expanduser().read_text()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it isn't text"
        raise ConfigurationError(f"{place}: {reason}; expected a file with a key") from error


def announce(server: _native.HttpServer, host: str, folder: Path | None, json: bool) -> None:
    """Print the server's URL, its page's, and its admin key: to a terminal, or to a program that asks for it."""
    if not ipaddress.ip_address(host).is_loopback:
        reason = "other machines can reach this address, and the traffic is not encrypted"
        _server_log.take(WARNING, "open address", {"host": host, "reason": reason})
    if json:
        print(json_text.dumps({"url": server.url, "admin_key": server.admin_key}), flush=True)
    else:
        # FORCE_COLOR makes Rich take a file for a terminal.
        if sys.stdout.isatty():
            key = server.admin_key
        elif folder is not None:
            key = f"mastra-convex keys show {shlex.quote(str(folder))}"
        else:
            key = "in memory only; --json prints it, --admin-key-file gives one"
        lines = [f"URL:       {server.url}", f"Page:      {server.url}/_mastra", f"Admin key: {key}"]
        terminal.out.print("\n".join(lines), soft_wrap=True)
        if sys.stderr.isatty():
            terminal.err.print("Serving until interrupted (Ctrl-C).")


def expect_signals() -> SimpleQueue[int]:
    """SIGINT and SIGTERM from here on, as they come."""
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A handler interrupts the main thread anywhere. This queue takes items even while the main thread waits for it.
        signal.signal(number, lambda number, _: signals.put(number))
    return signals


def wait(signals: SimpleQueue[int], meanwhile: Callable[[], object]) -> None:
    """Return at the first signal. Call `meanwhile` now and then."""
    # A wait without a timeout would keep the main thread from running the handlers on some platforms.
    while True:
        with suppress(Empty):
            signals.get(timeout=SECONDS_BETWEEN_LOOKS)
            return
        meanwhile()
