"""Malformed input and limits of Convex's sync protocol."""

from __future__ import annotations

import contextlib
import json
import socket
import uuid

import pytest

from tests.support.served import Served
from tests.support.websocket import BINARY, TEXT, SyncSocket, WebSocket, add, mutation

ADD = add(0, "chat:whoami")


def test_an_invalid_version_and_a_request_without_an_upgrade_are_refused(served: Served) -> None:
    """An invalid version, and a request without an upgrade, are refused."""
    with WebSocket(served.url, "/api/latest/sync") as refused:
        assert refused.status == 400
    status, _, _ = served.send("GET", "/api/sync")
    assert status == 400


BAD = {
    "no JSON": ('{"type":', "BadMessage"),
    "no message": ("[]", "BadMessage"),
    "an unknown type": ({"type": "Subscribe"}, "BadMessage"),
    "a lacking field": ({"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1}, "BadMessage"),
    "a second Connect": ({"type": "Connect", "sessionId": str(uuid.UUID(int=0))}, "AlreadyConnected"),
    "a version of later": (
        {"type": "ModifyQuerySet", "baseVersion": 1, "newVersion": 2, "modifications": []},
        "BaseVersionMismatch",
    ),
    "a version too far": (
        {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 2, "modifications": []},
        "BadMessage",
    ),
    "an identity of later": ({"type": "Authenticate", "baseVersion": 3, "tokenType": "None"}, "BaseVersionMismatch"),
    "an unknown token": ({"type": "Authenticate", "baseVersion": 0, "tokenType": "Magic", "value": "x"}, "BadMessage"),
    "a query twice": (
        {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [ADD, ADD]},
        "BadMessage",
    ),
    "a query that isn't there": (
        {
            "type": "ModifyQuerySet",
            "baseVersion": 0,
            "newVersion": 1,
            "modifications": [{"type": "Remove", "queryId": 5}],
        },
        "BadMessage",
    ),
    "a value that is none": ({"type": "Action", "requestId": 0, "udfPath": "a:b", "args": [{"$x": 1}]}, "BadMessage"),
    "a component": (
        {"type": "Mutation", "requestId": 0, "udfPath": "a:b", "args": [{}], "componentPath": "c"},
        "ComponentPathNotFound",
    ),
    "a number too large": ({"type": "Mutation", "requestId": 2**32, "udfPath": "a:b", "args": [{}]}, "BadMessage"),
    "nesting too deep": ("[" * 500, "BadMessage"),
    "too many queries": (
        {
            "type": "ModifyQuerySet",
            "baseVersion": 0,
            "newVersion": 1,
            "modifications": [add(number, "chat:whoami") for number in range(10_001)],
        },
        "TooManyQueries",
    ),
    "too long": (" " * ((17 << 20) + 1), "MessageTooLarge"),
}


@pytest.mark.parametrize("sent", BAD)
def test_bad_messages_end_a_socket_and_nothing_else(served: Served, sent: str) -> None:
    """A bad message ends its socket with a FatalError, and other sockets continue."""
    message, reason = BAD[sent]
    with SyncSocket(served.url) as other, SyncSocket(served.url) as client:
        client.send_frame(TEXT, (message if isinstance(message, str) else json.dumps(message)).encode())
        last, code, closed_for = client.last_words()
        assert last is not None
        assert last["type"] == "FatalError"
        assert last["error"].startswith(f"{reason}: ")
        assert (code, closed_for) == (1000, reason)
        other.modify(ADD)
        assert other.expect("Transition")["modifications"][0]["value"] is None


def test_arguments_that_are_no_object_fail_their_call_alone(served: Served, room: str) -> None:
    """The function refuses them, as on Convex, and the socket goes on."""
    with SyncSocket(served.url) as client:
        client.send("Mutation", requestId=0, udfPath="chat:send", args=[1])
        refused = client.expect("MutationResponse")
        assert refused["success"] is False
        assert refused["errorCode"] == "ArgumentValidationError"
        assert client.expect("Transition")["modifications"] == []
        client.send("Mutation", **mutation(1, "chat:send", room=room, text="aloud"))
        assert client.expect("MutationResponse")["success"] is True


@pytest.mark.parametrize(
    ("opcode", "payload", "masked"),
    [
        pytest.param(BINARY, b"{}", True, id="bytes"),
        pytest.param(TEXT, b"\xff\xfe", True, id="no UTF-8"),
        pytest.param(TEXT, b"{}", False, id="unmasked"),
        pytest.param(3, b"", True, id="a reserved opcode"),
        pytest.param(TEXT, b" " * (35 << 20), True, id="far too long"),
    ],
)
def test_bad_frames_end_a_socket(served: Served, opcode: int, payload: bytes, masked: bool) -> None:
    """Frames that aren't text, break the protocol or are too large end the socket."""
    with SyncSocket(served.url) as client:
        with contextlib.suppress(ConnectionError):  # The server may close first.
            client.send_frame(opcode, payload, masked=masked)
        last, _, _ = client.last_words()
        assert last is None or last["type"] == "FatalError"


def test_nothing_comes_before_connect(served: Served) -> None:
    """A message before Connect, or a session that isn't a UUID, ends the socket."""
    with SyncSocket(served.url, connect=False) as client:
        client.modify(ADD)
        last, _, reason = client.last_words()
        assert last is not None
        assert (last["type"], reason) == ("FatalError", "NotConnected")
    with SyncSocket(served.url, session="me") as client:
        assert client.last_words()[2] == "BadMessage"


def test_a_flood_of_mutations_is_cut_off(served: Served) -> None:
    """More than 1000 waiting mutations end the socket with a code after which clients reconnect, as on Convex."""
    with SyncSocket(served.url) as client:
        with contextlib.suppress(ConnectionError):  # The server closes first.
            for number in range(5000):
                client.send("Mutation", **mutation(number, "chat:increment", name="flood"))
        _, code, _ = client.last_words()
        assert code in {1013, None}
    assert 0 < served.call("query", "chat:count", {"name": "flood"})["value"] < 5000


def test_the_total_size_of_a_clients_results_is_bounded(served: Served) -> None:
    """A query whose result exceeds the client's total size fails, until there is room."""
    with SyncSocket(served.url) as client:
        client.modify(*(add(query, "chat:blank", {"bytes": 4_000_000}) for query in range(20)))
        client.expect("Transition")
        fits = [query for query, result in sorted(client.results.items()) if result["type"] == "QueryUpdated"]
        assert fits == list(range(16))
        assert "may have 67108864 bytes together" in client.results[16]["errorMessage"]
        client.modify({"type": "Remove", "queryId": 0})
        client.expect("Transition")
        assert [client.results[query]["type"] for query in (16, 17)] == ["QueryUpdated", "QueryFailed"]


def test_half_closed_and_silent_sockets_harm_no_other_client(served: Served) -> None:
    """Silent sockets, and those that stop in the middle of a message, don't disturb others."""
    message = json.dumps({"type": "Connect", "sessionId": str(uuid.uuid4()), "connectionCount": 0}).encode()
    with contextlib.ExitStack() as open:
        for number in range(100):
            client = open.enter_context(SyncSocket(served.url, connect=False))
            # The head of a frame promises more than comes.
            client.socket.sendall(bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message[: number % len(message)])
            if number % 2:
                client.socket.shutdown(socket.SHUT_WR)
                assert client.last_words()[1] in {1000, None}
        with SyncSocket(served.url) as other:
            other.modify(ADD)
            assert other.expect("Transition")["modifications"][0]["value"] is None
