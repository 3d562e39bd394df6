"""Slow, idle and greedy clients of `serve`."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.support.checkout import FUNCTIONS

MIB = 1 << 20


class Server(NamedTuple):
    """A server in a process of its own."""

    host: str
    port: int
    pid: int

    def connect(self) -> socket.socket:
        """A connection whose operations time out after ten seconds."""
        return socket.create_connection((self.host, self.port), timeout=10)

    def memory(self) -> int:
        """The process's memory, in bytes."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) << 10

    def call(self) -> float:
        """The duration of a query on a new connection, in seconds."""
        began = time.perf_counter()
        connection = HTTPConnection(self.host, self.port, timeout=20)
        connection.request(
            "POST", "/api/query", '{"path": "notes:log", "args": {}}', {"Content-Type": "application/json"}
        )
        reply = connection.getresponse()
        assert reply.status == 200
        assert json.loads(reply.read())["status"] == "success"
        connection.close()
        return time.perf_counter() - began


@contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """A server of an empty folder, with the usual limit of open files. This process may open more."""
    command = [
        sys.executable,
        "-m",
        "mastra_convex",
        "serve",
        "--port",
        "0",
        "--json",
        "--data",
        str(folder),
    ]
    command += ["--functions", str(FUNCTIONS / "plain")]
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(1024, hard), hard))

    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=limit)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(4096, hard)), hard))
    assert process.stdout is not None
    try:
        parts = urlsplit(json.loads(process.stdout.readline())["url"])
        assert parts.hostname is not None
        assert parts.port is not None
        yield Server(parts.hostname, parts.port, process.pid)
    finally:
        process.kill()
        process.communicate()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def send(connection: socket.socket, data: bytes) -> None:
    """Send as much as the server takes; it may close the connection."""
    with contextlib.suppress(OSError):
        connection.sendall(data)


def idle(connection: socket.socket) -> None:
    """Send nothing."""


def half_headers(connection: socket.socket) -> None:
    """Begin a request."""
    send(connection, b"POST /api/query HTTP/1.1\r\nHost: localhost\r\nContent-")


def half_body(connection: socket.socket) -> None:
    """Begin a body."""
    send(connection, head("/api/query", "Content-Length: 1000") + b'{"path": ')


def unread(connection: socket.socket) -> None:
    """Send a request, and don't read the answer."""
    body = b'{"path": "notes:log", "args": {}}'
    send(connection, head("/api/query", f"Content-Length: {len(body)}") + body)


def lone_socket(connection: socket.socket) -> None:
    """Open a WebSocket, and send nothing."""
    key = base64.b64encode(os.urandom(16)).decode()
    fields = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}"
    send(connection, head("/api/sync", fields, method="GET"))


def head(path: str, fields: str, method: str = "POST") -> bytes:
    """The head of a request."""
    lines = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{fields}\r\n\r\n"
    return lines.encode()


ATTACKS: dict[str, Callable[[socket.socket], None]] = {
    "idle": idle,
    "half headers": half_headers,
    "half bodies": half_body,
    "unread answers": unread,
    "lone sockets": lone_socket,
}


def latencies(
    server: Server, attack: Callable[[socket.socket], None], connections: int, calls: int = 200
) -> tuple[float, float]:
    """The 99th percentile of an honest client's calls in seconds: without the attack, and under it."""
    calm = [server.call() for _ in range(calls)]
    with contextlib.ExitStack() as held:
        for _ in range(connections):
            connection = held.enter_context(server.connect())
            attack(connection)
        attacked = [server.call() for _ in range(calls)]
    return percentile_99(calm), percentile_99(attacked)


def percentile_99(seconds: list[float]) -> float:
    """The time that 99 of 100 calls take at most."""
    return sorted(seconds)[len(seconds) * 99 // 100 - 1]


def frame(length: int) -> bytes:
    """The head of a WebSocket frame of text, masked by zeros."""
    size = (
        struct.pack(">BBH", 0x81, 0x80 | 126, length) if length < 1 << 16 else struct.pack(">BBQ", 0x81, 0xFF, length)
    )
    return size + bytes(4)


def watch_memory(server: Server) -> Callable[[], int]:
    """Begin to watch the server's memory. The returned function returns the maximum so far."""
    ended = threading.Event()
    seen = [server.memory()]

    def look() -> None:
        while not ended.wait(0.02):
            seen.append(server.memory())

    thread = threading.Thread(target=look)
    thread.start()

    def peak() -> int:
        ended.set()
        thread.join()
        return max(seen)

    return peak
