"""The command line, run as a user runs it."""

from __future__ import annotations

import gzip
import json
import math
import os
import re
import signal
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mastra_convex as mc
from mastra_convex._cli import demo, terminal
from mastra_convex._cli.docstrings import Docstrings as Bundled
from mastra_convex._cli.docstrings import ExactHit
from tests.conftest import Docstrings
from tests.support import reference
from tests.support.checkout import DATA
from tests.support.command import COMMAND, ENVIRONMENT, run, run_in_terminal

ESCAPE = "\x1b"

Report = dict[str, Any]


def answers(*arguments: str) -> Report:
    """The output of `demo --json`, after it succeeded."""
    done = run("demo", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    report: Report = json.loads(done.stdout)
    return report


def without_times(report: Report) -> list[Report]:
    return [
        {key: value for key, value in question.items() if not key.endswith("_ms")} for question in report["questions"]
    ]


@pytest.fixture(scope="module")
def in_memory() -> Report:
    """One run in memory."""
    return answers()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """A folder that a run filled, and that run's output."""
    folder = tmp_path_factory.mktemp("demo") / "index"
    return folder, answers("--data", str(folder))


class Reference:
    """The demo's rows in stored order, and exact answers computed from the repository's data."""

    def __init__(self, docstrings: Docstrings) -> None:
        folder = files("mastra_convex._cli") / "demo_data"
        bundled = gzip.decompress((folder / "stdlib_docs.jsonl.gz").read_bytes()).decode().splitlines()
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in bundled]
        position = {row["id"]: at for at, row in enumerate(docstrings.rows)}
        self.embeddings = docstrings.embeddings[[position[row["id"]] for row in self.rows]]
        texts = json.loads((DATA / "queries.json").read_text())
        self.vectors = dict(zip(texts, docstrings.questions, strict=True))
        self.position = {row["id"]: at for at, row in enumerate(self.rows)}

    def check(self, question: Report, vector: np.ndarray, admitted: list[bool]) -> None:
        """Compare a question's answers with the reference."""
        scores = reference.scores(vector, self.embeddings)
        best = reference.top_k(scores, len(question["scan"]), admitted)
        assert [hit["id"] for hit in question["scan"]] == [self.rows[row]["id"] for row in best]
        assert [hit["score"].hex() for hit in question["scan"]] == [float(scores[row]).hex() for row in best]
        assert question["scan_is_exact"] is True
        if question["native"] is not None:
            rows = [self.position[hit["id"]] for hit in question["native"]]
            assert len(set(rows)) == len(rows)
            assert all(admitted[row] for row in rows)
            assert [scores[row] for row in rows] == [scores[row] for row in best]
            assert [hit["score"] for hit in question["native"]] == pytest.approx(scores[rows], rel=0, abs=2**-23)
            assert question["native_is_exact"] is True


@pytest.fixture(scope="module")
def exact(docstrings: Docstrings) -> Reference:
    return Reference(docstrings)


def admits(filter: dict[str, Any] | None, row: dict[str, Any]) -> bool:
    """The part of the filter language that the demo uses, in a few lines of its own."""
    compare = {"$gte": lambda left, right: left >= right, "$lt": lambda left, right: left < right}
    for field, condition in (filter or {}).items():
        if field == "$or":
            holds = any(admits(some, row) for some in condition)
        elif isinstance(condition, dict):
            holds = all(compare[operator](row[field], operand) for operator, operand in condition.items())
        else:
            holds = row[field] == condition
        if not holds:
            return False
    return True


def test_every_answer_of_the_demo_equals_the_float64_reference(in_memory: Report, exact: Reference) -> None:
    """The scan equals the reference to the bits of its scores; native equals it to float32, with equal scores in any
    order.
    """
    for question in in_memory["questions"]:
        admitted = [admits(question["filter"], row) for row in exact.rows]
        assert len(question["scan"]) == min(3, sum(admitted))
        exact.check(question, exact.vectors[question["text"]], admitted)


def test_the_demo_asks_ten_questions_and_filters_by_kind_public_and_length(in_memory: Report) -> None:
    """The demo asks ten questions without filters, then some with filters that both classes or only the scan
    support.
    """
    filters = [question["filter"] for question in in_memory["questions"]]
    assert [filter is None for filter in filters] == [True] * 10 + [False] * 7
    by_native = [question["filter"] for question in in_memory["questions"] if question["native"] is not None]
    assert {"kind": "class"} in by_native
    assert {"public": True} in by_native
    assert any(isinstance(filter.get("length"), dict) for filter in filters[10:])


def test_native_is_null_where_it_cannot_express_the_filter(in_memory: Report) -> None:
    """For ranges and AND, native has no hits, no time and no verdict."""
    for question in in_memory["questions"]:
        filter = question["filter"] or {}
        can = len(filter) <= 1 and not any(isinstance(condition, dict) for condition in filter.values())
        native = [question[key] for key in ("native", "native_is_exact", "native_ms")]
        assert native == [None] * 3 or can
        assert (native != [None] * 3) == can


def test_json_has_the_documented_shape(in_memory: Report) -> None:
    """The JSON output is one object of the documented shape."""
    assert in_memory.keys() == {"questions", "rows", "dimension", "load_seconds"}
    assert in_memory["rows"] >= 2000
    assert in_memory["dimension"] == 384
    assert 0 < in_memory["load_seconds"] < 30
    for question in in_memory["questions"]:
        assert list(question) == [
            *("text", "filter", "scan", "native", "scan_is_exact", "native_is_exact", "scan_ms", "native_ms")
        ]
        assert all(hit.keys() == {"id", "score"} for hit in question["scan"])
        assert question["scan_ms"] > 0


def test_one_bit_of_a_score_or_another_order_is_not_exact() -> None:
    """A scan with one wrong bit or another order is reported as not exact."""
    ranking = [ExactHit("a", 0.9), ExactHit("b", 0.5), ExactHit("c", 0.5)]
    assert demo._is_exact_scan(ranking, ranking)  # type: ignore[arg-type]
    for wrong in (
        [ExactHit("a", math.nextafter(0.9, 1)), *ranking[1:]],
        [ranking[0], ranking[2], ranking[1]],
        ranking[:2],
        [],
    ):
        assert not demo._is_exact_scan(wrong, ranking)  # type: ignore[arg-type]


def test_native_is_exact_up_to_float32_and_the_order_of_equal_scores() -> None:
    """Native with a wrong id or a score beyond float32's precision is reported as not exact."""
    ranking = [ExactHit("a", 0.9), ExactHit("b", 0.5), ExactHit("c", 0.5), ExactHit("d", 0.4)]
    for right in (
        ranking[:2],
        [ranking[0], ranking[2]],
        [ExactHit("a", float(np.float32(0.9))), ranking[1]],
    ):
        assert demo._is_exact_native(right, ranking, 2)  # type: ignore[arg-type]
    for wrong in (
        [ranking[0], ranking[3]],
        [ranking[1], ranking[0]],
        [ranking[0], ranking[0]],
        [ExactHit("a", 0.9001), ranking[1]],
        [ExactHit("filtered out", 0.9), ranking[1]],
        ranking[:1],
        [],
    ):
        assert not demo._is_exact_native(wrong, ranking, 2)  # type: ignore[arg-type]


def test_a_kept_index_is_asked_again_without_loading(kept: tuple[Path, Report], in_memory: Report) -> None:
    """A kept index gives the answers of the one in memory, without loading and without changing its file."""
    folder, first = kept
    before = (folder / "data.sqlite3").read_bytes()
    again = run("demo", "--json", "--data", str(folder))
    assert (folder / "data.sqlite3").read_bytes() == before
    assert again.stderr == f"Found {first['rows']:,} docstrings in {folder}; nothing to load.\n"
    assert without_times(json.loads(again.stdout)) == without_times(first) == without_times(in_memory)


@pytest.mark.parametrize("damage", ["scan row gone", "native row gone", "vector changed", "metadata changed"])
def test_an_index_that_is_not_whole_is_loaded_again(kept: tuple[Path, Report], damage: str) -> None:
    """An incomplete index, or one with another release's rows, is loaded again."""
    folder, first = kept
    with mc.connect(folder) as db:
        scan = mc.ConvexVector(db).index("stdlib_docs")
        place = mc.NativeIndex("stdlib_docs_vectors", 384, filter_fields=demo.FILTER_FIELDS)
        native = mc.ConvexNativeVector(db, indexes={"stdlib_docs": place}).index("stdlib_docs")
        if damage == "scan row gone":
            scan.delete_vector("json.loads")
        elif damage == "native row gone":
            native.delete_vector("json.loads")
        elif damage == "vector changed":
            scan.update_vector("json.loads", vector=np.ones(384))
        else:
            scan.update_vector("json.loads", metadata={"kind": "class"})
    again = run("demo", "--json", "--data", str(folder))
    assert "Loading docstrings" in again.stderr
    assert without_times(json.loads(again.stdout)) == without_times(first)


@pytest.mark.parametrize("where", ["memory", "folder"])
def test_like_ranks_the_others_by_a_rows_own_vector(kept: tuple[Path, Report], exact: Reference, where: str) -> None:
    """`--like` ranks all rows but the named one by its vector."""
    report = answers("--like", "json.loads", *(("--data", str(kept[0])) if where == "folder" else ()))
    (question,) = report["questions"]
    itself = exact.position["json.loads"]
    assert (question["text"], question["filter"]) == ("more like json.loads", None)
    assert len(question["scan"]) == len(question["native"]) == 10
    exact.check(question, exact.embeddings[itself], [row != itself for row in range(len(exact.rows))])
    assert question["scan"][0]["id"] == "json.load"


@pytest.mark.parametrize(
    ("id", "hint"),
    [
        ("json.lods", "Did you mean: json.loads"),
        ("JSON.LOADS", "Did you mean: json.loads"),
        ("b64encode", "Did you mean: base64.b64encode?"),
        ("%%%", "Ids are qualified names, such as json.loads."),
    ],
)
def test_an_unknown_id_is_an_error_that_names_near_ones(id: str, hint: str) -> None:
    """An unknown id is an error with similar ids, exit code 5, and nothing on stdout."""
    done = run("demo", "--like", id)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith("Error: demo: none of the 2,")
    assert hint in done.stderr


def test_an_unknown_command_or_option_is_an_error_that_names_the_near_one() -> None:
    """An unknown command or option is a usage error with a similar name and exit code 2."""
    done = run("dmeo")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No such command 'dmeo'. Did you mean 'demo'?" in done.stderr
    done = run("demo", "--dta", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--data" in done.stderr


def test_a_locked_folder_is_told_in_a_few_lines(tmp_path: Path) -> None:
    """The message names the process that holds the folder and the next step. A traceback comes only with --debug."""
    with mc.connect(tmp_path):
        done = run("demo", "--data", str(tmp_path))
        debugged = [run("demo", "--data", str(tmp_path), "--debug"), run("--debug", "demo", "--data", str(tmp_path))]
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("Error: ")
    assert str(os.getpid()) in done.stderr
    assert f"mastra-convex serve --data {tmp_path}" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    for shown in debugged:
        assert shown.returncode != 0
        assert "Traceback" in shown.stderr
        assert "LockedError" in shown.stderr


def test_a_target_that_is_no_folder_is_told(tmp_path: Path) -> None:
    """A target that isn't a folder is an error, and nothing is created there."""
    done = subprocess.run(
        [COMMAND, "demo", "--data", "https://example.convex.cloud"], capture_output=True, text=True, cwd=tmp_path
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: demo: ")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    done = run("demo", "--data", str(tmp_path / "file"))
    assert (done.returncode, done.stdout) == (3, "")
    assert "file" in done.stderr


@pytest.mark.parametrize("environment", [{}, {"COLUMNS": "80"}, {"PYTHONIOENCODING": "ascii"}], ids=str)
def test_without_a_terminal_the_output_is_plain_lines(environment: dict[str, str], in_memory: Report) -> None:
    """Without a terminal the output has no colour and no bar, and every question with both verdicts, in any
    encoding.
    """
    done = run("demo", environment=environment)
    assert done.returncode == 0, done.stderr
    assert ESCAPE not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for number, question in enumerate(in_memory["questions"], 1):
        begin = lines.index(f"{number}. {question['text']}")
        text = "\n".join(lines[begin : begin + 9])
        assert ("filter=" in text) == (question["filter"] is not None)
        assert re.search(r"ConvexVector  [\d.]+ ms  exact", text)
        assert re.search(r"ConvexNativeVector  (can't:|[\d.]+ ms  exact)", text)
        assert question["scan"][0]["id"][:20] in text
    assert "exact in 17 of 17" in done.stdout
    assert "--like" in lines[-2]
    assert "--data" in lines[-1]
    assert done.stderr.splitlines() == [
        f"Loading docstrings into {name} ({in_memory['rows']:,})" for name in ("ConvexVector", "ConvexNativeVector")
    ]
    assert max(map(len, lines[:-1])) <= 100


@pytest.mark.parametrize("columns", [80, 120])
def test_in_a_terminal_a_bar_fills_and_lines_fit(columns: int) -> None:
    """In a terminal, progress bars fill up, colours are used, and no line is wider than the terminal."""
    status, written = run_in_terminal("demo", columns=columns)
    assert status == 0, written
    assert f"{ESCAPE}[" in written
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written)
    for name in ("ConvexVector", "ConvexNativeVector"):
        assert re.search(rf"Loading docstrings into {name} +━+ (\d+)/\1", shown)
    assert max(len(line) for line in re.split(r"[\r\n]+", shown)) <= columns
    assert "exact in 17 of 17" in shown


def test_a_reader_that_leaves_early_meets_no_traceback() -> None:
    """A reader that closes the pipe early, as ``head`` does, causes no traceback."""
    with subprocess.Popen([COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert "Traceback" not in process.stderr.read()


def test_output_that_finds_no_room_is_an_error() -> None:
    """Output to a full disk is an error."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([COMMAND, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "Error: the output: No space left on device\n")


def test_a_folder_on_a_full_disk_is_an_error(tmp_path: Path) -> None:
    """On a full disk the error says that nothing was written, and the command works again when there is room."""
    command = f"{COMMAND} demo --data {tmp_path / 'demo'} --like json.loads"
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 1000; {command}"], capture_output=True, text=True, timeout=60, env=ENVIRONMENT
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "Error: no space left for the data folder" in done.stderr
    assert done.stderr.endswith("\nFree some space and try again.\n")
    again = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    assert again.returncode == 0, again.stderr


def test_interrupted_it_says_so_and_exits_with_130() -> None:
    """An interrupted command says so and exits with 130, without a traceback."""
    with subprocess.Popen([COMMAND, "demo"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("Interrupted.\n")
    assert "Traceback" not in err


def test_without_a_terminal_a_long_task_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal, a long task prints a line when it begins, then one every few seconds."""
    with terminal.bars() as bars:
        report = bars.add("Loading", 3000)
        report(1000, 3000)
        monkeypatch.setattr(terminal, "SECONDS_A_LINE", 0)
        report(2000, 3000)
    assert capsys.readouterr().err == "Loading (3,000)\nLoading: 2,000 of 3,000\n"


def test_help_teaches_by_example() -> None:
    """Help shows examples and exit codes, also without arguments."""
    for shown in (run("--help").stdout, run().stdout + run().stderr):
        assert "mastra-convex demo --data ./demo" in shown
        assert "Exit codes:" in shown
    help = run("demo", "--help").stdout
    assert "mastra-convex demo --like json.loads" in help
    assert all(option in help for option in ("--data DIR", "--like ID", "--json"))


@pytest.mark.parametrize("command", [(COMMAND,), (sys.executable, "-m", "mastra_convex")], ids=["script", "module"])
def test_version_is_the_installed_one(command: tuple[str, ...]) -> None:
    """`--version` prints the installed version, from the script and from ``python -m``."""
    done = run("--version", command=command)
    assert (done.returncode, done.stdout) == (0, f"mastra-convex {version('mastra-convex')}\n")


def test_the_library_imports_nothing_of_the_command_line() -> None:
    """Importing the library doesn't import Typer and Rich."""
    program = (
        "import mastra_convex, sys; print([name for name in ('typer', 'rich', 'matplotlib') if name in sys.modules])"
    )
    assert run(program, command=(sys.executable, "-c")).stdout == "[]\n"


def test_the_bundled_rows_are_some_of_the_repositorys(docstrings: Docstrings, exact: Reference) -> None:
    """The bundled rows are at least 2,000 of the repository's, in order, with embeddings and licence, in at most 2
    MB.
    """
    folder = files("mastra_convex._cli") / "demo_data"
    ids = {row["id"] for row in exact.rows}
    assert exact.rows == [row for row in docstrings.rows if row["id"] in ids]
    assert len(exact.rows) >= 2000
    np.testing.assert_array_equal(Bundled().embeddings, exact.embeddings)
    assert sum(len(file.read_bytes()) for file in folder.iterdir()) <= 2_000_000
    assert "PYTHON SOFTWARE FOUNDATION LICENSE" in (folder / "LICENSE-PSF.txt").read_text()


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)], ids=str)
def test_a_closed_stream_is_no_traceback(tmp_path: Path, closed: tuple[int, ...]) -> None:
    """A closed stream causes no traceback, and its output doesn't go into the next file that is opened."""
    arguments = [COMMAND, "demo", "--data", str(tmp_path / "data")]
    pipes = {name: subprocess.PIPE for number, name in ((1, "stdout"), (2, "stderr")) if number not in closed}

    def close() -> None:
        for number in closed:
            os.close(number)

    done = subprocess.run(arguments, **pipes, text=True, timeout=100, env=ENVIRONMENT, preexec_fn=close)
    assert done.returncode == 0
    assert "Traceback" not in f"{done.stdout}{done.stderr}"
    with mc.connect(tmp_path / "data") as db:
        assert len(mc.ConvexVector(db).list_indexes()) == 1
