"""`mastra-convex export` and `import` of snapshots, and npm's `npx convex export` and `import` against `serve`."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import stat
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mastra_convex as mc
from mastra_convex import _native
from tests.support.command import COMMAND, ENVIRONMENT, run
from tests.support.npx import npx
from tests.support.served import serve

ROWS = 2_000
QUERY = np.linspace(-1, 1, 64)


def fill(target: str | Path, **options: Any) -> None:
    """Write vectors, threads and messages."""
    random = np.random.default_rng(1)
    with mc.connect(target, **options) as db:
        docs = mc.ConvexVector(db).index("docs", dimension=64)
        vectors = random.standard_normal((ROWS, 64), dtype=np.float32)
        docs.upsert(vectors, ids=[f"v{i}" for i in range(ROWS)], metadata=[{"year": i % 7} for i in range(ROWS)])
        memory = mc.ConvexStore(db).memory
        memory.save_thread(mc.Thread(id="t1", resource_id="ada", title="Hello"))
        memory.save_messages([mc.Message(thread_id="t1", id=f"m{i}", content=f"Hi {i}") for i in range(50)])


def answers(target: str | Path, **options: Any) -> Any:
    """The results of the package's public functions for this data."""
    with mc.connect(target, **options) as db:
        hits = mc.ConvexVector(db).query("docs", QUERY, top_k=20, filter={"year": {"$gte": 3}})
        page = mc.ConvexStore(db).memory.list_messages("t1", per_page=7, page=3)
        return [(hit.id, hit.score.hex()) for hit in hits], [m.text for m in page], page.total


def done(*arguments: str | Path, environment: dict[str, str] | None = None) -> Any:
    """The JSON output of a command, after it succeeded."""
    ended = run(*map(str, arguments), "--json", environment=environment)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def filled_tables(report: Any) -> dict[str, Any]:
    return {name: content for name, content in report["tables"].items() if content["documents"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A filled data folder. No test writes to it."""
    path = tmp_path_factory.mktemp("source") / "agent-data"
    fill(path)
    return path


@pytest.fixture(scope="module")
def snapshot(folder: Path) -> Path:
    """The snapshot of the filled folder."""
    path = folder.parent / "snapshot.zip"
    report = done("export", folder, path)
    assert report["bytes"] == path.stat().st_size
    assert filled_tables(report).keys() >= {"mastra_messages", "mastra_threads", "mastra_vectors"}
    assert report["tables"]["mastra_vectors"]["documents"] == ROWS
    assert report["documents"] == sum(table["documents"] for table in report["tables"].values())
    return path


def documents(snapshot: Path) -> int:
    """Lines of all tables."""
    with zipfile.ZipFile(snapshot) as file:
        paths = [path for path in file.namelist() if path.endswith("/documents.jsonl") and path[0] != "_"]
        return sum(file.read(path).count(b"\n") for path in paths)


def test_a_folder_comes_back_from_its_snapshot(folder: Path, snapshot: Path, tmp_path: Path) -> None:
    """A folder imported from its snapshot has the same documents and answers, to the bits of the scores."""
    target = tmp_path / "target"
    first, second = (done("import", snapshot, target) for _ in range(2))
    assert first == second
    assert answers(target) == answers(folder)
    assert done("export", target, tmp_path / "again.zip")["tables"] == first["tables"]
    with zipfile.ZipFile(snapshot) as file:
        assert file.testzip() is None
        lines = file.read("mastra_messages/documents.jsonl").splitlines()
        assert [json.loads(line)["id"] for line in lines] == [f"m{i}" for i in range(50)]
        assert file.read("mastra_messages/generated_schema.jsonl") == b'"uniform"\n'


def test_a_served_folder_is_reached_by_its_url(folder: Path, snapshot: Path, tmp_path: Path) -> None:
    """Served folders are exported and imported by their URLs."""
    with serve(data=tmp_path / "target") as served:
        environment = {"CONVEX_ADMIN_KEY": served.admin_key}
        first, second = (done("import", snapshot, served.url, environment=environment) for _ in range(2))
        assert first == second
        assert answers(served.url, admin_key=served.admin_key) == answers(folder)
        exported = done("export", served.url, tmp_path / "again.zip", environment=environment)
        assert filled_tables(exported) == filled_tables(first)
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            mc.ConvexStore(db).memory.save_messages([mc.Message(thread_id="t1", content="new")])
        refused = run("import", str(snapshot), served.url, environment=environment)
        assert refused.returncode == 1
        assert "holds documents that the snapshot doesn't have\nNothing was changed." in refused.stderr
        replaced = done("import", snapshot, served.url, "--replace", environment=environment)
        assert replaced == first
        assert answers(served.url, admin_key=served.admin_key) == answers(folder)


@pytest.fixture
def numbered(tmp_path: Path) -> Iterator[_native.HttpServer]:
    """A deployment that keeps the numbers of its tables, as Convex does, and has one table before all others."""
    assert run("init", str(tmp_path / "app")).returncode == 0
    functions = tmp_path / "app"
    (functions / "schema.ts").write_text(
        'import { defineSchema, defineTable } from "convex/server";\nimport { v } from "convex/values";\n'
        'import { mastraTables } from "./mastra/schema";\n'
        "export default defineSchema({ a_notes: defineTable({ text: v.string() }), ...mastraTables });\n"
    )
    (functions / "notes.ts").write_text(
        'import { mutationGeneric } from "convex/server";\n'
        'export const add = mutationGeneric(async ({ db }) => void (await db.insert("a_notes", { text: "mine" })));\n'
    )
    embedded = _native.EmbeddedDeployment(
        None, functions=functions, limits="convex", synchronous="full", lacks=["renumbering"]
    )
    server = _native.HttpServer(embedded, host="127.0.0.1", port=0, folder=None)
    yield server
    server.stop()
    embedded.close()


def test_a_snapshot_comes_into_an_empty_deployment_whose_tables_have_other_numbers(
    folder: Path, snapshot: Path, numbered: _native.HttpServer, tmp_path: Path
) -> None:
    """And back into a folder, equal by hash."""
    environment = {"CONVEX_ADMIN_KEY": numbered.admin_key}
    imported = done("import", snapshot, numbered.url, environment=environment)
    assert answers(numbered.url, admin_key=numbered.admin_key) == answers(folder)
    back = done("export", numbered.url, tmp_path / "back.zip", environment=environment)
    assert filled_tables(back) == filled_tables(imported)
    assert filled_tables(done("import", tmp_path / "back.zip", tmp_path / "back")) == filled_tables(imported)
    assert answers(tmp_path / "back") == answers(folder)


@pytest.mark.parametrize("options", [[], ["--replace"]], ids=["plain", "replace"])
def test_documents_of_a_deployment_whose_tables_have_other_numbers_are_deleted_only_by_name(
    folder: Path, snapshot: Path, numbered: _native.HttpServer, options: list[str]
) -> None:
    """The error names the tables that hold documents, and the option."""
    environment = {"CONVEX_ADMIN_KEY": numbered.admin_key}
    with mc.connect(numbered.url, admin_key=numbered.admin_key) as db:
        db.mutation("notes:add")
    refused = run("import", str(snapshot), numbered.url, *options, environment=environment)
    assert refused.returncode == 1
    assert "has documents in a_notes (1). It said:" in refused.stderr
    assert "has IDs that conflict with existing table" in refused.stderr
    assert "--replace-all deletes the documents of all tables first" in refused.stderr
    done("import", snapshot, numbered.url, "--replace-all", environment=environment)
    assert answers(numbered.url, admin_key=numbered.admin_key) == answers(folder)


def test_replace_all_empties_the_other_tables_of_a_folder_too(folder: Path, snapshot: Path, tmp_path: Path) -> None:
    """--replace leaves them."""
    target = tmp_path / "target"

    def others() -> int:
        with mc.connect(target) as db:
            vector = mc.ConvexNativeVector(db, indexes={"others": mc.NativeIndex("others_vectors", dimension=2)})
            count = vector.count("others")
            vector.upsert("others", [[1, 0]], ids=["a"])
            return count

    assert others() == 0
    done("import", snapshot, target, "--replace")
    assert others() == 1
    done("import", snapshot, target, "--replace-all")
    assert others() == 0
    assert answers(target) == answers(folder)


def test_npms_command_line_exports_and_imports(folder: Path, snapshot: Path, tmp_path: Path) -> None:
    """Npm's command line imports our snapshots and exports ones that we import, in parts of the smallest size."""
    with serve(data=tmp_path / "target") as served:
        imported = npx(served, tmp_path / "project", "import", str(snapshot))
        assert imported.returncode == 0, imported.stderr
        assert f"Added {documents(snapshot)} documents" in imported.stderr
        again = npx(served, tmp_path / "project", "import", "--replace", "--yes", str(snapshot))
        assert again.returncode == 0, again.stderr
        exported = npx(served, tmp_path / "project", "export", "--path", str(tmp_path / "npx.zip"))
        assert exported.returncode == 0, exported.stderr
        refused = npx(served, tmp_path / "project", "import", "--append", str(snapshot))
        assert refused.returncode == 1
        assert (
            'mode "append": the embedded deployment knows "requireEmpty", "replace" and "replaceAll"' in refused.stderr
        )
    assert answers(tmp_path / "target") == answers(folder)
    assert done("import", tmp_path / "npx.zip", tmp_path / "other") == done(
        "import", snapshot, tmp_path / "another"
    ) | {"file": str(tmp_path / "npx.zip"), "target": str(tmp_path / "other")}


def cut(snapshot: Path, path: Path) -> None:
    path.write_bytes(snapshot.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("export", "{folder}"), 2, "Missing argument 'FILE.zip'"),
        (("export", "{tmp}/none", "{tmp}/x.zip"), 2, "/none is not a data folder"),
        (("export", "{folder}", "{snapshot}"), 2, "already exists; choose another name"),
        (("export", "{folder}", "{tmp}/none/x.zip"), 2, "No such file or directory"),
        (("export", "http://127.0.0.1:9", "{tmp}/x.zip"), 4, "can't connect to http://127.0.0.1:9"),
        (("export", "http://127.0.0.1:9", "{tmp}/x.zip", "--functions", "."), 2, "--functions applies to data folders"),
        (("import", "{tmp}/none.zip", "{tmp}/x"), 2, "there is no file"),
        (("import", "{folder}/data.sqlite3", "{tmp}/x"), 2, "expected a file that ends in .zip, .npz or .jsonl"),
        (("import", "{tmp}/text.zip", "{tmp}/x"), 2, ".zip: not a snapshot: no zip, or not the whole of one"),
        (("import", "{tmp}/cut.zip", "{tmp}/x"), 2, ".zip: not a snapshot: no zip, or not the whole of one"),
        (("import", "{snapshot}", "http://127.0.0.1:9"), 4, "can't connect to http://127.0.0.1:9"),
        (("import", "{snapshot}", "{tmp}/x", "--index", "docs"), 2, "--index and --metric apply to .npz and .jsonl"),
        (("import", "{snapshot}", "{tmp}/text.zip"), 3, "this is a file"),
    ],
)
def test_a_failed_command_prints_one_line_and_leaves_nothing(
    folder: Path, snapshot: Path, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """A failed command prints one line without a traceback, and leaves the files as they were."""
    (tmp_path / "text.zip").write_text("no zip")
    cut(snapshot, tmp_path / "cut.zip")
    places = {"folder": folder, "snapshot": snapshot, "tmp": tmp_path}
    ended = run(*(argument.format(**places) for argument in arguments), environment={"CONVEX_ADMIN_KEY": "a|b"})
    assert ended.returncode == code, ended.stderr
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    if (tmp_path / "x").exists():
        assert filled_tables(done("export", tmp_path / "x", tmp_path / "x.zip")) == {}
        (tmp_path / "x.zip").unlink()
        shutil.rmtree(tmp_path / "x")
    assert {path.name for path in tmp_path.iterdir()} == {"text.zip", "cut.zip"}


def test_a_folder_in_use_and_a_wrong_key_are_named(snapshot: Path, tmp_path: Path) -> None:
    """A folder in use and a wrong key are errors with a next step."""
    with mc.connect(tmp_path / "held"):
        for arguments in (
            ("export", tmp_path / "held", tmp_path / "x.zip"),
            ("import", snapshot, tmp_path / "held"),
        ):
            locked = run(*map(str, arguments))
            assert locked.returncode == 3
            assert "in use by another process" in locked.stderr
            assert "let that process serve it" in locked.stderr
    with serve(data=tmp_path / "served") as served:
        for arguments in (("export", served.url, tmp_path / "x.zip"), ("import", snapshot, served.url)):
            for key in ("mastra-convex|no", ""):
                refused = run(*map(str, arguments), environment={"CONVEX_ADMIN_KEY": key})
                assert refused.returncode == 6, refused.stderr
                assert "401" in refused.stderr
    assert not (tmp_path / "x.zip").exists()


@pytest.mark.parametrize("command", ["export", "import"])
def test_a_full_disk_is_named_and_nothing_is_left(folder: Path, snapshot: Path, tmp_path: Path, command: str) -> None:
    """A full disk, simulated by a limit on file sizes, is an error that leaves no file."""
    target = tmp_path / ("x.zip" if command == "export" else "x")
    source = folder if command == "export" else snapshot
    ended = subprocess.run(
        [COMMAND, command, str(source), str(target)],
        capture_output=True,
        text=True,
        timeout=60,
        env=ENVIRONMENT,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    )
    assert ended.returncode == 3, ended.stderr
    assert "no space left for" in ended.stderr
    assert "ZipWriter" not in ended.stderr
    if command == "import":
        assert filled_tables(done("export", target, tmp_path / "y.zip")) == {}
    else:
        assert list(tmp_path.iterdir()) == []


def interrupted(arguments: list[str], said: str, number: int) -> int:
    """Send a signal to a command after its first output, and return its exit code."""
    with subprocess.Popen([COMMAND, *arguments], stderr=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stderr is not None
        while said not in (line := process.stderr.readline()):
            assert line, f"it ended without {said!r}"
        process.send_signal(number)
        process.stderr.read()
        return process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_import_leaves_nothing_or_all_and_can_be_run_again(
    folder: Path, snapshot: Path, tmp_path: Path, number: int
) -> None:
    """An import that is killed or interrupted leaves nothing, or all if it had been committed, and can be run again."""
    target = tmp_path / "target"
    code = interrupted(["import", str(snapshot), str(target)], "Importing", number)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    left = filled_tables(done("export", target, tmp_path / "left.zip"))
    assert left in ({}, filled_tables(done("export", folder, tmp_path / "all.zip")))
    done("import", snapshot, target)
    assert answers(target) == answers(folder)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_export_leaves_no_file_of_that_name(folder: Path, tmp_path: Path, number: int) -> None:
    """An interrupted export leaves no file; a killed one leaves a partial file under another name."""
    file = tmp_path / "x.zip"
    interrupted(["export", str(folder), str(file)], "Exporting", number)
    left = list(tmp_path.iterdir())
    assert [path.name.startswith(".mastra-convex-") for path in left] == [True] * (number == signal.SIGKILL)
    done("export", folder, file)
    assert sorted(tmp_path.iterdir()) == sorted([file, *left])


def test_an_export_is_its_owners_alone_and_leaves_other_files(folder: Path, tmp_path: Path) -> None:
    """An export leaves a user's file alone that is named like its partial file, whether it succeeds or fails."""
    mine = tmp_path / "x.zip.part"
    mine.write_text("mine")
    done("export", folder, tmp_path / "x.zip")
    assert stat.S_IMODE((tmp_path / "x.zip").stat().st_mode) == 0o600
    assert run("export", str(folder), str(tmp_path / "x.zip")).returncode == 2
    assert mine.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.zip", "x.zip.part"]


def test_uploads_are_taken_part_by_part(snapshot: Path) -> None:
    """Uploads accept parts in order, a repeated part in its place, and one confirmation, as Convex does."""
    data = snapshot.read_bytes()
    with serve(data=":memory:") as served:
        admin = {"Authorization": f"Convex {served.admin_key}", "Content-Type": "application/json"}

        def post(path: str, body: bytes | str = "", headers: dict[str, str] = admin) -> tuple[int, Any]:
            return served.send("POST", path, body, headers)[:2]

        assert post("/api/import/start_upload", headers={})[0] == 401
        token = post("/api/import/start_upload")[1]["uploadToken"]
        part: Callable[[int, bytes], tuple[int, Any]] = lambda number, body: post(  # noqa: E731
            f"/api/import/upload_part?uploadToken={token}&partNumber={number}", body
        )
        assert part(2, b"x")[0] == 400
        half = len(data) // 2
        names = [part(1, b"x" * 10_000_000)[1], part(1, data[:half])[1], part(2, data[half:])[1]][1:]
        finish = {"import": {"format": "zip", "mode": "requireEmpty"}, "uploadToken": token, "partTokens": names}
        assert post("/api/import/finish_upload", json.dumps(finish | {"partTokens": []}))[0] == 400
        assert post("/api/import/finish_upload", json.dumps(finish)) == (200, {"importId": token})
        assert part(3, b"x")[0] == 400
        perform = json.dumps({"importId": token})
        assert post("/api/perform_import", perform)[0] == 200
        assert post("/api/perform_import", perform)[0] == 400
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            for state in db.subscribe("_system/cli/queryImport", {"importId": token}):
                if state["state"]["state"] != "in_progress":
                    break
            assert state["state"] == {"state": "completed", "num_rows_written": mc.Int64(documents(snapshot))}
            assert db.query("_system/cli/queryImport:list") == [state]
        with pytest.raises(mc.FunctionNotFoundError), mc.connect(served.url) as db:
            db.query("_system/cli/queryImport:list")
        assert answers(served.url, admin_key=served.admin_key)[2] == 50
        assert served.send("GET", "/api/export/zip/1", None, admin)[0] == 400
