"""Failures of a call over HTTP, by the phase of the call, with the raised error and the repetitions.

`test_phases.py` provokes each failure, and checks `docs/calls.md` against this table.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import mastra_convex as mc
from tests.support.peer import Peer, answer

# The number of attempts, if a call is repeated `retries` times.
RETRIES = 2
REPEATED = RETRIES + 1
TIMEOUT = 1.5

Error = type[mc.MastraConvexError]
# The raised error, and the number of attempts; None for as many as fit into the time.
Expected = tuple[Error, int | None]


@dataclass(frozen=True)
class Failure:
    """A failure, with the outcome of calls that only read and of those that may write."""

    phase: str
    failure: str
    where: Callable[[], Any]
    read: Expected
    write: Expected

    def row(self) -> str:
        """The failure's row on the page."""
        return f"| {self.phase} | {self.failure} | {described(self.read)} | {described(self.write)} |"


def described(expected: Expected) -> str:
    """The raised error and the repetitions, in the page's words."""
    error, attempts = expected
    repeated = {1: "", REPEATED: ", repeated", None: ", repeated until the deadline"}[attempts]
    return f"`{error.__name__}`{repeated}"


@dataclass
class Place:
    """The URL of a call, and the number of attempts that arrived there; None if that can't be observed."""

    url: str
    environment: dict[str, str]
    attempts: Callable[[], int | None]


@contextmanager
def unseen(url: str) -> Iterator[Place]:
    """A URL whose server sees no attempts."""
    yield Place(url, {}, lambda: None)


@contextmanager
def refusing() -> Iterator[Place]:
    """A port where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    yield Place(url, {}, lambda: None)


@contextmanager
def peer(behaviour: Callable[[socket.socket, bytes, int], None], **options: bool) -> Iterator[Place]:
    """A server with the given behaviour."""
    there = Peer(behaviour, **options)
    try:
        yield Place(there.url, {}, lambda: len(there.requests))
    finally:
        there.close()


@contextmanager
def behind_tls(behaviour: Callable[[socket.socket, bytes, int], None]) -> Iterator[Place]:
    """A server with the given behaviour instead of TLS."""
    with peer(behaviour, first=True) as place:
        yield Place(place.url.replace("http", "https"), {}, place.attempts)


@contextmanager
def hanging_tls() -> Iterator[Place]:
    """A silent server. The time left for another attempt depends on the first one."""
    with behind_tls(is_silent) as place:
        yield Place(place.url, {}, lambda: None)


@contextmanager
def behind_proxy(behaviour: Callable[[socket.socket, bytes, int], None]) -> Iterator[Place]:
    """A deployment behind a proxy with the given behaviour."""
    with peer(behaviour) as proxy:
        yield Place("https://convex.test", {"https_proxy": proxy.url}, proxy.attempts)


def reply(status: int, body: object, *headers: str) -> Callable[[], Any]:
    """A server that always gives this answer."""
    return lambda: peer(lambda connection, _, __: answer(connection, status, body, *headers))


def closes(connection: socket.socket, _: bytes, __: int) -> None:
    """End the connection."""


def resets(connection: socket.socket, _: bytes, __: int) -> None:
    """End the connection by a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def is_silent(connection: socket.socket, _: bytes, __: int) -> None:
    """Stay silent for longer than a call may take."""
    time.sleep(2 * TIMEOUT)


def is_cut(connection: socket.socket, _: bytes, __: int) -> None:
    """Answer half a body."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"status":"succ')


def stalls(connection: socket.socket, body: bytes, number: int) -> None:
    """Answer half a body, then nothing."""
    is_cut(connection, body, number)
    is_silent(connection, body, number)


def is_no_http(connection: socket.socket, _: bytes, __: int) -> None:
    """Answer with bytes that aren't HTTP, or not Convex's."""
    connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")


def refused(code: str) -> dict[str, str]:
    """Convex's own refusal."""
    return {"code": code, "message": "no"}


CONNECT: Expected = (mc.ConnectError, REPEATED)
UNKNOWN: Expected = (mc.OutcomeUnknownError, 1)
ONCE: Expected = (mc.TransportError, 1)
AGAIN: Expected = (mc.TransportError, REPEATED)
GATEWAYS = [408, 425, 429, 500, 502, 503, 504, 520, 524]

FAILURES = [
    Failure("resolve", "the host is unknown", lambda: unseen("https://convex.invalid"), CONNECT, CONNECT),
    Failure("connect", "the connection is refused", refusing, CONNECT, CONNECT),
    Failure("TLS", "the handshake is cut", lambda: behind_tls(closes), CONNECT, CONNECT),
    Failure("TLS", "the other side doesn't speak TLS", lambda: behind_tls(is_no_http), CONNECT, CONNECT),
    Failure("TLS", "the handshake hangs", hanging_tls, CONNECT, CONNECT),
    Failure("TLS", "the certificate isn't trusted", lambda: unseen_tls(), CONNECT, CONNECT),
    Failure(
        "proxy",
        "the proxy refuses",
        lambda: behind_proxy(lambda connection, _, __: answer(connection, 403, b"no")),
        CONNECT,
        CONNECT,
    ),
    Failure("send, wait", "the connection is closed", lambda: peer(closes), CONNECT, UNKNOWN),
    Failure("send, wait", "the connection is reset", lambda: peer(resets), CONNECT, UNKNOWN),
    Failure("wait", "no answer in time", lambda: peer(is_silent), (mc.TransportTimeoutError, 1), UNKNOWN),
    Failure("receive", "the answer is cut", lambda: peer(is_cut), CONNECT, UNKNOWN),
    Failure("receive", "the answer stalls", lambda: peer(stalls), (mc.TransportTimeoutError, 1), UNKNOWN),
    Failure("decode", "the answer isn't HTTP", lambda: peer(is_no_http), (mc.ProtocolError, 1), UNKNOWN),
    Failure("decode", "the answer isn't JSON", reply(200, b"<html>"), (mc.ProtocolError, 1), UNKNOWN),
    Failure("decode", "the answer isn't Convex's", reply(200, {"status": "odd"}), (mc.ProtocolError, 1), UNKNOWN),
    Failure(
        "decode",
        "a success without a value",
        reply(200, {"status": "success"}),
        (mc.ProtocolError, 1),
        (mc.ProtocolError, 1),
    ),
    *[Failure("a gateway refuses", f"{status}", reply(status, b"<html>"), AGAIN, UNKNOWN) for status in GATEWAYS],
    *[
        Failure("Convex refuses", f"{status} `{code}`", reply(status, refused(code)), expected, expected)
        for status, code, expected in [
            (425, "TooEarly", AGAIN),
            (503, "TooManyConcurrentRequests", AGAIN),
            (503, "OptimisticConcurrencyControlFailure", (mc.WriteConflictError, None)),
            (429, "TooManyWrites", (mc.TransportError, None)),
            (400, "BadRequest", ONCE),
            (401, "BadAdminKey", (mc.AuthenticationError, 1)),
            (403, "BadDeployKey", (mc.PermissionDeniedError, 1)),
        ]
    ],
    Failure("Convex refuses", "500 `InternalServerError`", reply(500, refused("InternalServerError")), AGAIN, ONCE),
]


@contextmanager
def unseen_tls() -> Iterator[Place]:
    """A server whose certificate is signed by an authority of its own."""
    with peer(closes, is_secure=True) as place:
        yield Place(place.url, {}, lambda: None)
