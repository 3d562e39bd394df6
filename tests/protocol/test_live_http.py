"""Subscriptions over HTTP to a deployment that is missing, refuses the credential, or comes back."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import mastra_convex as mc
from mastra_convex import _native
from tests.support.served import Served, serve

WATCH = "mastra/queries:watchThread"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(data=":memory:") as server:
        yield server


def first_error(url: str, admin_key: str, path: str = WATCH) -> tuple[Exception, float]:
    """The error of the first `next`, and the seconds that it took."""
    with mc.connect(url, admin_key=admin_key, timeout=5) as db:
        began = time.monotonic()
        with pytest.raises(mc.MastraConvexError) as raised:
            db.subscribe(path, {"threadId": "t1"}).next(timeout=30)
        return raised.value, time.monotonic() - began


def test_a_query_that_cannot_be_followed_says_why_in_time(served: Served) -> None:
    for url, key, path, kind in [
        ("http://127.0.0.1:1", served.admin_key, WATCH, mc.ConnectError),
        (served.url, "mastra-convex|00", WATCH, mc.AuthenticationError),
        (served.url, served.admin_key, "nowhere:f", mc.FunctionNotFoundError),
    ]:
        error, seconds = first_error(url, key, path)
        assert isinstance(error, kind), error
        assert seconds < 10


@pytest.mark.parametrize("backlog", [10, 0], ids=["accepts", "does not accept"])
def test_a_server_that_never_answers_is_given_up_in_time(backlog: int) -> None:
    """`timeout` limits all attempts until the first state."""
    with socket.socket() as silent, socket.socket() as first, socket.socket() as second:
        silent.bind(("127.0.0.1", 0))
        silent.listen(backlog)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(silent.getsockname())
        url = "http://{}:{}".format(*silent.getsockname())
        with mc.connect(url, timeout=3) as db:
            began = time.monotonic()
            with pytest.raises((mc.TransportTimeoutError, mc.ConnectError)) as raised:
                db.subscribe("a:b").next(timeout=30)
            assert url in str(raised.value)
            assert time.monotonic() - began < 4
            if backlog == 0:
                with pytest.raises(mc.ConnectError):
                    db.mutation("a:b")


def test_many_subscriptions_on_a_new_socket_begin_as_who_asks(served: Served) -> None:
    """The built-in functions are internal, so an anonymous call would fail."""
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        states = [db.subscribe(WATCH, {"threadId": str(number)}) for number in range(100)]
        assert [state.next(timeout=30) for state in states] == [None] * 100


@contextmanager
def in_process(folder: Path, port: int = 0) -> Iterator[_native.HttpServer]:
    """A server of a folder, for a while."""
    deployment = _native.EmbeddedDeployment(folder, functions=None, limits="convex", synchronous="full")
    server = _native.HttpServer(deployment, host="127.0.0.1", port=port, folder=folder)
    try:
        yield server
    finally:
        server.stop()
        deployment.close()


def test_a_server_that_comes_back_is_followed_on(tmp_path: Path) -> None:
    with in_process(tmp_path) as server:
        db = mc.connect(server.url, admin_key=server.admin_key)
        states = db.subscribe(WATCH, {"threadId": "t1"})
        assert states.next(timeout=30) is None
    with mc.ConvexStore(tmp_path) as store:
        store.memory.save_thread(mc.Thread(id="t1", resource_id="ada", title="meanwhile"))
    with db, in_process(tmp_path, urlsplit(server.url).port or 0):
        assert states.next(timeout=60)["title"] == "meanwhile"


def test_a_credential_that_is_not_taken_any_more_ends_the_wait(tmp_path: Path) -> None:
    """A credential that is refused later ends the wait with an error."""
    with in_process(tmp_path) as server:
        db = mc.connect(server.url, admin_key=server.admin_key)
        states = db.subscribe(WATCH, {"threadId": "t1"})
        assert states.next(timeout=30) is None
    _native.admin_key(tmp_path, rotate=True)
    with db, in_process(tmp_path, urlsplit(server.url).port or 0):
        for _ in range(2):
            with pytest.raises(mc.AuthenticationError, match="BadAdminKey"):
                states.next(timeout=20)


def test_every_call_raises_while_the_server_is_unreachable() -> None:
    """Every call raises while the deployment can't be reached."""
    with mc.connect("http://127.0.0.1:1", timeout=5) as db:
        states = db.subscribe(WATCH)
        for _ in range(3):
            with pytest.raises(mc.ConnectError):
                states.next(timeout=20)
