"""The blocks of the documents run, and print the output on the pages."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import copy, copytree, ignore_patterns, rmtree
from typing import Any

import pytest

import mastra_convex as mc
from tests.documents.pages import Block, Reader, blocks, is_shell
from tests.support.checkout import ROOT

PAGES = {
    path.relative_to(ROOT).as_posix(): blocks(path)
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]
    if path.name != "differences.md"  # made of examples that ran: test_differences.py
    and path.parent.name != "adapters"  # each runs beside its framework: tests/adapters
}

# Commands that can't be run here, by a part of their text, and the reason. They must still be valid commands.
NOT_FOLLOWED = {
    "pip install": "installs this checkout, which CI does by the README's own words",
    "npm install": "brings from a registry what node_modules has",
    "npx tsx": "runs what the test runs by Node alone",
    "npx convex deploy": "needs an account of Convex",
    "happy-otter": "needs a deployment of Convex",
    ".venv/bin/just": "builds, or runs everything, this test included",
}

# The rows of the tables of filter operators: operators, an example, the matching rows.
OPERATORS = re.findall(
    r"^\| ([^|]*`\$[^|]*) \| [^|]* \| `(\{.*\})` \| ?(.*?) ?\|$",
    (ROOT / "docs/guides/quick_start.md").read_text(),
    re.MULTILINE,
)
COMPILED = (ROOT / "rust/scan/src/filter/compile.rs").read_text()


@pytest.mark.parametrize("page", [name for name, shown in PAGES.items() if shown])
def test_a_page_can_be_followed_to_the_letter(page: str, tmp_path: Path) -> None:
    """Each block runs, in order and in one folder, and prints the output on the page. TypeScript type-checks."""
    reader = Reader(tmp_path)
    try:
        for block in PAGES[page]:
            follow(reader, block)
        reader.check_types()
    finally:
        reader.close()


def follow(reader: Reader, block: Block) -> None:
    """Run a block, and check its output."""
    if block.language == "sh" and (reason := not_followed(block)):
        assert is_shell(block), reason
        return
    assert (block.code, reader.follow(block)) == (block.code, block.printed)


@pytest.mark.timeout(600)
def test_pages_can_be_followed_in_any_order_and_again(tmp_path: Path) -> None:
    """Pages can be followed in one folder, in any order and again, and print the same."""
    for page in [*PAGES, *reversed(PAGES)]:
        # An export doesn't replace files, and an import doesn't replace tables.
        for exported in ("agent.zip", "backup.zip", "while-it-runs.zip"):
            (tmp_path / exported).unlink(missing_ok=True)
        rmtree(tmp_path / "copy", ignore_errors=True)
        reader = Reader(tmp_path)
        try:
            for block in PAGES[page]:
                follow(reader, block)
        finally:
            reader.close()


def not_followed(block: Block) -> str | None:
    """The reason why commands can't be run here, if they can't."""
    return next((reason for text, reason in NOT_FOLLOWED.items() if text in block.code), None)


def test_every_exception_is_one() -> None:
    """Every listed exception occurs in a page."""
    code = "".join(block.code for shown in PAGES.values() for block in shown)
    assert [text for text in NOT_FOLLOWED if text not in code] == []


@pytest.fixture(scope="module")
def papers() -> Iterator[mc.VectorIndex]:
    """The rows that the quick start filters."""
    [code] = [block.code for block in PAGES["docs/guides/quick_start.md"] if "papers.upsert" in block.code]
    with mc.connect(":memory:") as db:
        session: dict[str, Any] = {"mc": mc, "db": db}
        exec(code, session)
        yield session["papers"]


@pytest.mark.parametrize(("operators", "example", "ids"), OPERATORS)
def test_an_operator_admits_what_the_guide_says(papers: mc.VectorIndex, operators: str, example: str, ids: str) -> None:
    """The example of each operator matches the rows that the guide's table lists."""
    named = re.findall(r"\$\w+", operators)
    assert any(f'"{name}"' in example for name in named) or "none" in operators
    assert ", ".join(hit.id for hit in papers.query(filter=ast.literal_eval(example))) == ids


def test_all_operators_are_documented() -> None:
    """Every operator that the filter compiler knows is in the guide and in `help()`."""
    lists = re.findall(r"FIELDS: \[&str; \d+\] = \[(.*?)\];", COMPILED, re.DOTALL)
    known = {name for names in lists for name in re.findall(r"\$\w+", names)}
    assert len(known) == 19
    assert {name for operators, _, _ in OPERATORS for name in re.findall(r"\$\w+", operators)} == known
    assert mc.ConvexVector.query.__doc__ is not None
    assert set(re.findall(r"``(\$\w+)``", mc.ConvexVector.query.__doc__)) == known


def test_every_block_is_of_a_known_language() -> None:
    """The tests couldn't run a block in another language."""
    languages = {block.language for shown in PAGES.values() for block in shown}
    assert languages <= {"python", "sh", "ts", "diff"}


def walk(title: str) -> str:
    """The patches of a walk of CONTRIBUTING.md, as one patch."""
    text = (ROOT / "CONTRIBUTING.md").read_text()
    [section] = [part for part in text.split("\n## ") if part.startswith(title)]
    return "".join(re.findall(r"^```diff\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


def test_a_newcomers_first_change_applies_to_the_tree() -> None:
    """The patches of the first walk of CONTRIBUTING.md apply to the tree."""
    patch = walk("A first change, start to finish")
    done = subprocess.run(["git", "apply", "--check"], input=patch, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert patch.count("+++ b/") == 4


# Runs the tests of a domain against the functions in its own checkout, without a build.
RUN_DOMAIN = """
import pytest

import mastra_convex as mc


@pytest.fixture
def deployment(tmp_path):
    with mc.connect(tmp_path, functions="convex") as deployment:
        yield deployment
"""


def test_a_new_domain_is_new_files_and_its_place_in_two_lists(tmp_path: Path) -> None:
    """The walk applies to a copy of the tree, where its own tests pass."""
    patch = walk("A new domain, start to finish")
    lists = ["convex/mastra/tables/list.ts", "python/mastra_convex/_async/store/domains.py"]
    changed = re.findall(r"^--- a/(.*)$", patch, re.MULTILINE)
    assert changed == lists
    for folder in ("convex", "python", "tests/contract", "tests/support", "tools"):
        copytree(ROOT / folder, tmp_path / folder, ignore=ignore_patterns("__pycache__"))
    for file in ("tests/__init__.py", "vitest.config.ts", "pyproject.toml", "package.json"):
        copy(ROOT / file, tmp_path / file)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")

    def run(*command: str, stdin: str | None = None) -> None:
        environment = {**os.environ, "PYTHONPATH": str(tmp_path / "python")}
        done = subprocess.run(
            command, input=stdin, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    run("git", "init", "--quiet")
    run("git", "apply", stdin=patch)
    run(sys.executable, "tools/unasync.py")
    (tmp_path / "tests/contract/_sync/conftest.py").write_text(RUN_DOMAIN)
    run("node", "node_modules/vitest/vitest.mjs", "run", "convex/mastra/notes.test.ts")
    run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract/_sync/test_notes.py")


def test_the_tree_is_as_the_architecture_says() -> None:
    """Every file that the architecture names in full exists, and so do the folders of its table."""
    text = (ROOT / "docs/architecture.md").read_text()
    homes = ["", "convex", "convex/mastra", "convex/mastra/operations", "convex/mastra/model"]
    homes += ["python/mastra_convex", "python/mastra_convex/_async", "rust"]
    homes += [f"rust/{crate.name}/src" for crate in (ROOT / "rust").iterdir()]
    named = set(re.findall(r"`([\w./-]+(?:\.(?:py|rs|ts)|/))`", text))
    assert len(named) > 50
    assert [path for path in sorted(named) if not any((ROOT / home / path).exists() for home in homes)] == []


@pytest.mark.parametrize("crate", [path.parts[-3] for path in sorted(ROOT.glob("rust/*/src/lib.rs"))])
def test_the_documents_of_a_crate_name_modules_that_exist(crate: str) -> None:
    """A name in a crate's table of modules is a file or a folder of the crate."""
    source = ROOT / "rust" / crate / "src"
    table = re.findall(r"^//! \| (.*) \|$", (source / "lib.rs").read_text(), re.MULTILINE)
    named = {name for line in table for name in re.findall(r"`([a-z_]+(?:::[a-z_]+)*)`", line)} - {"unsafe"}
    assert named or not table
    paths = {name: source.joinpath(*name.split("::")) for name in named}
    assert [name for name, path in paths.items() if not path.with_suffix(".rs").exists() and not path.is_dir()] == []


def test_the_readme_begins_with_two_commands() -> None:
    """The README's first command installs and runs the demo; the second runs all tests, and CI reads it there."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert [block.count("\n") for block in blocks[:2]] == [1, 1]
    assert "mastra-convex demo" in blocks[0]
    assert "just" in blocks[1]
