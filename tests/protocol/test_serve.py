"""`mastra-convex serve` speaks Convex's HTTP API, and refuses bad requests with its errors."""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

import mastra_convex as mc
from tests.support.checkout import FUNCTIONS
from tests.support.served import JSON, Served, serve

PLAIN = FUNCTIONS / "plain"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """The functions of `functions/plain`, in memory."""
    with serve(data=":memory:", functions=PLAIN) as served:
        yield served


def test_floats_have_a_decimal_point_and_logs_a_level(served: Served) -> None:
    """Floats have a decimal point for the Python client, and log lines a level for the JavaScript one."""
    body = json.dumps({"path": "notes:echo", "args": {"value": 1}})
    connection = http.client.HTTPConnection(urlsplit(served.url).netloc)
    connection.request("POST", "/api/action", body, JSON)
    assert connection.getresponse().read() == b'{"status":"success","value":1.0}'
    connection.close()
    assert served.call("query", "notes:log")["logLines"] == ["[LOG] 'one' 2", "[WARN] { three: 3 }"]


def test_formats_differ_in_what_json_lacks(served: Served) -> None:
    """Values that JSON lacks differ by format; `json` is the default, and arguments are always encoded."""
    args = {"value": [{"$integer": "BwAAAAAAAAA="}, {"$float": "AAAAAAAA+H8="}, {"$bytes": "AP8="}]}
    assert served.call("action", "notes:echo", args)["value"] == ["7", "NaN", "AP8="]
    assert served.call("action", "notes:echo", args, format="convex_encoded_json")["value"] == args["value"]


def test_errors_of_functions_are_answers(served: Served) -> None:
    """A failed function is HTTP 200 with the request, the stack, and data only for a ConvexError."""
    reply = served.call("mutation", "notes:fail")
    assert reply["status"] == "error"
    assert reply["errorData"] == {"at": [1.0, 2.5], "reason": "on purpose"}
    reply = served.call("query", "notes:crash")
    assert "errorData" not in reply
    assert reply["errorMessage"].startswith("[Request ID: ")
    assert "Server Error\nUncaught TypeError: not on purpose\n    at" in reply["errorMessage"]
    assert "notes.ts" in reply["errorMessage"]
    reply = served.call("mutation", "notes:add", {"text": 5})
    assert "ArgumentValidationError" in reply["errorMessage"]
    assert ".text" in reply["errorMessage"]
    assert "is defined as Mutation" in served.call("query", "notes:add", {"text": ""})["errorMessage"]


def test_loops_and_promises_without_end_end(served: Served) -> None:
    """Endless loops and promises end with an error, and the next call is served."""
    begin = time.monotonic()
    replies: list[Any] = []
    spinning = threading.Thread(target=lambda: replies.append(served.call("query", "notes:spin")))
    spinning.start()
    assert served.call("query", "notes:log")["status"] == "success"
    spinning.join()
    assert "timed out" in replies[0]["errorMessage"]
    assert "will never resolve" in served.call("query", "notes:stuck")["errorMessage"]
    assert time.monotonic() - begin < 20


def test_every_route_answers(served: Served) -> None:
    """Every route for calls and for information about the server answers."""
    admin = {**JSON, "Authorization": f"convex {served.admin_key}"}
    assert served.send("GET", f"/api/query?path=notes:log&args={quote('{}')}")[1]["status"] == "success"
    assert served.send("POST", "/api/run/notes/log", '{"args":{}}', JSON)[1]["status"] == "success"
    assert served.send("POST", "/api/function", '{"path":"notes:secret","args":{}}', admin)[1]["value"] == "for admins"
    by_parameter = f"/api/function?adminKey={quote(served.admin_key)}"
    assert served.send("POST", by_parameter, '{"path":"notes:secret","args":{}}', JSON)[0] == 200
    timestamp = served.send("POST", "/api/query_ts")[1]["ts"]
    at = json.dumps({"path": "notes:list", "args": {}, "ts": timestamp})
    assert served.send("POST", "/api/query_at_ts", at, JSON)[1]["status"] == "success"
    batch = json.dumps({"queries": [{"path": "notes:list", "args": {}}, {"path": "notes:crash", "args": {}}]})
    results = served.send("POST", "/api/query_batch", batch, JSON)[1]["results"]
    assert [result["status"] for result in results] == ["success", "error"]
    assert served.send("GET", "/version")[:2] == (200, mc.__version__)
    assert served.send("GET", "/instance_name")[1] == "mastra-convex"


def test_pages_of_the_loopback_may_call(served: Served) -> None:
    """Pages of the loopback may call. Their credentials decide which functions they reach."""
    headers = {
        "Origin": "http://localhost:5173",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    status, _, found = served.send("OPTIONS", "/api/query", None, headers)
    assert status == 200
    assert found["access-control-allow-origin"] == "http://localhost:5173"
    assert found["access-control-allow-credentials"] == "true"
    assert "authorization" in found["access-control-allow-headers"]


# A well-formed token of a provider that no `auth.config.ts` lists.
UNKNOWN_ISSUER = ".".join(
    base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
    for part in (
        {"alg": "RS256", "kid": "k", "typ": "JWT"},
        {"iss": "https://x", "sub": "s", "aud": "a", "exp": 2**32},
        0,
    )
)

BAD_REQUESTS = [
    ("/api/query", "{", JSON, 400, "BadJsonBody"),
    ("/api/query", "[]", JSON, 400, "BadJsonBody"),
    ("/api/query", "{}", JSON, 400, "BadJsonBody"),
    ("/api/query", '{"path":"a:b","path":"a:c"}', JSON, 400, "BadJsonBody"),
    ("/api/query", '{"path":5}', JSON, 400, "BadJsonBody"),
    ("/api/query", '{"path":"/notes:list","args":{}}', JSON, 400, "BadConvexFunctionIdentifier"),
    ("/api/query", '{"path":"../notes:list","args":{}}', JSON, 400, "BadConvexFunctionIdentifier"),
    ("/api/query", '{"path":"notes:list"}', {}, 400, "BadJsonBody"),
    ("/api/query", '{"path":"notes:list"}', {"Content-Type": "text/plain"}, 400, "BadJsonBody"),
    ("/api/query", '{"path":"notes:list","format":"xml"}', JSON, 400, "BadFormat"),
    ("/api/query", "x" * (16 << 20) + "x" * 2001, JSON, 400, "BadJsonBody"),
    ("/api/query", "{}", {**JSON, "Authorization": "Convex wrong"}, 401, "BadAdminKey"),
    ("/api/query", "{}", {**JSON, "Authorization": "Bearer eyJ"}, 401, "InvalidAuthHeader"),
    ("/api/query", "{}", {**JSON, "Authorization": f"Bearer {UNKNOWN_ISSUER}"}, 401, "NoAuthProvider"),
    ("/api/query", "{}", {**JSON, "Authorization": "Basic abc"}, 400, "InvalidAdminKey"),
    ("/api/query", "{}", {**JSON, "Convex-Client": "npm"}, 400, "InvalidClientVersion"),
    ("/api/run/notes", "{}", JSON, 400, "MissingIdentifier"),
    ("/api/function", "{}", JSON, 401, "Unauthenticated"),
    ("/api/query_at_ts", '{"path":"notes:list","args":{},"ts":"AQAAAAAAAAA="}', JSON, 400, "TimestampNotCurrent"),
]


@pytest.mark.parametrize(("path", "body", "headers", "status", "code"), BAD_REQUESTS)
def test_bad_requests_get_their_status_and_code(
    served: Served, path: str, body: str, headers: dict[str, str], status: int, code: str
) -> None:
    """Bad requests get their status and code, and the server continues."""
    found, reply, _ = served.send("POST", path, body, headers)
    assert (found, reply["code"]) == (status, code)
    assert served.call("query", "notes:log")["status"] == "success"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("5", "Expected to receive an object as the function's argument. Instead received: 5.0"),
        ("null", "Expected to receive an object as the function's argument. Instead received: null"),
        ("[]", "Expected to receive a single object as the function's argument. Instead received 0 arguments: []"),
        ("[{}, {}]", "Instead received 2 arguments: [{}, {}]"),
        ('{"$a": 1}', "Invalid arguments for notes.js:list: "),
        ('{"n": {"$integer": "AQ=="}}', "Invalid arguments for notes.js:list: "),
        ('{"a": ' + "[" * 100 + "]" * 100 + "}", "Invalid arguments for notes.js:list: "),
    ],
)
def test_arguments_that_are_no_object_are_the_functions_error(served: Served, args: str, message: str) -> None:
    """As on Convex, invalid arguments are an error of the function, with the status 200."""
    status, reply, _ = served.send("POST", "/api/query", f'{{"path":"notes:list","args":{args}}}', JSON)
    assert (status, reply["status"]) == (200, "error")
    assert message in reply["errorMessage"]


def test_of_a_name_that_is_there_twice_the_last_one_counts(served: Served) -> None:
    """Of a name that is there twice, the last one counts, in the request and in its arguments."""
    body = '{"path":"notes:no","path":"notes:add","args":{"text":"one","text":"two"}}'
    assert served.send("POST", "/api/mutation", body, JSON)[1]["status"] == "success"
    assert served.call("query", "notes:list")["value"][-1] == "two"


def test_keys_that_are_nearly_right_are_refused(served: Served) -> None:
    """Keys that are cut, longer, empty, in another case or of another deployment are refused."""
    key = served.admin_key
    for near in [key[:-1], key + "0", key.upper(), "", "other" + key[13:], f" {key[14:]}"]:
        headers = {**JSON, "Authorization": f"Convex {near}"}
        assert served.send("POST", "/api/function", '{"path":"notes:secret"}', headers)[0] in (400, 401), near


def test_slow_and_half_closed_connections_harm_no_other_client(served: Served) -> None:
    """A hundred clients that send half a request each don't disturb others."""
    parts = urlsplit(served.url)
    sockets = []
    for _ in range(100):
        connection = socket.create_connection((parts.hostname, parts.port))
        connection.sendall(b"POST /api/query HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n")
        connection.shutdown(socket.SHUT_WR)
        sockets.append(connection)
    assert served.call("query", "notes:log")["status"] == "success"
    for connection in sockets:
        connection.close()


def test_a_folder_keeps_its_key_for_its_owner_only(tmp_path: Path) -> None:
    """The first start creates the key, the second start uses it again, and the data is still there."""
    keys = []
    for text in ("first", "second"):
        with serve(data=tmp_path, functions=PLAIN) as served:
            keys.append(served.admin_key)
            assert served.call("mutation", "notes:add", {"text": text})["status"] == "success"
            notes = served.call("query", "notes:list")["value"]
    assert keys[0] == keys[1]
    assert notes == ["first", "second"]
    assert stat.S_IMODE((tmp_path / "admin-key").stat().st_mode) == 0o600


def test_paths_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths may begin with ``~``, which shells keep behind a ``=``."""
    shutil.copytree(PLAIN, tmp_path / "convex")
    (tmp_path / "auth.config.ts").write_text("export default { providers: [] };")
    for home in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(home, str(tmp_path))
    options = ["--functions=~/convex", "--auth-config=~/auth.config.ts"]
    with serve(data="~/data", options=options) as served:
        assert served.call("query", "notes:list")["value"] == []
    assert (tmp_path / "data").is_dir()


def test_internal_functions_need_the_key(tmp_path: Path) -> None:
    """All built-in functions are internal. Python later reads their data in process."""
    request = {"op": "batchInsert", "tableName": "mastra_vector_docs", "records": [{"id": "a", "embedding": [1, 2]}]}
    body = json.dumps({"path": "mastra/storage:handle", "args": request})
    with serve(data=tmp_path) as served:
        admin = {**JSON, "Authorization": f"Convex {served.admin_key}"}
        with mc.ConvexVector(served.url, admin_key=served.admin_key) as vectors:
            vectors.create_index("docs", 2)
        assert "Could not find public function" in served.send("POST", "/api/mutation", body, JSON)[1]["errorMessage"]
        assert served.send("POST", "/api/mutation", body, admin)[1] == {"status": "success", "value": {"ok": True}}
    with mc.ConvexVector(tmp_path) as vectors:
        assert vectors.query("docs", [1, 2])[0].id == "a"


def test_a_port_in_use_says_so(served: Served) -> None:
    """A port in use is an error with the address and no traceback."""
    port = urlsplit(served.url).port
    command = [sys.executable, "-m", "mastra_convex", "serve", "--data", ":memory:", "--port", str(port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 2
    assert f"can't listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
