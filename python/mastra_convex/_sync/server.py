# Generated from _async/server.py by tools/unasync.py: edit that.
"""A server in front of an embedded deployment."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from mastra_convex import _native, _served
from mastra_convex._sync._call import call
from mastra_convex._public import public


@public
class Server:
    """Convex's protocols in front of an embedded deployment, until it is stopped; `Deployment.serve` makes one.

    Closing the deployment stops it too.

    Attributes
    ----------
    url : str
        The URL that any Convex client connects to.
    admin_key : str
        The key that reaches internal functions. No log line and no repr shows it.
    """

    def __init__(self, native: _native.HttpServer, folder: Path | None) -> None:
        self._native = native
        self._folder = folder
        self.url = native.url
        self.admin_key = native.admin_key

    def stop(self) -> None:
        """Accept no more connections, wait for running calls, and return. Does nothing if the server is stopped."""
        if self._folder is not None:
            _served.withdraw(self._folder, self.url)
        call(self._native.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"
