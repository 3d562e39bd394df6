"""The log of `serve`, its health and its metrics; and how it gets and shows its admin key."""

from __future__ import annotations

import json
import logging
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import mastra_convex as mc
from tests.support.checkout import FUNCTIONS
from tests.support.command import COMMAND, ENVIRONMENT, run
from tests.support.served import JSON, Served, serve
from tests.support.websocket import SyncSocket, add

PLAIN = FUNCTIONS / "plain"
SECRET = "the-text-of-an-argument"
KEY = "mastra-convex|" + "ab" * 32


@contextmanager
def logging_server(*options: str, log: list[str]) -> Iterator[Served]:
    """A server of `functions/plain` in memory. In the end, `log` has the lines of its stderr."""
    command = [sys.executable, "-m", "mastra_convex", "serve", "--port", "0", "--json", "--data", ":memory:"]
    command += ["--functions", str(PLAIN), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Served(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()
            log += process.communicate(timeout=20)[1].splitlines()
    assert process.returncode == 0


def request_of(message: str) -> str:
    """The number in the heading of an error's text."""
    found = re.match(r"\[Request ID: ([0-9a-f]{16})\]", message)
    assert found is not None
    return found[1]


def test_a_failed_call_is_a_line_with_the_request_that_its_client_saw() -> None:
    """Over HTTP and the WebSocket. The line has no text of the error, which may quote arguments."""
    lines: list[str] = []
    with logging_server("--log-format", "json", log=lines) as served:
        refused = served.call("mutation", "notes:add", {"text": {"password": SECRET}})
        assert SECRET in refused["errorMessage"]
        with SyncSocket(served.url) as socket:
            socket.send("Mutation", requestId=0, udfPath="notes:fail", args=[{}])
            thrown = socket.expect("MutationResponse")["result"]
        stream = f"/api/stream_function_logs?cursor=1&adminKey={served.admin_key}"
        entries = served.send("GET", stream)[1]["entries"]
    events = [json.loads(line) for line in lines]
    failed = [event for event in events if event["event"] == "call failed"]
    assert [(event["function"], event["kind"], event["level"]) for event in failed] == [
        ("notes:add", "mutation", "warning"),
        ("notes:fail", "mutation", "warning"),
    ]
    requests = [request_of(refused["errorMessage"]), request_of(thrown)]
    assert [event["request"] for event in failed] == requests
    assert [entry["requestId"] for entry in entries] == requests
    assert failed[0]["outcome"] == "ArgumentValidationError"
    assert failed[0]["seconds"] >= 0
    assert [event["event"] for event in events if event["level"] == "info"] == ["serving", "stopped"]
    assert SECRET not in "".join(lines)
    assert served.admin_key not in "".join(lines)


def test_refused_requests_are_logged_without_their_key() -> None:
    lines: list[str] = []
    with logging_server("--log-level", "debug", log=lines) as served:
        wrong = {**JSON, "Authorization": f"Convex {KEY}"}
        assert served.send("POST", "/api/query", "{}", wrong)[0] == 401
        assert served.send("GET", f"/version?adminKey={KEY}")[0] == 200
        served.call("query", "no\nsuch:one")
    text = "\n".join(lines)
    assert re.search(r"WARNING request refused method=POST path=/api/query status=401 code=BadAdminKey", text)
    assert re.search(r"DEBUG   request method=GET path=/version status=200", text)
    assert re.search(r"DEBUG   connection opened address=127\.0\.0\.1", text)
    assert re.search(r'WARNING call failed function="no\\nsuch:one" kind=query outcome=FunctionNotFound', text)
    assert re.search(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    stopped", lines[-1])
    assert KEY not in text


def test_a_served_deployment_logs_in_process(caplog: pytest.LogCaptureFixture) -> None:
    wanted = caplog.at_level(logging.INFO, "mastra_convex.serve")
    with wanted, mc.connect(":memory:", functions=PLAIN) as db, db.serve() as server:
        reply = Served(server.url, server.admin_key).call("query", "notes:crash")
    records = {record.event: record for record in caplog.records}  # type: ignore[attr-defined]
    assert list(records) == ["serving", "call failed", "stopped"]
    failed = records["call failed"]
    assert failed.levelno == logging.WARNING
    assert failed.fields["request"] == request_of(reply["errorMessage"])  # type: ignore[attr-defined]
    assert "function=notes:crash" in failed.getMessage()


def test_searches_of_this_package_log_no_failed_calls(caplog: pytest.LogCaptureFixture) -> None:
    """Before a client keeps an index, it asks for a feature of the backend, and the answer is no failure."""
    wanted = caplog.at_level(logging.DEBUG, "mastra_convex.serve")
    with wanted, mc.connect(":memory:") as db, db.serve() as server:
        mc.ConvexVector(db).index("docs", dimension=2).upsert([[1.0, 0.0]], ids=["a"])
        with mc.connect(server.url, admin_key=server.admin_key) as client:
            assert mc.ConvexVector(client, strategy="mirror").index("docs").query([1.0, 0.0]).ids == ["a"]
    events = [record.event for record in caplog.records]  # type: ignore[attr-defined]
    assert "call" in events
    assert "call failed" not in events


def test_health_and_version_need_no_key() -> None:
    with serve(data=":memory:", functions=PLAIN) as served:
        assert served.send("GET", "/health")[:2] == (200, "ok\n")
        assert served.send("GET", "/version")[:2] == (200, mc.__version__)


def test_a_removed_folder_is_not_healthy(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with serve(data=folder) as served:
        assert served.send("GET", "/health")[0] == 200
        folder.rename(tmp_path / "gone")
        status, text, _ = served.send("GET", "/health")
        assert (status, text) == (503, "Io\n")
        (tmp_path / "gone").rename(folder)


def metrics_of(text: str) -> dict[str, float]:
    """Each line's number, by its name with its labels."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(number) for name, _, number in lines}


def test_metrics_count_calls_by_function_and_outcome(tmp_path: Path) -> None:
    with serve(data=tmp_path, functions=PLAIN) as served:
        for _ in range(3):
            served.call("mutation", "notes:add", {"text": "a"})
        served.call("query", "notes:crash")
        served.call("query", "nobody:knows")
        assert served.send("GET", "/metrics")[0] == 401
        key = {"Authorization": f"Convex {served.admin_key}"}
        status, text, headers = served.send("GET", "/metrics", None, key)
        assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        found = metrics_of(text)
        assert found['mastra_convex_calls_total{function="notes:add",outcome="success"}'] == 3
        assert found['mastra_convex_calls_total{function="notes:crash",outcome="Error"}'] == 1
        assert found['mastra_convex_calls_total{function="unknown",outcome="FunctionNotFound"}'] == 1
        assert found['mastra_convex_call_seconds_count{function="notes:add"}'] == 3
        assert found['mastra_convex_call_seconds_bucket{function="notes:add",le="+Inf"}'] == 3
        assert found['mastra_convex_call_seconds_sum{function="notes:add"}'] > 0
        assert found["mastra_convex_data_bytes"] > 0
        assert found["mastra_convex_log_bytes"] > 0
        with SyncSocket(served.url) as socket:
            socket.modify(add(0, "notes:list"))
            socket.expect("Transition")
            found = metrics_of(served.send("GET", "/metrics", None, key)[1])
            assert (found["mastra_convex_sockets"], found["mastra_convex_live_queries"]) == (1, 1)


def test_metrics_may_be_open_to_all() -> None:
    with serve(data=":memory:", options=["--metrics"]) as served:
        assert served.send("GET", "/metrics")[0] == 200


def test_a_given_key_becomes_the_folders(tmp_path: Path) -> None:
    """From a file, or from the variable that clients read. The folder keeps it, for commands that find the server."""
    (tmp_path / "key").write_text(KEY + "\n")
    data = tmp_path / "data"
    with serve(data=data, options=["--admin-key-file", str(tmp_path / "key")]) as served:
        assert served.admin_key == KEY
    assert run("keys", "show", str(data)).stdout == KEY + "\n"
    with serve(data=data) as served:
        assert served.admin_key == KEY


@pytest.mark.parametrize("given", ["prod:name|abcdef", "mastra-convex|short"])
def test_a_key_of_another_form_is_refused_and_not_shown(tmp_path: Path, given: str) -> None:
    done = run("serve", "--data", str(tmp_path), environment={"CONVEX_SELF_HOSTED_ADMIN_KEY": given})
    assert done.returncode == 2
    expected = 'the key has another form; expected "mastra-convex|" and 64 hexadecimal digits'
    assert f"serve: CONVEX_SELF_HOSTED_ADMIN_KEY: {expected}" in done.stderr
    assert given not in done.stderr
    (tmp_path / "key").write_text(given)
    done = run("serve", "--data", str(tmp_path), "--admin-key-file", str(tmp_path / "key"))
    assert done.returncode == 2
    assert f"serve: --admin-key-file {tmp_path / 'key'}: {expected}" in done.stderr
    assert given not in done.stderr
    missing = run("serve", "--data", str(tmp_path), "--admin-key-file", str(tmp_path / "none"))
    assert missing.returncode == 2
    assert "No such file or directory; expected a file with a key" in missing.stderr


def start_text(folder: Path, *, terminal: bool) -> str:
    """The text that `serve` prints at its start, to a terminal or elsewhere."""
    ours, theirs = pty.openpty() if terminal else os.pipe()
    command = [COMMAND, "serve", "--port", "0", "--data", str(folder), "--log-level", "error"]
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=ENVIRONMENT) as process:
        os.close(theirs)
        text = b""
        while b"Admin key:" not in text or not text.endswith(b"\n"):
            text += os.read(ours, 4096)
        process.send_signal(signal.SIGTERM)
    os.close(ours)
    return text.decode()


def test_the_key_is_printed_to_a_terminal_only(tmp_path: Path) -> None:
    shown = start_text(tmp_path, terminal=True)
    key = run("keys", "show", str(tmp_path)).stdout.strip()
    assert key in shown.replace("\r\n", "\n")
    assert "/_mastra" in shown
    elsewhere = start_text(tmp_path, terminal=False)
    assert key not in elsewhere
    assert f"Admin key: mastra-convex keys show {tmp_path}" in elsewhere
