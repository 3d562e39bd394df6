"""A running `mastra-convex serve`, for tests that call it from outside."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

JSON = {"Content-Type": "application/json"}


class Served(NamedTuple):
    """The server's URL and its admin key."""

    url: str
    admin_key: str

    def send(
        self, method: str, path: str, body: bytes | str | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any, dict[str, str]]:
        """One raw request: the status, the body as JSON or text, the headers."""
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        is_json = reply.getheader("content-type") == "application/json"
        return reply.status, json.loads(text) if is_json else text, dict(reply.getheaders())

    def call(self, kind: str, path: str, args: Any = None, **more: Any) -> Any:
        """The reply of a function, called anonymously."""
        body = {"path": path, "args": args or {}, **more}
        status, reply, _ = self.send("POST", f"/api/{kind}", json.dumps(body), JSON)
        assert status == 200
        return reply


@contextmanager
def serve(
    *, data: str | Path, functions: Path | None = None, options: Sequence[str] = (), folder: Path | None = None
) -> Iterator[Served]:
    """Serve a folder on a free port. In the end, check that it printed and logged nothing more."""
    command = [sys.executable, "-m", "mastra_convex", "serve", "--port", "0", "--json", "--data", str(data)]
    command += ["--log-level", "error", *options]
    if functions is not None:
        command += ["--functions", str(functions)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise AssertionError(process.communicate()[1])
        try:
            yield Served(**json.loads(line))
        finally:
            process.terminate()
            out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", ""), (process.returncode, out, err)
