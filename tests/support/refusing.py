"""A gateway in front of a served deployment. It refuses requests as a busy real deployment does."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import urlsplit


class Gateway(ThreadingHTTPServer):
    """Passes requests on, unless `refusal` returns a refusal."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, target: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = urlsplit(target)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.lock = threading.Lock()
        self.refused = 0

    def refusal(self, path: str, body: bytes) -> tuple[int, str] | None:
        """The status and code to refuse a request with."""
        return None

    def passed_on(self, body: bytes) -> bytes:
        """The request as the deployment gets it."""
        return body


class Convex(Gateway):
    """Has no system queries of this package's, as a Convex deployment."""

    def passed_on(self, body: bytes) -> bytes:
        """Ask for functions that don't exist instead."""
        return body.replace(b"_system/mastra", b"_system/absent")


class Conflicts(Gateway):
    """Gives up a share of the mutations as conflicts, before they are executed; the share is seeded."""

    def __init__(self, target: str, share: float, seed: int) -> None:
        super().__init__(target)
        self.share = share
        self.random = Random(seed)

    def refusal(self, path: str, body: bytes) -> tuple[int, str] | None:
        """Refuse with a conflict now and then."""
        with self.lock:
            is_refused = path == "/api/mutation" and self.random.random() < self.share
        return (503, "OptimisticConcurrencyControlFailure") if is_refused else None


class Pace(Gateway):
    """Takes so many bytes of mutations per second, and up to one second's bytes more at once."""

    def __init__(self, target: str, bytes_per_second: int) -> None:
        super().__init__(target)
        self.rate = bytes_per_second
        self.room = float(bytes_per_second)
        self.last = time.monotonic()

    def refusal(self, path: str, body: bytes) -> tuple[int, str] | None:
        """Ask to slow down if there is no room."""
        if path != "/api/mutation":
            return None
        with self.lock:
            now = time.monotonic()
            self.room = min(self.rate, self.room + (now - self.last) * self.rate)
            self.last = now
            if self.room <= 0:
                return 429, "TooManyWrites"
            self.room -= len(body)
        return None


class Handler(BaseHTTPRequestHandler):
    """One client's connection, with a connection to the deployment."""

    server: Gateway
    protocol_version = "HTTP/1.1"
    far: http.client.HTTPConnection | None = None

    def do_POST(self) -> None:
        """Refuse a request, or pass it on."""
        body = self.rfile.read(int(self.headers["content-length"]))
        refusal = self.server.refusal(self.path, body)
        if refusal is not None:
            self.server.refused += 1
            status, code = refusal
            self._answer(status, json.dumps({"code": code, "message": "Try again later"}).encode())
            return
        if self.far is None:
            self.far = http.client.HTTPConnection(self.server.target.netloc, timeout=60)
        kept = {
            name: value for name, value in self.headers.items() if name.lower() in ("authorization", "content-type")
        }
        self.far.request("POST", self.path, self.server.passed_on(body), kept)
        reply = self.far.getresponse()
        self._answer(reply.status, reply.read())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        """Close both connections."""
        super().finish()
        if self.far is not None:
            self.far.close()

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@contextmanager
def running(gateway: Gateway) -> Iterator[Gateway]:
    """A gateway on a thread, for a while."""
    thread = threading.Thread(target=gateway.serve_forever)
    thread.start()
    try:
        yield gateway
    finally:
        gateway.shutdown()
        thread.join()
        gateway.server_close()
