"""Npm's commands that look into a deployment, unmodified, against `serve`."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import mastra_convex as mc
from tests.support.checkout import FUNCTIONS
from tests.support.command import ENVIRONMENT
from tests.support.npx import command, npx
from tests.support.served import JSON, Served, serve

PLAIN = FUNCTIONS / "plain"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A folder with three notes."""
    with serve(data=tmp_path_factory.mktemp("data"), functions=PLAIN) as served:
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            for text in ("one", "two", "three"):
                db.mutation("notes:add", {"text": text})
        yield served


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("npm") / "project"


def printed(served: Served, project: Path, *arguments: str) -> str:
    """The output of a command that succeeds."""
    done = npx(served, project, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_data_lists_tables(served: Served, project: Path) -> None:
    assert printed(served, project, "data").split() == ["notes"]


def test_data_lists_documents_in_either_order_up_to_a_limit(served: Served, project: Path) -> None:
    newest = npx(served, project, "data", "notes", "--limit", "2", "--format", "jsonl")
    assert [json.loads(line)["text"] for line in newest.stdout.splitlines()] == ["three", "two"]
    oldest = printed(served, project, "data", "notes", "--order", "asc", "--format", "json")
    assert [note["text"] for note in json.loads(oldest)] == ["one", "two", "three"]
    table = npx(served, project, "data", "notes", "--limit", "1")
    assert '"three"' in table.stdout
    assert "Showing the 1 most recently created document." in table.stderr
    assert "There are no documents in this table." in npx(served, project, "data", "nothing").stderr


def test_run_calls_each_kind_of_function(served: Served, project: Path) -> None:
    assert json.loads(printed(served, project, "run", "notes:list")) == ["one", "two", "three"]
    assert json.loads(printed(served, project, "run", "notes:echo", '{"value": [1, null]}')) == [1, None]
    assert json.loads(printed(served, project, "run", "notes:secret")) == "for admins"
    failed = npx(served, project, "run", "notes:crash")
    assert failed.returncode == 1
    assert "TypeError: not on purpose" in failed.stderr


def test_run_lists_the_functions_after_an_unknown_name(served: Served, project: Path) -> None:
    failed = npx(served, project, "run", "notes:lst")
    assert failed.returncode == 1
    assert "Could not find function for 'notes:lst'" in failed.stderr
    assert "Available functions:" in failed.stderr
    assert "• notes:list" in failed.stderr


def test_function_spec_names_kinds_visibility_and_validators(served: Served, project: Path) -> None:
    spec = json.loads(printed(served, project, "function-spec"))
    assert spec["url"] == served.url
    functions = {function["identifier"]: function for function in spec["functions"]}
    assert functions["notes.js:add"] == {
        "identifier": "notes.js:add",
        "functionType": "Mutation",
        "visibility": {"kind": "public"},
        "args": {"type": "object", "value": {"text": {"fieldType": {"type": "string"}, "optional": False}}},
        "returns": {"type": "id", "tableName": "notes"},
    }
    assert functions["notes.js:list"]["returns"] == {"type": "any"}
    assert functions["notes.js:secret"]["visibility"] == {"kind": "internal"}


def test_env_sets_lists_gets_and_removes_variables(project: Path, tmp_path: Path) -> None:
    """Functions read them from `process.env`, and the folder keeps them."""
    with serve(data=tmp_path / "data", functions=FUNCTIONS / "environment") as served:
        assert "No environment variables set" in npx(served, project, "env", "list").stderr
        printed(served, project, "env", "set", "GREETING", "hello there")
        printed(served, project, "env", "set", "OTHER=1=2")
        assert printed(served, project, "env", "list", "--include-values").splitlines() == [
            "GREETING=hello there",
            "OTHER=1=2",
        ]
        assert printed(served, project, "env", "get", "OTHER") == "1=2\n"
        assert json.loads(printed(served, project, "run", "settings:all")) == {
            "atLoad": "hello there",
            "now": {"GREETING": "hello there", "OTHER": "1=2"},
        }
        printed(served, project, "env", "remove", "OTHER")
        assert 'variable "OTHER" not found' in npx(served, project, "env", "get", "OTHER").stderr
        refused = npx(served, project, "env", "set", "1BAD", "x")
        assert refused.returncode == 1
        assert "EnvironmentVariableNameInvalid" in refused.stderr
    with serve(data=tmp_path / "data", functions=FUNCTIONS / "environment") as served:
        assert json.loads(printed(served, project, "run", "settings:read", '{"name": "GREETING"}')) == "hello there"


def test_logs_show_console_lines_and_failures_as_they_come(served: Served, project: Path) -> None:
    watching = command(served, project, "logs", "--success", "--history", "0")
    with subprocess.Popen(
        watching,
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=ENVIRONMENT,
        start_new_session=True,
    ) as process:
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        assert process.stdout is not None
        reader = threading.Thread(target=lambda: [lines.put(line) for line in process.stdout or ()], daemon=True)
        reader.start()
        try:
            # The first request of the command tells it where to begin; a marker shows that it has begun.
            while True:
                served.call("query", "notes:list")
                try:
                    lines.get(timeout=0.5)
                    break
                except queue.Empty:
                    assert process.poll() is None
            served.call("mutation", "notes:fail")
            served.call("query", "notes:crash")
            shown = ""
            while "not on purpose" not in shown:
                shown += lines.get(timeout=10)
        finally:
            # `node` may be a script that has Node as its child.
            os.killpg(process.pid, signal.SIGKILL)
            reader.join()
    assert "[CONVEX M(notes:fail)] [LOG] 'about to fail'" in shown
    assert "[CONVEX M(notes:fail)] Uncaught ConvexError" in shown
    assert "[CONVEX Q(notes:crash)] Uncaught TypeError: not on purpose" in shown


def test_logs_keep_a_history(served: Served) -> None:
    """Each call has its own place in the stream, and only admins read it."""
    served.call("query", "notes:list")
    key = {"Authorization": f"Convex {served.admin_key}"}
    status, reply, _ = served.send("GET", "/api/stream_function_logs?cursor=0", None, key)
    assert status == 200
    assert reply["entries"][-1]["identifier"] == "notes:list"
    assert reply["entries"][-1]["timestamp"] * 1000 == pytest.approx(reply["newCursor"])
    served.call("query", "notes:list")
    status, later, _ = served.send("GET", f"/api/stream_function_logs?cursor={reply['newCursor']!r}", None, key)
    assert [entry["identifier"] for entry in later["entries"]] == ["notes:list"]
    assert served.send("GET", "/api/stream_function_logs?cursor=0")[0] == 401
    assert served.send("GET", "/api/stream_function_logs?cursor=x", None, key)[0] == 400
    assert served.send("POST", "/api/update_environment_variables", '{"changes": []}', JSON)[0] == 401
