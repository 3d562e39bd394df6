"""Connections to a deployment: proxies, certificates, and paths in the URL."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import mastra_convex as mc
from tests.support.peer import AUTHORITY, CERTIFICATES, Peer, answer
from tests.support.served import Served, serve

SUCCESS = {"status": "success", "value": 1}
WATCH = "mastra/queries:watchThread"
HTTP_NAME = "http://convex.test:8123"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(data=":memory:", options=["--allow-host", "convex.test"]) as served:
        yield served


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass bytes on until the end."""
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
    except OSError:
        pass
    finally:
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Relay:
    """A proxy that leads to one server whatever the requested name, or a server of TLS in front of it."""

    def __init__(self, target: str, begin: Callable[[socket.socket], tuple[socket.socket, bytes]]) -> None:
        self.target = urlsplit(target)
        self.begin = begin
        self.heads: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=(connection,), daemon=True).start()

    def _relay(self, connection: socket.socket) -> None:
        try:
            near, first = self.begin(connection)
        except OSError:
            connection.close()
            return
        self.heads.append(first)
        far = socket.create_connection((self.target.hostname, self.target.port))
        if not first.startswith(b"CONNECT "):
            far.sendall(first)
        threading.Thread(target=pump, args=(far, near), daemon=True).start()
        pump(near, far)
        near.close()
        far.close()


def read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        received = connection.recv(65536)
        if not received:
            raise OSError
        head += received
    return head


def take_connect(connection: socket.socket) -> tuple[socket.socket, bytes]:
    """A tunnel, or a request for a URL, whose path the server takes too."""
    head = read_head(connection)
    if head.startswith(b"CONNECT "):
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    return connection, head


def take_socks(connection: socket.socket) -> tuple[socket.socket, bytes]:
    """SOCKS 5 with a name and a password, for a host name."""
    methods = connection.recv(65536)
    assert methods[0] == 5
    connection.sendall(b"\x05\x02")
    login = connection.recv(65536)
    assert login == b"\x01\x03ann\x06s:cret"
    connection.sendall(b"\x01\x00")
    request = connection.recv(65536)
    assert request[:4] == b"\x05\x01\x00\x03"
    connection.sendall(b"\x05\x00\x00\x01" + bytes(6))
    return connection, b"CONNECT " + request[5 : 5 + request[4]]


@contextmanager
def relay(target: str, begin: Callable[[socket.socket], tuple[socket.socket, bytes]] = take_connect) -> Iterator[Relay]:
    made = Relay(target, begin)
    try:
        yield made
    finally:
        made.listener.close()


def test_calls_and_live_queries_go_through_the_proxy(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """An HTTP proxy forwards calls of `http://`, and opens a tunnel for a live query."""
    with relay(served.url) as proxy:
        monkeypatch.setenv("http_proxy", f"http://ann:s%3Acret@127.0.0.1:{proxy.port}")
        with mc.connect(HTTP_NAME, admin_key=served.admin_key) as db:
            assert db.query(WATCH, {"threadId": "t"}) is None
            assert db.subscribe(WATCH, {"threadId": "t"}).next(timeout=20) is None
    call, live = proxy.heads
    assert call.startswith(b"POST http://convex.test:8123/api/query HTTP/1.1\r\n")
    assert live.startswith(b"CONNECT convex.test:8123 HTTP/1.1\r\n")
    for head in (call, live):
        assert b"proxy-authorization: basic yw5uonm6y3jlda==" in head.lower()


def test_a_socks_proxy_resolves_the_name(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with relay(served.url, take_socks) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5h://ann:s%3Acret@127.0.0.1:{proxy.port}")
        with mc.connect(HTTP_NAME, admin_key=served.admin_key) as db:
            assert db.query(WATCH, {"threadId": "t"}) is None
            assert db.subscribe(WATCH, {"threadId": "t"}).next(timeout=20) is None
    assert proxy.heads == [b"CONNECT convex.test"] * 2


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "HTTP_PROXY"])
def test_this_machine_is_reached_without_a_proxy(name: str, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    for url in (served.url, served.url.replace("127.0.0.1", "localhost")):
        with mc.connect(url, admin_key=served.admin_key) as db:
            assert db.query(WATCH, {"threadId": "t"}) is None
            assert db.subscribe(WATCH, {"threadId": "t"}).next(timeout=20) is None


def test_a_proxy_of_https_is_not_for_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of `https://` isn't used for `http://`, and none is used for a host that `no_proxy` names."""
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    for url, excluded, told in [
        ("http://convex.invalid", "", "convex.invalid"),
        ("https://convex.invalid", "", "the proxy 127.0.0.1:1"),
        ("https://convex.invalid", "x, .invalid", "convex.invalid"),
        ("https://convex.invalid", "convex.invalid:80", "the proxy 127.0.0.1:1"),
    ]:
        monkeypatch.setenv("NO_PROXY", excluded)
        with mc.connect(url, retries=0) as db, pytest.raises(mc.ConnectError) as caught:
            db.mutation("a:b")
        assert told in str(caught.value).removeprefix(f"can't connect to {url}")


def test_no_password_of_a_proxy_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("http://ann:s3cret@127.0.0.1:1", "gopher://ann:s3cret@127.0.0.1:1", "http://ann:s3cret@:x"):
        monkeypatch.setenv("https_proxy", value)
        with mc.connect("https://convex.test", retries=0) as db, pytest.raises(mc.ConnectError) as caught:
            db.mutation("a:b")
        assert "s3cret" not in f"{caught.value!r}{caught.value}{db!r}{vars(db)}"
        assert "proxy" in str(caught.value)


def take_tls(connection: socket.socket) -> tuple[socket.socket, bytes]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem")
    secured = context.wrap_socket(connection, server_side=True)
    return secured, read_head(secured)


@pytest.mark.parametrize("way", ["ca_file", "SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_an_authority_of_ones_own_is_trusted(way: str, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls and live queries trust a user's own certificate authority."""
    options: dict[str, Any] = {"admin_key": served.admin_key}
    match way:
        case "ca_file":
            options["ca_file"] = AUTHORITY
        case "SSL_CERT_FILE":
            monkeypatch.setenv(way, str(AUTHORITY))
        case _:
            monkeypatch.setenv(way, str(CERTIFICATES))
    with relay(served.url, take_tls) as end, mc.connect(f"https://127.0.0.1:{end.port}", **options) as db:
        assert db.query(WATCH, {"threadId": "t"}) is None
        assert db.subscribe(WATCH, {"threadId": "t"}).next(timeout=20) is None


def test_a_certificate_that_is_not_trusted_has_a_hint(served: Served) -> None:
    with relay(served.url, take_tls) as end, mc.connect(f"https://127.0.0.1:{end.port}", retries=0, timeout=3) as db:
        with pytest.raises(mc.ConnectError, match="UnknownIssuer") as caught:
            db.mutation("a:b")
        with pytest.raises(mc.ConnectError, match="UnknownIssuer") as live:
            db.subscribe("a:b").next(timeout=20)
    for error in (caught.value, live.value):
        assert error.hint is not None
        assert "ca_file=" in error.hint
        assert "SSL_CERT_FILE" in error.hint


def test_certificates_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    for file in (empty, tmp_path / "absent.pem"):
        with pytest.raises(mc.ConfigurationError, match=r"ca_file") as caught:
            mc.connect("https://convex.test", ca_file=file)
        assert file.name in str(caught.value)


def test_a_path_of_the_url_is_kept() -> None:
    """Calls and live queries keep a path in the URL."""
    there = Peer(lambda connection, body, number: answer(connection, 200, SUCCESS))
    with mc.connect(f"{there.url}/convex/", timeout=3) as db:
        assert db.query("a:b") == 1
        with pytest.raises(mc.ProtocolError):
            db.subscribe("a:b").next(timeout=20)
    there.close()
    paths = [request.split(b" ")[1] for request in there.requests]
    assert paths[:2] == [b"/convex/api/query", b"/convex/api/sync"]
    assert set(paths) == {b"/convex/api/query", b"/convex/api/sync"}
