"""Convex's sync protocol in `mastra-convex serve`: official clients, and sockets that misbehave."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import socket
import statistics
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from convex import ConvexClient, ConvexError
from convex.values import ConvexInt64

import mastra_convex as mc
from mastra_convex._native import EmbeddedDeployment, HttpServer
from tests.support.checkout import CLIENTS, FUNCTIONS
from tests.support.served import Served, serve
from tests.support.websocket import BINARY, TEXT, SyncSocket, WebSocket, add, read_timestamp, timestamp


class Chat(NamedTuple):
    """The functions of `functions/chat` with an auth provider, and the provider's key."""

    functions: Path
    key: str

    def token(self, subject: str, seconds: int = 3600) -> str:
        """A user's token that is valid for so many seconds."""
        return node("issuer.js", self.key, subject, str(seconds)).strip()


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Chat:
    folder = tmp_path_factory.mktemp("chat")
    shutil.copytree(FUNCTIONS / "chat", folder, dirs_exist_ok=True)
    return Chat(folder, node("issuer.js", str(folder)).strip())


@pytest.fixture(scope="module")
def served(chat: Chat) -> Iterator[Served]:
    """A server of these functions, in memory."""
    with serve(data=":memory:", functions=chat.functions) as served:
        yield served


@pytest.fixture
def room() -> str:
    """The name of a chat room that no other test uses."""
    return uuid.uuid4().hex


def node(script: str, *arguments: str) -> str:
    """Run a script, and check that it succeeds."""
    command = ["node", str(CLIENTS / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def mutation(request: int, path: str, **args: Any) -> dict[str, Any]:
    return {"requestId": request, "udfPath": path, "args": [args]}


def test_npms_clients_follow_write_and_log_in(served: Served, chat: Chat) -> None:
    """`clients/sync.js` checks the messages and their order."""
    node("sync.js", *served, chat.key)


def test_the_python_client_follows_writes_and_logs_in(served: Served, chat: Chat, room: str) -> None:
    """PyPI's client gets live results, values and errors with data, as an admin and as users."""
    client: Any = ConvexClient(served.url)
    states = client.subscribe("chat:list", {"room": room})
    assert next(states) == []
    for number in range(3):
        assert client.mutation("chat:send", {"room": room, "text": str(number)}) == str(number)
    state = next(states)
    while len(state) < 3:
        state = next(states)
    assert state == ["0", "1", "2"]
    states.unsubscribe()
    value: Any = [None, True, 1.5, "x", b"\x00\xff", ConvexInt64(7), {"a": []}]
    assert client.action("chat:echo", {"value": value}) == value
    with pytest.raises(ConvexError) as caught:
        client.mutation("chat:refuse", {"room": room})
    assert caught.value.data == {"reason": "on purpose", "at": [1, 2.5]}
    with pytest.raises(Exception, match="Could not find public function"):
        client.query("chat:secret")
    page = client.query("chat:page", {"room": room, "paginationOpts": {"numItems": 2, "cursor": None}})
    assert [message["text"] for message in page["page"]] == ["0", "1"]
    client.set_auth(chat.token("ann"))
    assert client.query("chat:whoami") == "ann"
    client.set_admin_auth(served.admin_key)
    assert client.query("chat:secret") == "for admins"


def test_a_client_in_the_servers_process_is_answered(chat: Chat, room: str) -> None:
    """The server answers PyPI's client in its own process, which holds the GIL while it waits."""
    deployment = EmbeddedDeployment(None, functions=chat.functions, limits="convex", synchronous="normal")
    server = HttpServer(deployment, host="127.0.0.1", port=0, folder=None)
    client: Any = ConvexClient(server.url)
    assert client.mutation("chat:send", {"room": room, "text": "hi"}) == "hi"
    assert client.query("chat:list", {"room": room}) == ["hi"]
    del client
    server.stop()
    deployment.close()


def test_all_clients_see_the_members_and_messages_of_a_room(served: Served, chat: Chat, room: str) -> None:
    """Npm's browser and React clients, PyPI's, ours and a bare socket see each other in one chat room."""
    everyone = {"browser", "react", "PyPI", "ours", "socket"}
    script = ["node", str(CLIENTS / "sync_follow.js")]
    npm = [
        subprocess.Popen([*script, name, served.url, room, chat.token(name), name, *everyone])
        for name in ("browser", "react")
    ]
    here = {"room": room}
    all_saw = {f"{name} saw all" for name in everyone}
    pypi: Any = ConvexClient(served.url)
    pypi.set_auth(chat.token("PyPI"))
    with mc.connect(served.url, auth_token=chat.token("ours")) as ours, SyncSocket(served.url) as bare:
        authenticate(bare, "User", value=chat.token("socket"))
        bare.expect("Transition")
        bare.modify(add(0, "chat:list", here), add(1, "chat:present", here))
        members = {"PyPI": pypi, "ours": ours}
        texts, names = (
            [each.subscribe(path, here) for each in members.values()] for path in ("chat:list", "chat:present")
        )

        def everywhere(path: str) -> None:
            for each in members.values():
                each.mutation(path, here)
            bare.send("Mutation", **mutation(next(numbers), path, **here))

        def until(states: list[Any], query: int, wanted: Callable[[set[str]], bool]) -> None:
            for each in states:
                while not wanted(set(next(each))):
                    pass
            while query not in bare.results or not wanted(set(bare.results[query]["value"])):
                bare.receive()

        numbers = itertools.count()
        everywhere("chat:enter")
        everywhere("chat:sign")
        until(names, 1, everyone.issubset)
        until(texts, 0, everyone.issubset)
        for name in ("PyPI", "ours", "socket"):
            served.call("mutation", "chat:send", {**here, "text": f"{name} saw all"})
        until(texts, 0, all_saw.issubset)
        everywhere("chat:leave")
        until(names, 1, lambda present: not present)
        assert [client.wait(timeout=30) for client in npm] == [0, 0]
        assert ours.query("chat:list", here) == bare.results[0]["value"]


def test_every_answer_comes_before_the_transition_that_shows_it(served: Served, room: str) -> None:
    """A mutation's response comes before the transition that shows it, whose timestamp reaches the mutation's."""
    with SyncSocket(served.url) as client:
        client.modify(add(0, "chat:list", {"room": room}), add(1, "chat:list", {"room": "another"}))
        assert len(client.expect("Transition")["modifications"]) == 2
        client.send("Mutation", **mutation(0, "chat:send", room=room, text="aloud"))
        client.send("Mutation", **mutation(1, "chat:refuse", room=room))
        client.send("Action", **mutation(2, "chat:echo", value=1))
        response = client.expect("MutationResponse")
        assert (response["result"], response["logLines"]) == ("aloud", ["[LOG] 'sending'"])
        shown = client.expect("Transition")
        assert shown["endVersion"]["ts"] == response["ts"]
        assert [(changed["queryId"], changed["value"]) for changed in shown["modifications"]] == [(0, ["aloud"])]
        failed = client.expect("MutationResponse")
        assert (failed["success"], failed["ts"], failed["errorData"]["at"]) == (False, None, [1, 2.5])
        assert "Server Error\nUncaught ConvexError" in failed["result"]
        assert client.expect("Transition")["modifications"] == []
        answered = client.expect("ActionResponse")
        assert (answered["result"], "ts" in answered) == (1, False)
        assert client.expect("Transition")["modifications"] == []
        client.modify({"type": "Remove", "queryId": 0})
        removed = client.expect("Transition")
        assert removed["modifications"] == [{"type": "QueryRemoved", "queryId": 0}]
        assert removed["endVersion"]["querySet"] == 2


def test_a_page_comes_back_by_its_journal(served: Served, room: str) -> None:
    """A client that reconnects gets a page with the same end. Here that is the end of the list, so the page grows."""
    page = {"room": room, "paginationOpts": {"numItems": 4, "cursor": None}}
    with SyncSocket(served.url) as client:
        for number, text in enumerate("abc"):
            client.send("Mutation", **mutation(number, "chat:send", room=room, text=text))
        for _ in range(6):
            client.receive()
        client.modify(add(0, "chat:page", page))
        client.expect("Transition")
        journal = client.results[0]["journal"]
        assert len(client.results[0]["value"]["page"]) == 3
    for text in "de":
        served.call("mutation", "chat:send", {"room": room, "text": text})
    with SyncSocket(served.url) as client:
        client.modify(add(1, "chat:page", page, journal=journal), add(2, "chat:page", page))
        client.expect("Transition")
        assert "".join(row["text"] for row in client.results[1]["value"]["page"]) == "abcde"
        assert "".join(row["text"] for row in client.results[2]["value"]["page"]) == "abcd"


@pytest.mark.parametrize("path", ["/api/sync", "/api/1.48.0/sync", "/api/0.8.1-alpha.2/sync"])
def test_the_url_may_have_the_version_of_the_client(served: Served, path: str) -> None:
    """The socket is served at its URL with and without the client's version."""
    with SyncSocket(served.url, path) as client:
        client.modify()
        assert client.expect("Transition")["endVersion"]["querySet"] == 1


def test_an_invalid_version_and_a_request_without_an_upgrade_are_refused(served: Served) -> None:
    """An invalid version, and a request without an upgrade, are refused."""
    with WebSocket(served.url, "/api/latest/sync") as refused:
        assert refused.status == 400
    status, _, _ = served.send("GET", "/api/sync")
    assert status == 400


ADD = add(0, "chat:whoami")
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


def test_a_timestamp_of_the_future_is_of_other_data(served: Served) -> None:
    """A client that saw a later timestamp than the server's is disconnected with an error."""
    with SyncSocket(served.url, connect=False) as client:
        client.connect(maxObservedTimestamp=timestamp(2**62))
        assert client.last_words() == (None, 1011, "InternalServerError")


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


def authenticate(client: SyncSocket, token_type: str, **fields: Any) -> None:
    client.send("Authenticate", baseVersion=client.version["identity"], tokenType=token_type, **fields)


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
            authenticate(client, token_type, **fields)
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
        authenticate(client, "None")
        client.expect("Transition")
        authenticate(client, token_type, **fields)
        last, code, _ = client.last_words()
        assert last is not None
        assert (last["type"], last["baseVersion"], last["authUpdateAttempted"]) == ("AuthError", 1, True)
        assert code == 1000


def test_an_admin_does_not_act_as_an_invalid_user(served: Served) -> None:
    """A valid key with invalid attributes of a user is refused."""
    with SyncSocket(served.url) as client:
        authenticate(client, "Admin", value=served.admin_key, impersonating={"name": "x"})
        last, _, _ = client.last_words()
        assert last is not None
        assert last["type"] == "AuthError"


def test_a_token_expires_while_its_user_is_connected(served: Served, chat: Chat) -> None:
    """An expired token ends the session in a way that makes clients fetch another."""
    with SyncSocket(served.url) as client:
        authenticate(client, "User", value=chat.token("ann", 3))
        client.modify(ADD)
        while 0 not in client.results:
            client.receive()
        assert client.results[0]["value"] == "ann"
        last, code, reason = client.last_words()
        assert last is not None
        assert (last["type"], last["baseVersion"], last["authUpdateAttempted"]) == ("AuthError", 1, False)
        assert (code, reason) == (1000, "Unauthenticated")


def test_a_client_that_does_not_read_delays_no_other(served: Served) -> None:
    """A client that doesn't read delays no other, and gets the newest state when it reads."""
    writes = 60
    with SyncSocket(served.url, receive_buffer=4096) as slow, SyncSocket(served.url) as quick:
        for client in (slow, quick):
            client.modify(add(0, "chat:blank", {"bytes": 4_000_000}))
        quick.expect("Transition")
        before = len(served.call("query", "chat:list", {"room": "blank"})["value"])
        for _ in range(writes):
            assert served.call("mutation", "chat:send", {"room": "blank", "text": ""})["status"] == "success"
        while not quick.results[0]["value"].endswith(f" {before + writes}"):
            quick.receive()
        states = 0
        while 0 not in slow.results or not slow.results[0]["value"].endswith(f" {before + writes}"):
            slow.receive()
            states += 1
        assert states < writes / 4


def test_a_long_action_delays_no_other_call(served: Served, room: str) -> None:
    """A long action delays neither subscriptions to its writes nor new calls."""
    with SyncSocket(served.url) as follower, ThreadPoolExecutor(1) as pool:
        follower.modify(add(0, "chat:list", {"room": room}))
        follower.expect("Transition")
        action = pool.submit(served.call, "action", "chat:runUntilTold", {"room": room})
        follower.expect("Transition")
        assert follower.results[0]["value"] == ["begun"]
        assert served.call("query", "chat:list", {"room": room})["value"] == ["begun"]
        served.call("mutation", "chat:send", {"room": room, "text": "enough"})
        assert action.result()["status"] == "success"


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


@pytest.mark.parametrize(
    ("sockets", "each", "seconds"),
    [
        pytest.param(20, 5, 20, id="100 queries"),
        pytest.param(100, 10, 60, id="1,000 queries", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
)
def test_many_clients_end_on_the_newest_state(
    served: Served, room: str, record_property: Any, sockets: int, each: int, seconds: int
) -> None:
    """With several subscriptions on each socket and 50 mutations a second, no client sees an older state, and updates
    are quick.
    """
    rate = 50
    total = seconds * rate
    names = [f"{room} {number}" for number in range(each)]
    sent: dict[tuple[str, int], float] = {}
    latencies: list[float] = []
    failures: list[BaseException] = []
    ready = threading.Barrier(sockets + 1)

    def follow() -> None:
        try:
            with SyncSocket(served.url) as client:
                client.modify(*(add(query, "chat:count", {"name": name}) for query, name in enumerate(names)))
                client.expect("Transition")
                ready.wait()
                counts = dict.fromkeys(names, 0)
                while sum(counts.values()) < total:
                    for changed in client.expect("Transition")["modifications"]:
                        name, count = names[changed["queryId"]], int(changed["value"])
                        latencies.append(time.perf_counter() - sent[name, count])
                        assert count > counts[name]
                        counts[name] = count
        except BaseException as error:
            failures.append(error)
            ready.abort()

    followers = [threading.Thread(target=follow) for _ in range(sockets)]
    for follower in followers:
        follower.start()
    ready.wait()
    start = time.perf_counter()
    for number in range(total):
        time.sleep(max(0.0, start + number / rate - time.perf_counter()))
        name, count = names[number % each], number // each + 1
        sent[name, count] = time.perf_counter()
        assert served.call("mutation", "chat:increment", {"name": name})["value"] == count
    for follower in followers:
        follower.join()
    assert failures == []
    # The time from before a mutation is sent until a client has read its result.
    found = {"median": statistics.median(latencies), "p99": statistics.quantiles(latencies, n=100)[98]}
    for name, latency in found.items():
        record_property(f"{name}_ms", 1000 * latency)
        print(f"{name}: {1000 * latency:.1f} ms")
