"""Live queries over Convex's sync protocol: official clients, ours and bare sockets see one state."""

from __future__ import annotations

import itertools
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from convex import ConvexClient, ConvexError
from convex.values import ConvexInt64

import mastra_convex as mc
from mastra_convex._native import EmbeddedDeployment, HttpServer
from tests.support.chat import Chat, node
from tests.support.checkout import CLIENTS
from tests.support.served import Served
from tests.support.websocket import SyncSocket, add, mutation


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
        bare.authenticate("User", value=chat.token("socket"))
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
