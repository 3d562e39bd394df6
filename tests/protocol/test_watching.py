"""`serve --watch` loads functions again when their files change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import pytest

import mastra_convex as mc
from tests.support.command import run
from tests.support.served import Served

SAYS = """
import {{ query, mutation }} from "./_generated/server";
import {{ word }} from "./words";

export const say = query(async ({{ db }}) => `{text} ${{word}} ${{(await db.query("notes").collect()).length}}`);
export const add = mutation(async ({{ db }}) => {{ await db.insert("notes", {{ text: "a" }}); }});
"""

SCHEMA = """
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({ notes: defineTable({ text: v.FIELD() }).index("by_text", ["text"]) });
"""


class Watched:
    """A server that watches its functions, and the events of its log as they come."""

    def __init__(self, functions: Path) -> None:
        command = [sys.executable, "-m", "mastra_convex", "serve", "--port", "0", "--json", "--data", ":memory:"]
        command += ["--log-format", "json", "--functions", str(functions), "--watch"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.served = Served(**json.loads(self.process.stdout.readline()))
        self.events: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.reader = Thread(target=self._read)
        self.reader.start()
        assert self.next()["event"] == "serving"

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.events.put(json.loads(line))

    def next(self) -> dict[str, Any]:
        """The next event of the log."""
        return self.events.get(timeout=30)

    def close(self) -> None:
        """Stop the server."""
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0
        self.reader.join()
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    (tmp_path / "says.ts").write_text(SAYS.format(text="one"))
    (tmp_path / "words.ts").write_text('export const word = "note";')
    (tmp_path / "schema.ts").write_text(SCHEMA.replace("FIELD", "string"))
    return tmp_path


@pytest.fixture
def watched(functions: Path) -> Iterator[Watched]:
    watched = Watched(functions)
    yield watched
    watched.close()


def test_changed_functions_are_loaded_and_live_queries_run_again(watched: Watched, functions: Path) -> None:
    with mc.connect(watched.served.url) as db, db.subscribe("says:say") as states:
        assert next(states) == "one note 0"
        (functions / "says.ts").write_text(SAYS.format(text="two"))
        assert next(states) == "two note 0"
        assert watched.next()["event"] == "functions loaded"
        (functions / "words.ts").write_text('export const word = "word";')
        assert next(states) == "two word 0"
        assert watched.next()["event"] == "functions loaded"
        db.mutation("says:add")
        assert next(states) == "two word 1"


def test_a_broken_state_is_refused_with_file_and_line_and_the_old_one_goes_on(
    watched: Watched, functions: Path
) -> None:
    with mc.connect(watched.served.url) as db:
        db.mutation("says:add")
        (functions / "says.ts").write_text("export const a = 1;\nexport const say = query(;\n")
        refused = watched.next()
        assert (refused["event"], refused["level"]) == ("functions refused", "error")
        assert "says.ts:2" in refused["reason"]
        assert db.query("says:say") == "one note 1"
        (functions / "says.ts").write_text(SAYS.format(text="three"))
        assert watched.next()["event"] == "functions loaded"
        assert db.query("says:say") == "three note 1"
        # A schema that the data don't match.
        (functions / "schema.ts").write_text(SCHEMA.replace("FIELD", "number"))
        refused = watched.next()
        assert refused["event"] == "functions refused"
        assert "notes" in refused["reason"]
        db.mutation("says:add")
        assert db.query("says:say") == "three note 2"


def test_only_a_folder_can_be_watched(tmp_path: Path) -> None:
    done = run("serve", "--data", str(tmp_path), "--watch")
    assert done.returncode == 2
    assert "serve: --watch needs --functions" in done.stderr
