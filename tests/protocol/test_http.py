"""A deployment over HTTP: credentials, repetitions, and errors of broken servers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from mastra_convex import _native
from tests.support.peer import Behaviour, Peer, answer

SUCCESS = {"status": "success", "value": {"ok": True, "result": None}}
VARIABLES = [
    "CONVEX_URL",
    "CONVEX_SELF_HOSTED_URL",
    "CONVEX_ADMIN_KEY",
    "CONVEX_SELF_HOSTED_ADMIN_KEY",
    "CONVEX_AUTH_TOKEN",
]
SECRET = "mastra-convex|0123456789abcdef"


@pytest.fixture
def peer() -> Iterator[Callable[[Behaviour], Peer]]:
    peers: list[Peer] = []

    def make(behaviour: Behaviour) -> Peer:
        peers.append(Peer(behaviour))
        return peers[-1]

    yield make
    for one in peers:
        one.close()


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def authorization(peer: Peer) -> str | None:
    """The header of the last request."""
    for line in peer.requests[-1].decode().split("\r\n"):
        if line.lower().startswith("authorization:"):
            return line.split(": ")[1]
    return None


def test_credentials_come_from_arguments_then_from_the_environment(
    peer: Callable[[Behaviour], Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Arguments take precedence over the environment and a key over a token; without either, calls are anonymous."""
    there = peer(lambda connection, body, number: answer(connection, 200, SUCCESS))
    tokens = iter(["one", "two"])
    cases: list[tuple[dict[str, object], list[str | None]]] = [
        ({}, [None]),
        ({"auth_token": "jwt"}, ["Bearer jwt"]),
        ({"auth_token": "jwt", "admin_key": SECRET}, [f"Convex {SECRET}"]),
        ({"auth_token": lambda: next(tokens)}, ["Bearer one", "Bearer two"]),
    ]
    for options, expected in cases:
        with mc.connect(there.url, **options) as db:  # type: ignore[arg-type]
            for header in expected:
                db.query("a:b")
                assert authorization(there) == header
    monkeypatch.setenv("CONVEX_AUTH_TOKEN", "env")
    with mc.connect(there.url) as db:
        db.query("a:b")
    assert authorization(there) == "Bearer env"
    monkeypatch.setenv("CONVEX_SELF_HOSTED_ADMIN_KEY", SECRET)
    monkeypatch.setenv("CONVEX_URL", there.url)
    with mc.connect_from_env() as db:
        db.query("a:b")
    assert authorization(there) == f"Convex {SECRET}"


@pytest.mark.parametrize("missing", ["CONVEX_URL", "CONVEX_ADMIN_KEY"])
def test_connect_from_env_names_what_is_unset(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`connect_from_env` needs a URL and a credential, and names the missing variables."""
    for variable, value in {"CONVEX_URL": "http://127.0.0.1:1", "CONVEX_ADMIN_KEY": SECRET}.items():
        if variable != missing:
            monkeypatch.setenv(variable, value)
    with pytest.raises(mc.ConfigurationError, match=missing):
        mc.connect_from_env()


def test_no_credential_shows(peer: Callable[[Behaviour], Peer]) -> None:
    """No repr and no error shows a credential."""
    there = peer(lambda connection, body, number: answer(connection, 401, {"code": "BadAdminKey", "message": "no"}))
    headers = {"X-Gate": "s3cret"}
    with (
        mc.connect(there.url, admin_key=SECRET, headers=headers) as db,
        pytest.raises(mc.AuthenticationError) as caught,
    ):
        db.query("a:b")
    assert caught.value.code == "BadAdminKey"
    for shown in (repr(db), str(caught.value), repr(caught.value), repr(caught.value.details), repr(vars(db))):
        assert SECRET.split("|")[1] not in shown
        assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "Give connect() an admin_key"),
        ({"admin_key": SECRET}, "isn't this deployment's. `mastra-convex keys show FOLDER`"),
        ({"auth_token": "jwt"}, "The auth_token that was given isn't taken"),
    ],
)
def test_a_refusal_says_what_to_do_about_the_credential_that_was_given(
    peer: Callable[[Behaviour], Peer], options: dict[str, Any], told: str
) -> None:
    there = peer(lambda connection, body, number: answer(connection, 401, {"code": "BadAdminKey", "message": "no"}))
    with mc.connect(there.url, **options) as db, pytest.raises(mc.AuthenticationError) as caught:
        db.query("a:b")
    assert told in (caught.value.hint or "")


def test_without_a_credential_a_function_may_be_hidden_rather_than_missing(
    peer: Callable[[Behaviour], Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a credential the error first says that a missing function may be internal."""
    error = {"status": "error", "errorMessage": "Could not find public function for 'mastra/storage:handle'."}
    there = peer(lambda connection, body, number: answer(connection, 200, error))
    with pytest.raises(mc.FunctionNotFoundError) as caught:
        mc.ConvexVector(there.url).list_indexes()
    text = str(caught.value)
    named = ["admin key", "admin_key=", "CONVEX_ADMIN_KEY", "keys show FOLDER", "dashboard", "npx convex deploy"]
    assert sorted(named, key=text.find) == named
    assert text.find("admin key") > 0
    monkeypatch.setenv("CONVEX_ADMIN_KEY", SECRET)
    with pytest.raises(mc.FunctionNotFoundError) as caught:
        mc.ConvexVector(there.url).list_indexes()
    assert "admin key" not in str(caught.value)


def test_white_space_around_a_credential_is_not_of_it(
    peer: Callable[[Behaviour], Peer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """White space around a credential, such as a file's line break, is ignored."""
    there = peer(lambda connection, body, number: answer(connection, 200, SUCCESS))

    def sent(**options: Any) -> str | None:
        with mc.connect(there.url, **options) as db:
            db.query("a:b")
        return authorization(there)

    assert sent(admin_key=f"{SECRET}\n") == f"Convex {SECRET}"
    assert sent(auth_token=" jwt\r\n") == sent(auth_token=lambda: "jwt\n") == "Bearer jwt"
    monkeypatch.setenv("CONVEX_AUTH_TOKEN", "env\n")
    assert sent(admin_key="\n") == "Bearer env"
    monkeypatch.setenv("CONVEX_ADMIN_KEY", f" {SECRET}\n")
    assert sent() == f"Convex {SECRET}"


@pytest.mark.parametrize("secret", ["kэy", "k\ney", "k\x00ey", "k\x7fey", b"key"])
def test_a_credential_that_no_header_holds_is_refused_unseen(secret: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**options: Any) -> str:
        with pytest.raises(mc.ConfigurationError) as caught, mc.connect("http://127.0.0.1:1", **options) as db:
            db.query("a:b")
        return str(caught.value)

    told = [refused(admin_key=secret), refused(auth_token=secret), refused(auth_token=lambda: secret)]
    if isinstance(secret, str) and "\0" not in secret:
        monkeypatch.setenv("CONVEX_ADMIN_KEY", secret)
        told.append(refused())
    names = ["admin_key", "auth_token", "auth_token", "CONVEX_ADMIN_KEY"]
    for name, text in zip(names, told, strict=False):
        assert text.startswith(f"connect: {name} ")
        assert "expected" in text
        assert "ey" not in text.replace("_key", "").replace("_KEY", "")


@pytest.mark.parametrize(
    "target",
    [
        "localhost:3210",
        "127.0.0.1:3210/",
        "[::1]:3210",
        "my-host.example:80/api",
        "happy-otter-123.convex.cloud",
        "happy-otter-123.convex.site/",
        "happy-otter-123.eu-west-1.convex.cloud",
    ],
)
def test_a_url_without_its_scheme_makes_no_folder(target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL without its scheme is refused; "./" before the name makes it a folder."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(mc.ConfigurationError) as caught:
        mc.connect(target)
    for named in (repr(target), f"http://{target}", f"./{target}"):
        assert named in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    mc.connect(f"./{target}").close()
    mc.connect(Path(target)).close()
    assert (tmp_path / target / "data.sqlite3").exists()


def test_options_of_the_other_kind_are_refused() -> None:
    """Options of the other kind of deployment are refused."""
    with pytest.raises(mc.ConfigurationError, match="admin_key"):
        mc.connect(":memory:", admin_key=SECRET)
    with pytest.raises(mc.ConfigurationError, match="functions"):
        mc.connect("http://127.0.0.1:1", functions="convex")


def test_a_call_that_was_not_executed_is_repeated(peer: Callable[[Behaviour], Peer]) -> None:
    """A call that an overloaded deployment refused is repeated until it succeeds, a write included."""

    def behaviour(connection: socket.socket, body: bytes, number: int) -> None:
        if number < 3:
            answer(connection, 503, {"code": "TooManyConcurrentRequests", "message": "later"}, "Retry-After: 0")
        else:
            answer(connection, 200, SUCCESS)

    there = peer(behaviour)
    with mc.connect(there.url) as db:
        assert db.mutation("a:b") == SUCCESS["value"]
    assert len(there.requests) == 3


def test_repeating_ends(peer: Callable[[Behaviour], Peer]) -> None:
    """After `retries` repetitions the last refusal is raised, marked as retryable."""
    refusal = {"code": "TooManyConcurrentRequests", "message": "later"}
    there = peer(lambda connection, body, number: answer(connection, 503, refusal, "Retry-After: 0"))
    with mc.connect(there.url, retries=2) as db, pytest.raises(mc.TransportError) as caught:
        db.mutation("a:b")
    assert (len(there.requests), caught.value.code) == (3, "TooManyConcurrentRequests")
    assert (caught.value.is_retryable, caught.value.retry_after) == (True, 0.0)


def test_a_write_whose_answer_is_lost_is_not_repeated(peer: Callable[[Behaviour], Peer]) -> None:
    """A write whose answer is lost raises OutcomeUnknownError; a query is repeated."""

    def behaviour(connection: socket.socket, body: bytes, number: int) -> None:
        if number > 2:
            answer(connection, 200, SUCCESS)

    there = peer(behaviour)
    with mc.connect(there.url) as db:
        with pytest.raises(mc.OutcomeUnknownError, match="a:b"):
            db.mutation("a:b")
        assert len(there.requests) == 1
        assert db.query("a:b") == SUCCESS["value"]
    assert len(there.requests) == 3


@pytest.mark.parametrize(
    ("version", "asked"),
    [
        ({"ok": True, "result": {"version": 1, "operations": {}, "reads": ["load"]}}, ["load", "version", "load"]),
        # These are an older version of this package's functions, and npm's.
        ({"ok": True, "result": {"version": 1, "operations": {}}}, ["load", "version"]),
        ({"ok": False, "error": "Unsupported operation version"}, ["load", "version"]),
        # From here on, the functions can't be reached.
        (None, ["load", *["version"] * 4]),
    ],
)
def test_an_operation_is_repeated_where_the_functions_say_that_it_only_reads(
    peer: Callable[[Behaviour], Peer], version: object, asked: list[str]
) -> None:
    """After a lost answer, the functions are asked once which operations only read. Others count as writes."""

    def operation(body: bytes) -> str:
        name: str = json.loads(body.rpartition(b"\r\n\r\n")[2])["args"]["op"]
        return name

    def behaviour(connection: socket.socket, body: bytes, number: int) -> None:
        if operation(body) == "version" and version is not None:
            answer(connection, 200, {"status": "success", "value": version})
        elif number > 1 and operation(body) == "load":
            answer(connection, 200, SUCCESS)

    there = peer(behaviour)
    with mc.ConvexStore(there.url) as store:
        if asked[-1] == "load":
            assert store.memory.get_thread_by_id("t") is None
            assert store.memory.get_thread_by_id("t") is None
            assert [operation(body) for body in there.requests] == [*asked, "load"]
        else:
            with pytest.raises(mc.OutcomeUnknownError):
                store.memory.get_thread_by_id("t")
            assert [operation(body) for body in there.requests] == asked


@pytest.mark.parametrize("retry_after", ["nan", "inf", "-1", "1e300"])
def test_a_wait_that_cannot_be_is_no_instruction(peer: Callable[[Behaviour], Peer], retry_after: str) -> None:
    """An invalid or endless Retry-After header is ignored."""

    def behaviour(connection: socket.socket, body: bytes, number: int) -> None:
        answer(connection, 503, {"code": "Busy", "message": "later"}, f"Retry-After: {retry_after}")

    there = peer(behaviour)
    with mc.connect(there.url, retries=1, timeout=5) as db, pytest.raises(mc.TransportError) as caught:
        db.query("a:b")
    assert caught.value.code == "Busy"


@pytest.mark.parametrize("seconds", [-1, float("nan"), "1", True, 1e19, 1e300])
def test_a_timeout_is_seconds(seconds: Any) -> None:
    with pytest.raises(mc.InvalidArgumentError, match=r"connect: timeout .*; expected seconds, at most a year"):
        mc.connect("http://127.0.0.1:1", timeout=seconds)


def test_the_longest_timeout_is_a_year(peer: Callable[[Behaviour], Peer]) -> None:
    there = peer(lambda connection, body, number: answer(connection, 200, SUCCESS))
    with mc.connect(there.url, timeout=365 * 24 * 3600) as db:
        assert db.query("a:b") == SUCCESS["value"]


def test_console_lines_are_logged(peer: Callable[[Behaviour], Peer], caplog: pytest.LogCaptureFixture) -> None:
    """Console lines of functions are logged over HTTP too, whether the function fails or not."""
    failure = {"status": "error", "errorMessage": "boom", "logLines": ["[WARN] two"]}

    def behaviour(connection: socket.socket, body: bytes, number: int) -> None:
        answer(connection, 200, {**SUCCESS, "logLines": ["[LOG] 'one'"]} if number == 1 else failure)

    there = peer(behaviour)
    with mc.connect(there.url) as db, caplog.at_level("INFO", "mastra_convex.functions"):
        db.query("a:b")
        with pytest.raises(mc.FunctionError):
            db.mutation("a:b")
    assert caplog.messages == ["a:b: [LOG] 'one'", "a:b: [WARN] two"]


def test_a_deadline_holds(peer: Callable[[Behaviour], Peer]) -> None:
    """A call to a peer that never answers ends at its deadline."""
    done = threading.Event()
    there = peer(lambda connection, body, number: done.wait(10) and None)
    with mc.connect(there.url, timeout=0.3) as db:
        with pytest.raises(mc.TransportTimeoutError) as caught:
            db.query("a:b")
        assert isinstance(caught.value, TimeoutError)
    done.set()
    with mc.connect(there.url, timeout=0.3) as db, pytest.raises(mc.OutcomeUnknownError):
        db.mutation("a:b")


def test_an_unreachable_server_is_an_error_naming_the_url() -> None:
    """If nothing listens at the URL, the error names it and nothing was executed."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with mc.connect(url, retries=1) as db, pytest.raises(mc.ConnectError, match=url) as caught:
        db.mutation("a:b")
    assert caught.value.is_retryable


BAD_REPLIES: list[tuple[int, object, type[mc.MastraConvexError]]] = [
    (200, b"<html>", mc.ProtocolError),
    (200, [], mc.ProtocolError),
    (200, {"status": "success"}, mc.ProtocolError),
    (200, {"status": "odd"}, mc.ProtocolError),
    (200, b'{"status":"success","value":1', mc.ProtocolError),
    (302, b"", mc.TransportError),
    (403, {"code": "BadDeployKey", "message": "no"}, mc.PermissionDeniedError),
    (500, {"code": "InternalServerError", "message": "oh"}, mc.TransportError),
    (560, {"status": "error", "errorMessage": "boom"}, mc.FunctionError),
    (200, {"status": "error", "errorMessage": "x", "errorData": {"a": 1.0}}, mc.ApplicationError),
    (200, {"status": "error", "errorMessage": "Could not find public function for 'a:b'."}, mc.FunctionNotFoundError),
]


@pytest.mark.parametrize(("status", "reply", "error"), BAD_REPLIES)
def test_replies_are_told_apart(
    peer: Callable[[Behaviour], Peer], status: int, reply: object, error: type[mc.MastraConvexError]
) -> None:
    """Each kind of failed reply has its class."""
    there = peer(lambda connection, body, number: answer(connection, status, reply, "Location: http://127.0.0.1:1/"))
    with mc.connect(there.url, retries=0) as db, pytest.raises(error) as caught:
        db.query("a:b")
    if isinstance(caught.value, mc.ApplicationError):
        assert caught.value.data == {"a": 1}


def test_an_index_of_several_pages_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index of 0, 1, 256, 257 or 700 rows is read whole, and the received bytes are counted."""
    embedded = _native.EmbeddedDeployment(None, functions=None, limits="convex", synchronous="full")
    server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
    with mc.ConvexVector(server.url, admin_key=server.admin_key) as vectors:
        for rows in (0, 1, 256, 257, 700):
            docs = vectors.index(f"docs{rows}", 2)
            docs.upsert([[1, n] for n in range(rows)], ids=[str(n) for n in range(rows)])
            found = docs.query([0, 1], top_k=1000)
            assert [hit.id for hit in found] == [str(n) for n in reversed(range(rows))]
            assert found.stats.bytes_received > 30 * rows
            assert docs.describe_index().count == rows
    server.stop()
