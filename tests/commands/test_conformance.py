"""`mastra-convex conformance`: our own deployments pass, faults are found, and what it writes is gone afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import mastra_convex as mc
from mastra_convex import _native
from mastra_convex._cli.conformance import GROUPS
from mastra_convex._cli.conformance.room import NATIVE
from tests.support.checkout import FUNCTIONS
from tests.support.command import COMMAND, ENVIRONMENT, run
from tests.support.folders import OURS, functions_with
from tests.support.served import Served, serve

# The line of a schema that `--native` needs.
DECLARED = f"""
import {{ defineSchema }} from "convex/server";
import {{ defineMastraNativeVectorTable, mastraTables }} from "./mastra/schema";

export default defineSchema({{
  ...mastraTables,
  {NATIVE.table_name}: defineMastraNativeVectorTable({{ dimensions: {NATIVE.dimension}, filterFields: ["kind"] }}),
}});
"""


def reported(*arguments: str, key: str = "") -> tuple[int, dict[str, Any]]:
    """The exit code, and the report."""
    done = run("conformance", "--json", *arguments, environment={"CONVEX_ADMIN_KEY": key})
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def by_status(report: dict[str, Any], status: str) -> dict[str, dict[str, Any]]:
    """The checks with a status, by name."""
    return {check["name"]: check for check in report["checks"] if check["status"] == status}


def tables(db: mc.Deployment, folder: Path) -> dict[str, tuple[int, str]]:
    """The number of documents of each table that has some, and their hash."""
    file = folder / "tables.zip"
    db._open().export_snapshot(file, progress=lambda *_: None)
    found = _native.read_snapshot(file, progress=lambda *_: None).tables
    file.unlink()
    return {name: content for name, content in found.items() if content[0]}


@contextmanager
def in_use(served: Served) -> Iterator[mc.Deployment]:
    """A deployment that holds a program's own data."""
    with mc.connect(served.url, admin_key=served.admin_key) as db:
        store = mc.ConvexStore(db)
        store.memory.save_thread(mc.Thread(id="mine", resource_id="ada"))
        store.memory.save_messages([mc.Message(id=f"m{n}", thread_id="mine") for n in range(3)])
        store.background_tasks.create_task({"id": "mine", "tool_name": "search", "agent_id": "agent"})
        store.schedules.create_schedule(
            {"id": "mine", "target": {"type": "agent", "agentId": "a"}, "cron": "@daily", "next_fire_at": 0}
        )
        mc.ConvexVector(db).index("mine", 2).upsert([[1, 0]], ids=["a"])
        mc.ConvexServerCache(db, ttl_ms=0).set("mine", 1)
        yield db


def test_a_served_deployment_passes_and_is_as_it_was(tmp_path: Path) -> None:
    """All checks pass, each once, and nothing remains; a program's own data isn't changed."""
    with serve(data=tmp_path / "data") as served, in_use(served) as db:
        before = tables(db, tmp_path)
        code, report = reported(served.url, "--race", key=served.admin_key)
        assert by_status(report, "failed") == by_status(report, "unsupported") == {}
        assert (code, report["left"]) == (0, [])
        assert tables(db, tmp_path) == before
        assert mc.ConvexStore(db).memory.list_threads().total == 1
    names = [check["name"] for check in report["checks"]]
    assert len(set(names)) == len(names) == report["passed"] > 200
    assert [name.partition(".")[0] for name in names] == sorted(
        (name.partition(".")[0] for name in names), key=[*(group.__name__ for group in GROUPS), "race"].index
    )
    assert {"vectors.query.order_of_ties", "platform.values.minus_zero", "race.workflows.one_snapshot"} <= set(names)
    assert all(check.keys() == {"name", "status", "seconds"} for check in report["checks"])
    versions = report["versions"]
    assert (versions["mastra_convex"], versions["functions"]) == (mc.__version__, "mastra-convex, version 1")
    assert versions["backend"] == mc.__version__
    assert (report["target"], report["native"]) == (served.url, None)
    assert 0 < report["seconds"] < 300
    assert report["prefix"].startswith("conformance-")


def test_this_process_passes_too(tmp_path: Path) -> None:
    """A folder and a deployment in memory pass, and the text says so, group by group."""
    mc.connect(tmp_path / "data").close()
    done = run("conformance", str(tmp_path / "data"))
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{tmp_path / 'data'}: mastra-convex {mc.__version__}, Python 3.")
    assert [line.split()[0] for line in lines[2:-1]] == [group.__name__ for group in GROUPS]
    assert ", 0 failed, 0 unsupported" in lines[-1]
    assert done.stderr.startswith("Names of this run begin with conformance-")
    with mc.connect(tmp_path / "data") as db:
        assert tables(db, tmp_path) == {}
    done = run("conformance", ":memory:", "--only", "threads", "--only", "native")
    assert done.returncode == 0, done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[2:4]] == ["threads", "native"]
    assert "recall@10 1.000" in done.stdout


def test_the_native_index_needs_its_table(tmp_path: Path) -> None:
    """Where the schema lacks the table, the check is unsupported and names the line; with it, recall is measured."""
    with serve(data=":memory:") as served:
        code, report = reported(served.url, "--only", "native", key=served.admin_key)
    [check] = report["checks"]
    assert (code, check["name"], check["status"]) == (0, "native.table.is_declared", "unsupported")
    assert f"{NATIVE.table_name}: defineMastraNativeVectorTable({{ dimensions: 64" in check["reason"]
    with serve(data=":memory:", functions=functions_with(tmp_path / "convex", {"schema.ts": DECLARED})) as served:
        code, report = reported(served.url, "--only", "native", key=served.admin_key)
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            assert tables(db, tmp_path) == {}
    assert (code, report["failed"], report["unsupported"], report["left"]) == (0, 0, 0, [])
    assert (report["native"]["rows"], report["native"]["recall_at_10"]) == (1000, 1)
    assert report["native"]["median_ms"].keys() == {"native", "exact"}


# A module, what is changed in it, and the checks of a group that find it.
FAULTS = [
    (
        "operations/messages.ts",
        'order: "desc",\n    }).first()',
        'order: "asc",\n    }).first()',
        {"messages.pop.newest"},
    ),
    (
        "operations/threads.ts",
        "metadata: mergeMetadata(thread.metadata, metadata),",
        "metadata,",
        {"threads.update.merges_metadata"},
    ),
    (
        "model/records.ts",
        "(row[field] ?? null) === (value ?? null)",
        "field in row || value == null",
        {f"tasks.update.expects_{what}" for what in ("other_status", "no_owner", "other_lease")},
    ),
    (
        "queries.ts",
        "limit ?? 100",
        "(limit ?? 100) - 1",
        {f"live.messages.{name}" for name in ("follow", "last_newest_first", "first", "newest_first")},
    ),
]


@pytest.mark.parametrize(("module", "old", "new", "found"), FAULTS, ids=[module for module, *_ in FAULTS])
def test_a_fault_is_found_and_cleaned_up_after(
    tmp_path: Path, module: str, old: str, new: str, found: set[str]
) -> None:
    """A fault of the functions fails the checks that are about it, which say what they expected and found."""
    path = f"mastra/{module}"
    source = (OURS / path).read_text()
    assert source.count(old) == 1
    folder = functions_with(tmp_path / "convex", {path: source.replace(old, new)})
    mc.connect(tmp_path / "data", functions=folder).close()
    group = min(found).partition(".")[0]
    code, report = reported(str(tmp_path / "data"), "--functions", str(folder), "--only", group)
    failed = by_status(report, "failed")
    assert (code, set(failed), report["left"]) == (1, found, [])
    for check in failed.values():
        assert check["expected"]
        assert check["expected"] != check["found"]
    with mc.connect(tmp_path / "data", functions=folder) as db:
        assert tables(db, tmp_path) == {}


def test_a_group_that_cannot_go_on_is_a_failed_check(tmp_path: Path) -> None:
    """An error between two checks fails the check that the group runs to its end, and other groups go on."""
    source = (OURS / "mastra/operations/vectors.ts").read_text()
    begin = source.index("const upsertVectors = writeRows({")
    handler = source.index("=> {\n", begin) + len("=> {\n")
    broken = source[:handler] + '    throw new Error("out of order");\n' + source[handler:]
    folder = functions_with(tmp_path / "convex", {"mastra/operations/vectors.ts": broken})
    done = run("conformance", ":memory:", "--functions", str(folder), "--only", "vectors", "--only", "resources")
    assert done.returncode == 1
    assert (
        "✗ vectors.runs_to_its_end\n    expected: no error\n    found: FunctionError (Error): Uncaught" in done.stdout
    )
    assert "out of order" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("3 passed, 1 failed, 0 unsupported")


def test_older_backends_lack_something() -> None:
    """A backend without commit timestamps can't keep a mirror; all else passes."""
    embedded = _native.EmbeddedDeployment(
        None, functions=None, limits="convex", synchronous="full", lacks=["getSnapshotTs", "commitTs"]
    )
    server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
    code, report = reported(server.url, "--only", "search", "--only", "vectors", key=server.admin_key)
    server.stop()
    assert (code, report["failed"]) == (0, 0)
    lacking = by_status(report, "unsupported")
    assert set(lacking) == {f"search.mirror.{name}" for name in ("cosine", "dotproduct", "euclidean", "sees_writes")}
    assert "this deployment is searched by 'pages'" in lacking["search.mirror.cosine"]["reason"]


def test_a_failed_deletion_is_reported_and_the_rest_is_deleted(tmp_path: Path) -> None:
    """If something can't be deleted, the report says what and why, the rest is deleted, and the exit code is 1."""
    threads = (OURS / "mastra/operations/threads.ts").read_text()
    before = "  const ofThread ="
    assert threads.count(before) == 1
    broken = threads.replace(before, '  if (id) throw new Error("out of order");\n' + before)
    folder = functions_with(tmp_path / "convex", {"mastra/operations/threads.ts": broken})
    mc.connect(tmp_path / "data", functions=folder).close()
    arguments = [str(tmp_path / "data"), "--functions", str(folder), "--only", "resources", "--only", "observations"]
    code, report = reported(*arguments)
    assert (code, report["failed"]) == (1, 0)
    [left] = report["left"]
    assert left.startswith("thread: ")
    assert "out of order" in left
    with mc.connect(tmp_path / "data", functions=folder) as db:
        remaining = tables(db, tmp_path)
    assert "mastra_threads" in remaining
    assert "mastra_resources" not in remaining


def test_interrupted_it_still_deletes_what_it_wrote(tmp_path: Path) -> None:
    """An interrupted run deletes its records and exits as an interrupted program."""
    with serve(data=":memory:") as served, mc.connect(served.url, admin_key=served.admin_key) as db:
        command = [COMMAND, "conformance", served.url]
        environment = ENVIRONMENT | {"CONVEX_ADMIN_KEY": served.admin_key}
        with subprocess.Popen(
            command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stderr is not None
            while not process.stderr.readline().startswith("Checking"):
                pass
            while not tables(db, tmp_path):
                pass
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (130, "")
        assert err.startswith("Deleting what the checks wrote (")
        assert err.endswith("Interrupted.\n")
        assert tables(db, tmp_path) == {}


def test_a_deployment_that_goes_away_ends_the_run(tmp_path: Path) -> None:
    """The run ends at once, with the exit code of a deployment that can't be reached, and says what remains."""
    with serve(data=":memory:") as served:
        command = [COMMAND, "conformance", served.url]
        environment = ENVIRONMENT | {"CONVEX_ADMIN_KEY": served.admin_key}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stderr is not None
        while not process.stderr.readline().startswith("Checking"):
            pass
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (4, "")
    assert "This remains: all whose names begin with conformance-" in err


def test_a_target_that_cannot_be_checked_is_told(tmp_path: Path) -> None:
    """Each reason has the exit code that other commands have for it, and a message."""
    with serve(data=":memory:") as served, serve(data=":memory:", functions=FUNCTIONS / "plain") as plain:
        for target, key, code, says in [
            (served.url, "convex-self-hosted|00", 6, "isn't this deployment's"),
            (served.url, "", 5, "need an admin key"),
            (plain.url, plain.admin_key, 5, "mastra-convex init"),
            ("http://127.0.0.1:1", served.admin_key, 4, "Is the deployment running"),
            (str(tmp_path / "nowhere"), "", 2, "nowhere is not a data folder"),
            (":memory:", "", 2, "--only nothing; expected one of: platform, tables, threads"),
        ]:
            only = ["--only", "nothing"] if target == ":memory:" else []
            done = run("conformance", target, *only, environment={"CONVEX_ADMIN_KEY": key})
            assert (done.returncode, done.stdout) == (code, ""), target
            assert says in done.stderr
    done = run("conformance", environment=dict.fromkeys(("CONVEX_URL", "CONVEX_SELF_HOSTED_URL"), ""))
    assert done.returncode == 2
    assert "CONVEX_URL" in done.stderr


def test_where_npms_functions_differ_is_no_fault(tmp_path: Path) -> None:
    """Operations that npm ``@mastra/convex`` lacks or does differently are unsupported, with the reason."""
    script = FUNCTIONS / "original" / "bundle.js"
    subprocess.run(["node", str(script), str(tmp_path)], check=True, capture_output=True, timeout=60)
    groups = [argument for group in ("resources", "items", "live") for argument in ("--only", group)]
    code, report = reported(":memory:", "--functions", str(tmp_path), *groups)
    assert (code, report["failed"], report["left"]) == (0, 0, [])
    assert report["versions"]["functions"] == "npm @mastra/convex"
    reasons = {name: check["reason"] for name, check in by_status(report, "unsupported").items()}
    assert "have no 'putItems' for mastra_items" in reasons["items.put.round_trip"]
    assert reasons["live.thread.follows"].startswith(
        "npm's functions differ: expected no error, found FunctionNotFound"
    )
