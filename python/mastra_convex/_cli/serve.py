"""``mastra-convex serve``: Convex's HTTP API in front of an embedded deployment."""

from __future__ import annotations

import ipaddress
import json as json_text
import signal
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Annotated

import typer

from mastra_convex import _native, _served
from mastra_convex._cli import terminal
from mastra_convex._cli.options import Debug, Json
from mastra_convex.errors import LockedError

EPILOG = """
\b
Examples:
  mastra-convex serve                              a folder ./agent-data on port 3210
  mastra-convex serve --data ./other --port 0      another folder, a free port
  mastra-convex serve --functions ./convex         your own functions
  mastra-convex serve --json                       one line with url and admin_key, for programs
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
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Serve a deployment to any Convex client, until interrupted.

    The first start creates the admin key. The data folder keeps it, readable by its owner only.

    A request must name this machine's loopback or --host. A browser's page must come from the loopback.
    """
    host = "127.0.0.1" if host == "localhost" else host
    folder = None if data == ":memory:" else Path(data).expanduser()
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
            allowed_hosts=allow_host or [],
            allowed_origins=allow_origin or [],
        )
        try:
            signals = expect_signals()
            if folder is not None:
                _served.announce(folder, server.url)
            announce(server, host, json)
            wait(signals)
        finally:
            if folder is not None:
                _served.withdraw(folder, server.url)
            server.stop()
    finally:
        deployment.close()


def announce(server: _native.HttpServer, host: str, json: bool) -> None:
    """Print the server's URL and its admin key."""
    if not ipaddress.ip_address(host).is_loopback:
        warning = f"Warning: {host} can be reached from other machines, and the traffic is not encrypted."
        terminal.err.print(warning, soft_wrap=True)
    if json:
        print(json_text.dumps({"url": server.url, "admin_key": server.admin_key}), flush=True)
    else:
        terminal.out.print(f"URL:       {server.url}\nAdmin key: {server.admin_key}", soft_wrap=True)
        terminal.err.print("Serving until interrupted (Ctrl-C).")


def expect_signals() -> SimpleQueue[int]:
    """SIGINT and SIGTERM from here on, as they come."""
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A handler interrupts the main thread anywhere. This queue takes items even while the main thread waits for it.
        signal.signal(number, lambda number, _: signals.put(number))
    return signals


def wait(signals: SimpleQueue[int]) -> None:
    """Return at the first signal."""
    # A wait without a timeout would keep the main thread from running the handlers on some platforms.
    while True:
        with suppress(Empty):
            signals.get(timeout=1.0)
            return
