"""`mastra-convex data` and `run`: a folder, a served one, and a Convex deployment, looked into from a terminal."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from tests.support.checkout import FUNCTIONS
from tests.support.command import COMMAND, ENVIRONMENT, run, run_in_terminal
from tests.support.refusing import Convex, running
from tests.support.served import serve

# A target, and the environment that has its key.
Place = tuple[str, dict[str, str]]

PLAIN = FUNCTIONS / "plain"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two threads of five messages each, one of them with a hostile title."""
    folder = tmp_path_factory.mktemp("data") / "data"
    with mc.connect(folder) as db:
        memory = mc.ConvexStore(db).memory
        for name, title in (("a", "Hello"), ("b", "\x1b[2J\u202e<b>\n")):
            memory.save_thread(mc.Thread(id=name, resource_id="ada", title=title))
            memory.save_messages([mc.Message(thread_id=name, id=f"{name}{i}", content=f"{i}") for i in range(5)])
    return folder


@pytest.fixture(params=["folder", "served", "convex"])
def place(request: pytest.FixtureRequest, folder: Path) -> Iterator[Place]:
    """The same data in three places: the target, and the environment that has its key."""
    if request.param == "folder":
        yield str(folder), {}
        return
    with serve(data=folder) as served:
        key = {"CONVEX_ADMIN_KEY": served.admin_key}
        if request.param == "served":
            yield served.url, key
        else:
            with running(Convex(served.url)) as convex:
                yield convex.url, key


def report(place: Place, *arguments: str) -> Any:
    """The JSON output of `data`, after it succeeded."""
    target, environment = place
    done = run("data", target, *arguments, "--json", environment=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_tables_are_listed_with_what_is_known_of_their_size(place: Place) -> None:
    """A Convex deployment tells counts, but no bytes."""
    tables = {table["name"]: table for table in report(place)["tables"]}
    assert tables["mastra_messages"]["documents"] == 10
    assert tables["mastra_scorers"]["documents"] == 0
    sizes = [table["bytes"] for table in tables.values()]
    assert all(size is None for size in sizes) or tables["mastra_messages"]["bytes"] > 1000


def test_documents_are_listed_by_order_limit_and_values(place: Place) -> None:
    newest = report(place, "mastra_messages", "--limit", "3")
    assert [message["id"] for message in newest["documents"]] == ["b4", "b3", "b2"]
    assert newest["more"] is True
    oldest = report(place, "mastra_messages", "--order", "asc", "--where", "thread_id=b", "--where", "role=user")
    assert [message["id"] for message in oldest["documents"]] == ["b0", "b1", "b2", "b3", "b4"]
    assert oldest["more"] is False
    assert report(place, "mastra_messages", "--where", "thread_id=none")["documents"] == []
    assert report(place, "mastra_messages", "--where", "thread_id=1")["documents"] == []


def test_a_terminal_shows_the_columns_that_fit_and_no_control_characters(folder: Path) -> None:
    code, shown = run_in_terminal("data", str(folder), "mastra_threads", columns=70)
    assert code == 0
    assert "\\x1b[2J\\u202e<b>\\n" in shown
    assert "\x1b[2J" not in shown
    assert "Columns that don't fit: " in shown
    assert max(map(len, shown.splitlines()[:3])) <= 70


def test_watching_shows_each_change(folder: Path, tmp_path: Path) -> None:
    with (
        serve(data=tmp_path / "data", functions=PLAIN) as served,
        mc.connect(served.url, admin_key=served.admin_key) as db,
    ):
        db.mutation("notes:add", {"text": "one"})
        command = [COMMAND, "data", served.url, "notes", "--watch", "--json"]
        environment = ENVIRONMENT | {"CONVEX_ADMIN_KEY": served.admin_key}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
            assert process.stdout is not None
            try:
                for texts in (["one"], ["two", "one"]):
                    shown = json.loads(process.stdout.readline())
                    assert [note["text"] for note in shown["documents"]] == texts
                    db.mutation("notes:add", {"text": "two"})
            finally:
                process.terminate()


def test_run_calls_each_kind_of_function(tmp_path: Path) -> None:
    """The result is JSON on stdout, the console's lines are on stderr."""
    mc.connect(tmp_path / "data", functions=PLAIN).close()
    target = [str(tmp_path / "data"), "--functions", str(PLAIN)]
    added = run("run", *target, "notes:add", '{"text": "one"}')
    assert (added.returncode, added.stderr) == (0, "")
    assert isinstance(json.loads(added.stdout), str)
    assert json.loads(run("run", *target, "notes.ts:list").stdout) == ["one"]
    assert json.loads(run("run", *target, "notes:secret").stdout) == "for admins"
    echoed = run("run", *target, "notes:echo", '{"value": ["é", 1, 2.5, null]}')
    assert json.loads(echoed.stdout) == ["é", 1, 2.5, None]
    failed = run("run", *target, "notes:fail")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "[LOG] 'about to fail'" in failed.stderr
    assert "on purpose" in failed.stderr


def test_run_works_wherever_the_data_is(place: Place) -> None:
    target, environment = place
    arguments = '{"op": "load", "tableName": "mastra_threads", "keys": {"id": "a"}}'
    done = run("run", target, "mastra/storage:handle", arguments, environment=environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["result"]["title"] == "Hello"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["data", "./nowhere"], 2, "./nowhere is not a data folder"),
        (["data", "FOLDER", "mastra_mesages"], 5, "Did you mean mastra_messages"),
        (["data", "FOLDER", "--where", "a=1"], 2, "--where applies to a table's documents"),
        (["data", "FOLDER", "--limit", "3"], 2, "--limit applies to a table's documents"),
        (["data", "FOLDER", "--order", "asc"], 2, "--order applies to a table's documents"),
        (["data", "FOLDER", "mastra_threads", "--where", "id"], 2, "expected FIELD=VALUE"),
        (["data", "FOLDER", "mastra_threads", "--order", "up"], 2, "up"),
        (["data", "FOLDER", "mastra_threads", "--limit", "0"], 2, "--limit"),
        (["data", "http://127.0.0.1:1"], 6, "admin key, and none was given"),
        (["run", "./nowhere", "a:b"], 2, "./nowhere is not a data folder"),
        (["run", "FOLDER", "mastra/storage:handel"], 5, "Did you mean mastra/storage:handle"),
        (["run", "FOLDER", "mastra/storage:handle", "{"], 2, "ARGS is not JSON"),
        (["run", "FOLDER", "mastra/storage:handle", "[1]"], 2, "expected a JSON object"),
        (["run", "FOLDER", "mastra/queries:watchThread", "{}"], 1, "ArgumentValidationError"),
    ],
)
def test_mistakes_get_one_message_and_the_documented_code(
    folder: Path, arguments: list[str], code: int, message: str
) -> None:
    done = run(*[str(folder) if argument == "FOLDER" else argument for argument in arguments])
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert done.stdout == ""


def test_looking_leaves_no_warnings_in_the_log_of_the_process_that_serves(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with mc.connect(folder) as db, db.serve():
        assert run("data", str(folder), "mastra_threads").returncode == 0
        through = run("run", str(folder), "mastra/queries:countThreads", "--functions", str(PLAIN))
        assert "with the functions that it serves" in through.stderr
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == []


def test_a_wrong_key_and_a_server_that_is_gone_say_so(folder: Path) -> None:
    with serve(data=folder) as served:
        for command in (["data", served.url], ["run", served.url, "mastra/storage:handle"]):
            refused = run(*command, environment={"CONVEX_ADMIN_KEY": "mastra-convex|00"})
            assert refused.returncode == 6
            assert "isn't this deployment's" in refused.stderr
    gone = run("data", served.url, environment={"CONVEX_ADMIN_KEY": served.admin_key})
    assert gone.returncode == 4
