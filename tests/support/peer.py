"""A server with any behaviour, right or wrong, for each connection."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

# A certificate of `convex.test` and of this machine with its key, and that of the authority that signed it.
CERTIFICATES = Path(__file__).parent / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"

# Takes a connection, the request's body, and the number of requests so far.
Behaviour = Callable[[socket.socket, bytes, int], None]


class Peer:
    """A server that reads a request and then calls the given function.

    With `first`, it calls the function before it reads anything, and counts connections. With `is_secure` it uses TLS.
    """

    def __init__(self, behaviour: Behaviour, *, first: bool = False, is_secure: bool = False) -> None:
        self.requests: list[bytes] = []
        self._behaviour = behaviour
        self._first = first
        self._context: ssl.SSLContext | None = None
        if is_secure:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(CERTIFICATES / "server.pem")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http{'s' if is_secure else ''}://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with connection:
            try:
                if self._first:
                    self.requests.append(b"")
                    self._behaviour(connection, b"", len(self.requests))
                    return
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                request = self._read(connection)
                if request:
                    self.requests.append(request)
                    self._behaviour(connection, request.partition(b"\r\n\r\n")[2], len(self.requests))
            except OSError:
                return
            finally:
                connection.close()

    def _read(self, connection: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            received = connection.recv(65536)
            if not received:
                return b""
            data += received
        head, _, body = data.partition(b"\r\n\r\n")
        lines = [line.split(b":") for line in head.lower().split(b"\r\n")]
        length = next((int(line[1]) for line in lines if line[0] == b"content-length"), 0)
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def close(self) -> None:
        """Accept no more connections."""
        self._listener.close()


def answer(connection: socket.socket, status: int, body: object, *headers: str) -> None:
    """Send one reply, and close the connection."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(text)}", "Connection: close", *headers]
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + text)
