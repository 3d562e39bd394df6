"""`mastra-convex init` writes the Convex functions, and never loses a user's changes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import mastra_convex as mc
from mastra_convex import _native
from mastra_convex._cli import generated
from mastra_convex._cli.init import files_of
from tests.support.checkout import FUNCTIONS, ROOT
from tests.support.command import COMMAND, ENVIRONMENT, run
from tests.support.served import serve

SOURCES = {path: text.encode() for path, text in _native.builtin_files().items()}
MANIFEST = "mastra/.mastra-convex.json"
APP = files_of(is_component=False)
GENERATED = {path: text.encode() for path, text in generated.files_of(Path("nowhere"), APP).items()}
OURS = {path: text.encode() for path, text in APP.items()} | GENERATED
COMPONENT = {path: text.encode() for path, text in files_of(is_component=True).items()}
EXAMPLE = ROOT / "docs/examples/component"
PROJECT = FUNCTIONS / "project"


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("**/*") if path.is_file()}


def actions(folder: Path, *options: str) -> dict[str, str]:
    """The actions that `init --json` reports, by path, after it succeeded."""
    done = run("init", str(folder), "--json", *options)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert report.keys() == {"folder", "files"}
    assert report["folder"] == str(folder)
    assert all(file.keys() == {"path", "action"} for file in report["files"])
    return {file["path"]: file["action"] for file in report["files"]}


def test_the_folder_holds_the_functions_as_they_are(tmp_path: Path) -> None:
    """The folder, created with its parents, holds every file of `convex/` but the tests."""
    folder = tmp_path / "app" / "convex"
    assert set(actions(folder).values()) == {"written"}
    sources = {path: text for path, text in files_in(ROOT / "convex").items() if path.endswith(".ts")}
    tests = {path for path in sources if path.endswith(".test.ts")} | {"test.setup.ts"}
    written = files_in(folder)
    manifest = json.loads(written.pop(MANIFEST))
    for path in GENERATED:
        del written[path]
    assert written == {path: text for path, text in sources.items() if path not in tests}
    ours = {path for path in written if path.startswith("mastra/") and path != "mastra/auth.ts"}
    assert manifest == {"version": mc.__version__, "files": sorted(ours)}


def test_written_files_and_next_steps_are_shown(tmp_path: Path) -> None:
    """Each file is a line on stdout, the next steps go to stderr, and the default folder is `./convex`."""
    done = subprocess.run([COMMAND, "init"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()) == sorted(f"written    convex/{path}" for path in OURS)
    assert "mastra-convex serve --functions convex " in done.stderr
    assert "npx convex deploy " in done.stderr
    assert "import" not in done.stderr


def test_again_changes_nothing(tmp_path: Path) -> None:
    """Running init again touches no file."""
    actions(tmp_path)
    for path in OURS:
        os.utime(tmp_path / path, ns=(0, 0))
    assert actions(tmp_path) == actions(tmp_path, "--force") == dict.fromkeys(OURS, "unchanged")
    assert {(tmp_path / path).stat().st_mtime_ns for path in OURS} == {0}


def test_a_file_that_is_missing_is_written_beside_the_others(tmp_path: Path) -> None:
    """A missing file, such as one of a newer version, is written."""
    actions(tmp_path)
    (tmp_path / "mastra" / "cache.ts").unlink()
    assert actions(tmp_path) == dict.fromkeys(OURS, "unchanged") | {"mastra/cache.ts": "written"}
    assert files_in(tmp_path) == OURS


def test_a_file_of_ours_that_differs_is_replaced_only_when_told(tmp_path: Path) -> None:
    """A file of mastra/ that differs is an error with its name, and is replaced only with `--force`."""
    changed = tmp_path / "mastra" / "operations" / "storage.ts"
    changed.parent.mkdir(parents=True)
    changed.write_text("// changed")
    done = run("init", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: init: 1 files differ")
    assert str(changed) in done.stderr
    assert "--force" in done.stderr
    assert files_in(tmp_path) == {"mastra/operations/storage.ts": b"// changed"}
    assert actions(tmp_path, "--force") == dict.fromkeys(OURS, "written") | {"mastra/operations/storage.ts": "replaced"}
    assert files_in(tmp_path) == OURS


def test_a_file_that_this_version_lacks_is_removed_only_when_told(tmp_path: Path) -> None:
    """`--force` removes files of an older version, and keeps the user's own files."""
    actions(tmp_path)
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["version"] = "0.0.1"
    manifest["files"] += ["mastra/model/old.ts", "mastra/gone.ts", "schema.ts", "mastra/../mine.ts"]
    for path in ("mastra/model/old.ts", "mastra/mine.ts", "mine.ts"):
        (tmp_path / path).write_text("// mine or old")
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    done = run("init", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"nothing was written:\n  {tmp_path / 'mastra/model/old.ts'}\n--force overwrites them" in done.stderr
    assert actions(tmp_path, "--force") == dict.fromkeys(OURS, "unchanged") | {
        MANIFEST: "replaced",
        "mastra/model/old.ts": "removed",
    }
    assert files_in(tmp_path) == OURS | {"mastra/mine.ts": b"// mine or old", "mine.ts": b"// mine or old"}


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"files": [1]}', '{"version": "0.0.1"}'])
def test_a_manifest_that_is_none_tells_nothing(tmp_path: Path, manifest: str) -> None:
    actions(tmp_path)
    (tmp_path / MANIFEST).write_text(manifest)
    assert actions(tmp_path) == dict.fromkeys(OURS, "unchanged") | {MANIFEST: "replaced"}


def test_a_full_disk_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    """On a full disk the error names the file, and no part of any file is left."""
    (tmp_path / "mine.ts").write_text("// mine")
    command = ["bash", "-c", f"ulimit -f 12; {COMMAND} init {tmp_path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.match(rf"Error: init: {tmp_path}/mastra/\S+\.ts: File too large; expected a writable folder", done.stderr)
    assert files_in(tmp_path) == {"mine.ts": b"// mine"}


@pytest.mark.parametrize("options", [[], ["--force"]], ids=["", "force"])
def test_a_schema_and_files_of_the_users_own_are_kept(tmp_path: Path, options: list[str]) -> None:
    """A user's schema and files are kept, and the output says what such a schema lacks."""
    own = {
        "schema.ts": b"export default defineSchema({});",
        "auth.config.ts": b"export default { providers: [/* mine */] };",
        "mastra/auth.ts": b"export const access = { queries: () => true };",
        "mastra/mine.ts": b"// mine",
    }
    for path, text in own.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(text)
    kept = {"schema.ts": "kept", "auth.config.ts": "kept", "mastra/auth.ts": "kept"}
    assert actions(tmp_path, *options) == dict.fromkeys(OURS, "written") | kept
    assert files_in(tmp_path) == OURS | own
    lacking = run("init", str(tmp_path), *options)
    assert f"kept       {tmp_path / 'schema.ts'}" in lacking.stdout
    assert 'import { mastraTables } from "./mastra/schema";' in lacking.stderr
    shutil.copy(PROJECT / "schema.ts", tmp_path)
    complete = run("init", str(tmp_path), *options)
    assert f"kept       {tmp_path / 'schema.ts'}" in complete.stdout
    assert "import" not in complete.stderr


@pytest.mark.parametrize(
    ("there", "named", "why"),
    [
        ("convex", "convex/auth.config.ts", "Not a directory"),
        ("convex/mastra/storage.ts/x", "convex/mastra/storage.ts", "Is a directory"),
        ("convex/schema.ts/x", "convex/schema.ts", "Is a directory"),
    ],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, there: str, named: str, why: str) -> None:
    """A folder that can't be written is an error with its name, and nothing is written."""
    (tmp_path / there).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / there).write_text("")
    done = run("init", str(tmp_path / "convex"))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"Error: init: {tmp_path / named}: {why}; expected a writable folder\n"
    assert files_in(tmp_path) == {there: b""}


def test_a_component_has_the_same_functions_and_schema(tmp_path: Path) -> None:
    """Only a constant, the rules and the configuration differ, and there are no users whose tokens are accepted."""
    assert set(actions(tmp_path, "--component").values()) == {"written"}
    assert files_in(tmp_path) == COMPONENT
    differing = {path for path in SOURCES if COMPONENT.get(path) != SOURCES[path]}
    assert differing == {"auth.config.ts", "mastra/auth.ts", "mastra/model/component.ts"}
    assert COMPONENT.keys() - OURS.keys() == {"convex.config.ts"}
    assert "auth.config.ts" not in COMPONENT
    assert b'export default defineComponent("mastra");' in COMPONENT["convex.config.ts"]
    assert b"isComponent: boolean = true;" in COMPONENT["mastra/model/component.ts"]
    assert json.loads(COMPONENT[MANIFEST]) == json.loads(OURS[MANIFEST])


def test_a_component_is_updated_and_the_users_files_in_it_are_kept(tmp_path: Path) -> None:
    actions(tmp_path, "--component")
    own = {
        "schema.ts": b"export default defineSchema({});",
        "convex.config.ts": b'export default defineComponent("memory");',
        "_generated/api.ts": b"",
    }
    for path, text in own.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(text)
    (tmp_path / "mastra/cache.ts").write_text("// of an older version")
    done = run("init", str(tmp_path), "--component")
    assert (done.returncode, "mastra/cache.ts" in done.stderr) == (2, True)
    kept = {"schema.ts": "kept", "convex.config.ts": "kept", "mastra/cache.ts": "replaced"}
    assert actions(tmp_path, "--component", "--force") == dict.fromkeys(COMPONENT, "unchanged") | kept
    assert files_in(tmp_path) == COMPONENT | own


@pytest.mark.parametrize("options", [[], ["--force"]], ids=["", "force"])
@pytest.mark.parametrize(
    ("written", "options_there", "folder", "asked", "said"),
    [
        (
            "convex",
            [],
            "convex",
            ["--component"],
            "convex isn't a component and has files (_generated, auth.config.ts, mastra, ",
        ),
        ("convex", [], "convex/mastra", ["--component"], "convex/mastra isn't a component and has files (auth.ts, "),
        (
            "convex",
            ["--component"],
            "convex",
            [],
            "convex is a component, by its convex.config.ts; expected an app's folder",
        ),
        ("convex/mastra", ["--component"], "convex", [], "convex/mastra is a component, by its convex.config.ts; "),
    ],
)
def test_an_app_and_a_component_never_share_a_folder(
    tmp_path: Path,
    written: str,
    options_there: list[str],
    folder: str,
    asked: list[str],
    said: str,
    options: list[str],
) -> None:
    """Functions of an app would be lost to it in the folder of a component, and the other way round."""
    actions(tmp_path / written, *options_there)
    before = files_in(tmp_path)
    done = run("init", str(tmp_path / folder), *asked, *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: init: {tmp_path}/{said}")
    assert "nothing was written\n" in done.stderr
    assert "`mastra-convex init --component " in done.stderr
    assert files_in(tmp_path) == before


def test_a_component_goes_beside_the_functions_of_its_app(tmp_path: Path) -> None:
    """The default folder is in `./convex`. Hidden files don't make it another's."""
    actions(tmp_path / "convex")
    folder = tmp_path / "convex/components/mastra"
    folder.mkdir(parents=True)
    (folder / ".gitkeep").write_text("")
    done = subprocess.run([COMMAND, "init", "--component"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert files_in(folder) == COMPONENT | {".gitkeep": b""}
    assert 'import mastra from "./components/mastra/convex.config";' in done.stderr
    assert 'component="mastra"' in done.stderr
    assert set(actions(tmp_path / "convex").values()) == {"unchanged"}


def test_an_app_with_the_component_type_checks(tmp_path: Path) -> None:
    """The example's functions, and the component that they call, strictly with the real `convex`."""
    shutil.copytree(EXAMPLE / "convex", tmp_path / "convex", ignore=shutil.ignore_patterns("*.test.ts"))
    actions(tmp_path / "convex/components/mastra", "--component")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    shutil.copy(PROJECT / "tsconfig.json", tmp_path / "convex")
    check = [str(ROOT / "node_modules/.bin/tsc"), "--project", "convex"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project after `init`, with functions and a table of their own."""
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    shutil.copytree(PROJECT, tmp_path / "convex")
    assert actions(tmp_path / "convex")["schema.ts"] == "kept"
    return tmp_path


def test_the_functions_type_check_in_a_users_project(project: Path) -> None:
    """The functions type-check strictly in a project with the real `convex`, and a wrong type of the user's is
    found.
    """
    check = [str(ROOT / "node_modules" / ".bin" / "tsc"), "--project", "convex"]
    done = subprocess.run(check, cwd=project, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    module = project / "convex" / "bookmarks.ts"
    module.write_text(module.read_text().replace("thread?.title", "thread?.subtitle"))
    done = subprocess.run(check, cwd=project, capture_output=True, text=True, timeout=60)
    assert "convex/bookmarks.ts" in done.stdout
    assert "'subtitle' does not exist" in done.stdout


USES = """
import { api, internal } from "./_generated/api";
import type { Doc, Id } from "./_generated/dataModel";
import { action, internalQuery, type QueryCtx } from "./_generated/server";
import { v } from "convex/values";

const titleOf = async ({ db }: QueryCtx, id: Id<"mastra_threads">): Promise<Doc<"mastra_threads">["title"] | null> =>
  (await db.get(id))?.title ?? null;

export const title = internalQuery({
  args: { id: v.id("mastra_threads") },
  handler: async (ctx, { id }) => await titleOf(ctx, id),
});

export const both = action(async (ctx): Promise<[number, string | null]> => {
  const titles: string[] = await ctx.runQuery(api.bookmarks.list, {});
  const id = titles[0] as Id<"mastra_threads">;
  return [titles.length, await ctx.runQuery(internal["trip-notes"].uses.title, { id })];
});
"""


def modules_of(types: str) -> set[str]:
    return set(re.findall(r'^  "?([\w/-]+)"?: typeof', types, re.MULTILINE))


def test_a_project_type_checks_before_anything_is_deployed_and_after_npm_wrote_its_types(tmp_path: Path) -> None:
    """`init` knows the same modules as `npx convex codegen`, which overwrites its files. Then `init` keeps npm's."""
    functions = tmp_path / "convex"
    shutil.copytree(PROJECT, functions, ignore=shutil.ignore_patterns("_generated"))
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "package.json").write_text('{"dependencies": {"convex": "*"}}')
    (functions / "trip-notes").mkdir()
    (functions / "trip-notes/uses.ts").write_text(USES.replace("./_generated", "../_generated"))
    others = {"delete.ts": "export {};", "notes.test.ts": "export {};", ".hidden.ts": "export {};", "empty.ts": "// no"}
    for path, text in others.items():
        (functions / path).write_text(text)
    done_to = actions(functions)
    assert {done_to[path] for path in GENERATED} == {"written"}
    check = [str(ROOT / "node_modules/.bin/tsc"), "--project", "convex"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")
    ours = modules_of((functions / "_generated/api.d.ts").read_text())
    assert {"bookmarks", "delete", "trip-notes/uses", "mastra/storage"} <= ours
    # npm's command without a deployment, which it would ask for the types of components.
    codegen = ["node", str(ROOT / "node_modules/convex/bin/main.js"), "codegen", "--system-udfs"]
    nowhere = {"CONVEX_SELF_HOSTED_URL": "http://127.0.0.1:9", "CONVEX_SELF_HOSTED_ADMIN_KEY": "a|b"}
    command = [*codegen, "--typecheck", "disable"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env=ENVIRONMENT | nowhere)
    assert done.returncode == 0, done.stderr
    theirs = {path: (functions / path).read_bytes() for path in GENERATED}
    assert modules_of(theirs["_generated/api.d.ts"].decode()) == ours
    done = subprocess.run(check, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "")
    done_to = actions(functions)
    assert {done_to[path] for path in GENERATED} == {"kept"}
    assert {path: (functions / path).read_bytes() for path in GENERATED} == theirs


def test_serve_runs_that_folder_with_the_users_functions_beside_ours(project: Path) -> None:
    """`serve` runs the folder, and the user's functions share tables and transactions with ours."""
    with serve(data=":memory:", functions=project / "convex") as served:
        with mc.connect(served.url, admin_key=served.admin_key) as db:
            now = "2026-01-01T00:00:00.000Z"
            record = {"id": "t1", "resourceId": "ada", "title": "Trains", "createdAt": now, "updatedAt": now}
            insert = {"op": "insert", "tableName": "mastra_threads", "record": record}
            assert db.mutation("mastra/storage:handle", insert) == {"ok": True}
            vectors = mc.ConvexVector(db).index("docs", dimension=2)
            vectors.upsert([[1, 0]], ids=["a"])
            assert [hit.id for hit in vectors.query([1, 0])] == ["a"]
        bookmark = {"threadId": "t1", "title": "Night trains", "note": "read on"}
        assert served.call("mutation", "bookmarks:add", bookmark)["status"] == "success"
        failed = served.call("mutation", "bookmarks:add", bookmark | {"title": "lost", "note": ""})
        assert "a bookmark needs a note" in failed["errorMessage"]
        assert "../convex/bookmarks.ts" in failed["errorMessage"]
        assert served.call("query", "bookmarks:list")["value"] == ["Night trains: read on"]
