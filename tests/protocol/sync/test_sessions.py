"""Sessions of Convex's sync protocol: mutations that are sent again, restarts, and the identity of a client."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.support.chat import Chat
from tests.support.served import Served, serve
from tests.support.websocket import SyncSocket, add, mutation, read_timestamp, timestamp

ADD = add(0, "chat:whoami")


def test_a_mutation_runs_once_for_a_session(served: Served, room: str) -> None:
    """A mutation sent again in its session gets the stored answer with its own timestamp."""
    name, session = room, str(uuid.uuid4())
    increment = mutation(3, "chat:increment", name=name)
    for _ in range(5):
        with SyncSocket(served.url, session=session) as client:
            client.send("Mutation", **increment)
    with SyncSocket(served.url, session=session) as client:
        client.send("Mutation", **increment)
        first = client.expect("MutationResponse")
        client.expect("Transition")
        client.send("Mutation", **mutation(4, "chat:increment", name=name))
        second = client.expect("MutationResponse")
        assert client.expect("Transition")["endVersion"]["ts"] == second["ts"]
    with SyncSocket(served.url, session=session) as client:
        client.send("Mutation", **increment)
        assert client.expect("MutationResponse") == first
        shown = client.expect("Transition")["endVersion"]
        assert read_timestamp(shown["ts"]) >= read_timestamp(first["ts"])
    assert (first["result"], second["result"]) == (1, 2)
    with SyncSocket(served.url) as stranger:
        stranger.send("Mutation", **increment)
        assert stranger.expect("MutationResponse")["result"] == 3


def test_a_mutation_runs_once_across_a_restart(chat: Chat, tmp_path: Path) -> None:
    """Stored answers survive a restart, and timestamps continue."""
    session, increment = str(uuid.uuid4()), mutation(0, "chat:increment", name="restarts")
    answers = []
    observed = timestamp(0)
    for _ in range(2):
        with serve(data=tmp_path / "data", functions=chat.functions) as served:
            with SyncSocket(served.url, session=session, connect=False) as client:
                client.connect(maxObservedTimestamp=observed)
                client.send("Mutation", **increment)
                answers.append(client.expect("MutationResponse"))
                observed = client.expect("Transition")["endVersion"]["ts"]
            assert served.call("query", "chat:count", {"name": "restarts"})["value"] == 1
    assert answers[0] == answers[1]


def test_a_timestamp_of_the_future_is_of_other_data(served: Served) -> None:
    """A client that saw a later timestamp than the server's is disconnected with an error."""
    with SyncSocket(served.url, connect=False) as client:
        client.connect(maxObservedTimestamp=timestamp(2**62))
        assert client.last_words() == (None, 1011, "InternalServerError")


def test_a_server_that_stops_says_so(chat: Chat) -> None:
    """A stopping server closes sockets with a code after which clients reconnect."""
    with serve(data=":memory:", functions=chat.functions) as served:
        client = SyncSocket(served.url)
        client.modify(ADD)
        client.expect("Transition")
        endings: list[Any] = []
        reader = threading.Thread(target=lambda: endings.append(client.last_words()))
        reader.start()
    reader.join()
    assert endings == [(None, 1001, "Stopping")]
    client.cut()


def test_queries_run_again_with_a_new_identity(served: Served, chat: Chat, room: str) -> None:
    """A mutation runs with the identity that its client had when it sent it: anonymous, a user, an admin, or an admin
    acting as a user.
    """
    bob = {"issuer": "https://users.example", "subject": "bob"}
    with SyncSocket(served.url) as client:
        client.modify(add(0, "chat:whoami"), add(1, "chat:secret"), add(2, "chat:list", {"room": room}))
        client.expect("Transition")
        expected: list[tuple[str, dict[str, Any], str | None, str]] = [
            ("User", {"value": chat.token("ann")}, "ann", "QueryFailed"),
            ("Admin", {"value": served.admin_key}, None, "QueryUpdated"),
            ("Admin", {"value": served.admin_key, "impersonating": bob}, "bob", "QueryUpdated"),
            ("Admin", {"value": served.admin_key, "acting_as": bob}, "bob", "QueryUpdated"),
            ("None", {}, None, "QueryFailed"),
        ]
        for number, (token_type, fields, who, secret) in enumerate(expected):
            client.send("Mutation", **mutation(2 * number, "chat:sign", room=room))
            client.authenticate(token_type, **fields)
            client.send("Mutation", **mutation(2 * number + 1, "chat:sign", room=room))
            client.expect("MutationResponse")
            client.expect("Transition")
            assert client.expect("Transition")["endVersion"]["identity"] == number + 1
            assert (client.results[0]["value"], client.results[1]["type"]) == (who, secret)
            client.expect("MutationResponse")
            client.expect("Transition")
            assert client.results[2]["value"][-1] == (who or "nobody")


@pytest.mark.parametrize(
    ("token_type", "fields"),
    [
        ("User", {"value": "not.a.token"}),
        ("User", {"value": ""}),
        ("Admin", {"value": "mastra-convex|" + "0" * 64}),
        ("Admin", {"value": ""}),
    ],
)
def test_a_credential_that_is_not_believed_changes_nothing(
    served: Served, token_type: str, fields: dict[str, Any]
) -> None:
    """A refused credential changes nothing: the error names the identity that stays, then the socket closes."""
    with SyncSocket(served.url) as client:
        client.authenticate("None")
        client.expect("Transition")
        client.authenticate(token_type, **fields)
        last, code, _ = client.last_words()
        assert last is not None
        assert (last["type"], last["baseVersion"], last["authUpdateAttempted"]) == ("AuthError", 1, True)
        assert code == 1000


def test_an_admin_does_not_act_as_an_invalid_user(served: Served) -> None:
    """A valid key with invalid attributes of a user is refused."""
    with SyncSocket(served.url) as client:
        client.authenticate("Admin", value=served.admin_key, impersonating={"name": "x"})
        last, _, _ = client.last_words()
        assert last is not None
        assert last["type"] == "AuthError"


def test_a_token_expires_while_its_user_is_connected(served: Served, chat: Chat) -> None:
    """An expired token ends the session in a way that makes clients fetch another."""
    with SyncSocket(served.url) as client:
        client.authenticate("User", value=chat.token("ann", 3))
        client.modify(ADD)
        while 0 not in client.results:
            client.receive()
        assert client.results[0]["value"] == "ann"
        last, code, reason = client.last_words()
        assert last is not None
        assert (last["type"], last["baseVersion"], last["authUpdateAttempted"]) == ("AuthError", 1, False)
        assert (code, reason) == (1000, "Unauthenticated")
