"""Slow, idle and greedy clients don't disturb the other clients of `serve`, and take little memory."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.protocol.attackers import (
    ATTACKS,
    MIB,
    Server,
    frame,
    head,
    latencies,
    lone_socket,
    send,
    serving,
    watch_memory,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server of an empty folder."""
    with serving(tmp_path / "data") as server:
        yield server


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_thousand_waiting_clients_lock_no_other_client_out(server: Server, attack: str) -> None:
    """Under attack, an honest client's 99th percentile stays below five times the one without an attack."""
    calm, attacked = latencies(server, ATTACKS[attack], 1024)
    # On a busy machine, the figure without an attack may be a few milliseconds in one run and fifty in the next.
    assert attacked < 5 * max(calm, 0.05), (attacked, calm)


def test_large_bodies_of_strangers_share_little_memory(server: Server) -> None:
    """Sixty bodies of 16 MiB, each one byte short of its end."""
    peak = watch_memory(server)
    with contextlib.ExitStack() as held:
        for number in range(60):
            connection = held.enter_context(server.connect())
            # Half of them don't state their length.
            length = f"Content-Length: {16 * MIB}" if number % 2 else "Transfer-Encoding: chunked"
            send(connection, head("/api/mutation", length))
            chunk = b" " * MIB
            for _ in range(15):
                send(connection, chunk if number % 2 else f"{MIB:x}\r\n".encode() + chunk + b"\r\n")
        assert server.call() < 5
    assert peak() < 512 * MIB


def test_unfinished_messages_of_strangers_share_little_memory(server: Server) -> None:
    """Twenty sockets with frames of 17 MiB that don't end, before `Connect` and after it."""
    peak = watch_memory(server)
    connect = {
        "type": "Connect",
        "sessionId": "b7e0a3f4-0000-4000-8000-000000000000",
        "connectionCount": 0,
        "lastCloseReason": None,
    }
    with contextlib.ExitStack() as held:
        for number in range(20):
            connection = held.enter_context(server.connect())
            lone_socket(connection)
            assert b" 101 " in connection.recv(1000)
            if number % 2:
                message = json.dumps(connect).encode()
                send(connection, frame(len(message)) + message)
            send(connection, frame(17 * MIB))
            for _ in range(16):
                send(connection, b" " * MIB)
        assert server.call() < 5
    assert peak() < 512 * MIB
