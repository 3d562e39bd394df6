"""A WebSocket client that can also misbehave: break frames, fall silent, or vanish."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import struct
import uuid
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class ClosedError(Exception):
    """The server closed the socket, with a code and a reason; None if it vanished."""

    def __init__(self, code: int | None = None, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Frame(NamedTuple):
    """A frame's kind and content."""

    opcode: int
    payload: bytes


class WebSocket:
    """One connection, which sends and receives frames."""

    def __init__(self, url: str, path: str = "/api/sync", *, receive_buffer: int | None = None) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self.socket = socket.socket()
        self.socket.settimeout(30)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect((address.hostname, address.port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self.reader = self.socket.makefile("rb")
        self.status = int(self.reader.readline().split()[1])
        while self.reader.readline().strip():
            pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def cut(self) -> None:
        """Reset the connection without closing the socket."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.reader.close()
        self.socket.close()

    def send_frame(self, opcode: int, payload: bytes, *, masked: bool = True) -> None:
        """Send one frame. The mask of zeros leaves the payload as it is."""
        bit, length = 0x80 if masked else 0, len(payload)
        if length < 126:
            head = struct.pack("!BB", 0x80 | opcode, bit | length)
        elif length < 1 << 16:
            head = struct.pack("!BBH", 0x80 | opcode, bit | 126, length)
        else:
            head = struct.pack("!BBQ", 0x80 | opcode, bit | 127, length)
        self.socket.sendall(head + bytes(4 if masked else 0) + payload)

    def receive_frame(self) -> Frame:
        """The next frame of any kind; `ClosedError` if there is none."""
        try:
            head = self.reader.read(2)
            if len(head) < 2:
                raise ClosedError
            length = head[1] & 0x7F
            if length >= 126:
                format, size = ("!H", 2) if length == 126 else ("!Q", 8)
                (length,) = struct.unpack(format, self.reader.read(size))
            return Frame(head[0] & 0xF, self.reader.read(length))
        except ConnectionError:
            raise ClosedError from None


class SyncSocket(WebSocket):
    """Convex's sync protocol on a WebSocket. It checks that every transition begins where the last one ended."""

    def __init__(
        self,
        url: str,
        path: str = "/api/sync",
        *,
        session: str | None = None,
        connect: bool = True,
        receive_buffer: int | None = None,
    ) -> None:
        super().__init__(url, path, receive_buffer=receive_buffer)
        assert self.status == 101
        self.session = session or str(uuid.uuid4())
        self.version: dict[str, Any] = {"querySet": 0, "identity": 0, "ts": timestamp(0)}
        self.results: dict[int, dict[str, Any]] = {}
        if connect:
            self.connect()

    def connect(self, **more: Any) -> None:
        """Send `Connect`. Npm's client reconnects with the same session id."""
        self.send("Connect", sessionId=self.session, connectionCount=0, lastCloseReason=None, clientTs=0, **more)

    def send(self, type: str, **fields: Any) -> None:
        """Send one message."""
        self.send_frame(TEXT, json.dumps({"type": type, **fields}).encode())

    def modify(self, *modifications: dict[str, Any]) -> None:
        """Change the query set of the last transition."""
        version = self.version["querySet"]
        self.send("ModifyQuerySet", baseVersion=version, newVersion=version + 1, modifications=list(modifications))

    def authenticate(self, token_type: str, **fields: Any) -> None:
        """Change the identity of the last transition."""
        self.send("Authenticate", baseVersion=self.version["identity"], tokenType=token_type, **fields)

    def receive(self) -> dict[str, Any]:
        """The next message that isn't a ping."""
        while True:
            opcode, payload = self.receive_frame()
            if opcode == CLOSE:
                self._reply(CLOSE, payload)
                raise ClosedError(int.from_bytes(payload[:2]), payload[2:].decode())
            if opcode == PING:
                self._reply(PONG, payload)
            if opcode == TEXT:
                message: dict[str, Any] = json.loads(payload)
                if message["type"] == "Transition":
                    self._follow(message)
                if message["type"] != "Ping":
                    return message

    def expect(self, type: str) -> dict[str, Any]:
        """The next message, which must have this type."""
        message = self.receive()
        assert message["type"] == type, message
        return message

    def last_words(self) -> tuple[dict[str, Any] | None, int | None, str]:
        """The last message before the server closes the socket, and the close frame."""
        message = None
        try:
            while True:
                message = self.receive()
        except ClosedError as closed:
            return message, closed.code, closed.reason

    def _reply(self, opcode: int, payload: bytes) -> None:
        """Send a frame. If the connection is closed, the next `receive` notices that."""
        with contextlib.suppress(ConnectionError):
            self.send_frame(opcode, payload)

    def _follow(self, transition: dict[str, Any]) -> None:
        assert transition["startVersion"] == self.version
        end = transition["endVersion"]
        assert read_timestamp(end["ts"]) >= read_timestamp(self.version["ts"])
        self.version = end
        for modification in transition["modifications"]:
            query = modification["queryId"]
            if modification["type"] == "QueryRemoved":
                self.results.pop(query, None)
            else:
                self.results[query] = modification


def timestamp(nanoseconds: int) -> str:
    return base64.b64encode(nanoseconds.to_bytes(8, "little")).decode()


def read_timestamp(text: str) -> int:
    return int.from_bytes(base64.b64decode(text), "little")


def add(query: int, path: str, args: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A modification that adds a query."""
    return {"type": "Add", "queryId": query, "udfPath": path, "args": [args or {}], **more}


def mutation(request: int, path: str, **args: Any) -> dict[str, Any]:
    """The fields of a `Mutation`, or of an `Action`."""
    return {"requestId": request, "udfPath": path, "args": [args]}
