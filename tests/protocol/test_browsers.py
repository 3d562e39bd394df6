"""Browsers' pages can call `serve` only by its own names, and only from allowed origins."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.support.checkout import FUNCTIONS
from tests.support.served import JSON, Served, serve

PLAIN = FUNCTIONS / "plain"
QUERY = '{"path": "notes:log", "args": {}}'


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(data=":memory:", functions=PLAIN) as served:
        yield served


@pytest.fixture(scope="module")
def open_served() -> Iterator[Served]:
    options = [
        "--allow-host",
        "data.example.com",
        "--allow-host",
        "10.0.0.7",
        "--allow-origin",
        "https://app.example.com",
    ]
    with serve(data=":memory:", functions=PLAIN, options=options) as served:
        yield served


def status_of(served: Served, headers: dict[str, str]) -> tuple[int, str]:
    """The status of a query with these headers, and the message of a refusal."""
    status, reply, _ = served.send("POST", "/api/query", QUERY, {**JSON, **headers})
    return status, reply.get("message", "")


def upgrade(served: Served, headers: dict[str, str]) -> int:
    """The status of a WebSocket's handshake with these headers."""
    parts = urlsplit(served.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as connection:
        fields = {
            "Host": parts.netloc,
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            **headers,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        connection.sendall(f"GET /api/1.49.0/sync HTTP/1.1\r\n{lines}\r\n".encode())
        return int(connection.recv(100).split()[1])


def test_another_servers_name_is_refused_with_the_flag_to_add(served: Served) -> None:
    """A page whose own name leads here by DNS rebinding is refused."""
    for host in ["evil.example", "evil.example:3210", "localhost.evil.example", "192.168.1.5:3210"]:
        status, message = status_of(served, {"Host": host})
        assert status == 421
        assert f"--allow-host {host.split(':')[0]}" in message
        assert upgrade(served, {"Host": host}) == 421
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:3210", "app.localhost"]:
        assert status_of(served, {"Host": host}) == (200, "")
        assert upgrade(served, {"Host": host}) == 101


def test_pages_of_other_origins_are_refused_with_the_flag_to_add(served: Served) -> None:
    for origin in ["https://evil.example", "null", "https://localhost.evil.example"]:
        status, message = status_of(served, {"Origin": origin})
        assert status == 403
        assert f"--allow-origin {origin}" in message
        assert upgrade(served, {"Origin": origin}) == 403
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        status, _, found = served.send("OPTIONS", "/api/query", None, asked)
        assert status == 403
        assert not [name for name in found if name.lower().startswith("access-control")]
    for origin in ["http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:8080"]:
        assert status_of(served, {"Origin": origin}) == (200, "")
        assert upgrade(served, {"Origin": origin}) == 101


def test_hosts_and_origins_can_be_allowed(open_served: Served) -> None:
    """A page with the server's own name needs no further flag."""
    for host in ["data.example.com", "DATA.example.com:443", "10.0.0.7:3210", "localhost"]:
        assert status_of(open_served, {"Host": host}) == (200, "")
    for origin in ["https://app.example.com", "http://data.example.com"]:
        assert status_of(open_served, {"Host": "data.example.com", "Origin": origin}) == (200, "")
    assert status_of(open_served, {"Origin": "http://app.example.com"})[0] == 403
    assert status_of(open_served, {"Host": "example.com"})[0] == 421


@pytest.mark.parametrize(
    ("option", "value"), [("--allow-host", "http://a"), ("--allow-host", "a:80"), ("--allow-origin", "a.example")]
)
def test_a_host_or_origin_of_another_form_is_refused_at_the_start(option: str, value: str) -> None:
    command = [sys.executable, "-m", "mastra_convex", "serve", "--port", "0", "--data", ":memory:", option, value]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode not in (0, None)
    assert f'{option} "{value}"' in " ".join(done.stderr.split())
