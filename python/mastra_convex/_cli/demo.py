"""``mastra-convex demo``: both vector classes search real text, and their answers are compared with the exact ones."""

from __future__ import annotations

import json as json_text
import shlex
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import typer
from rich.box import MINIMAL
from rich.table import Table
from rich.text import Text

from mastra_convex._cli import terminal
from mastra_convex._cli.docstrings import Docstrings, ExactHit, Question
from mastra_convex._cli.options import Debug, Json
from mastra_convex._connect import connect
from mastra_convex._sync.deployment import Deployment
from mastra_convex._sync.mastra_vector import VectorIndex
from mastra_convex._sync.native_vector import ConvexNativeVector
from mastra_convex._sync.vector import ConvexVector
from mastra_convex.errors import ConfigurationError, FilterError
from mastra_convex.types import NativeIndex, QueryResult

INDEX_NAME = "stdlib_docs"
# All fields that the questions filter on, so that ConvexNativeVector refuses no filter just because a field isn't
# declared.
FILTER_FIELDS = ("kind", "module", "public", "length")
HITS = 3
HITS_LIKE = 10
# Scores of Convex's own search are float32, and cosines at most 1.
FLOAT32_PRECISION = float(np.finfo(np.float32).eps)

EPILOG = """
\b
Examples:
  mastra-convex demo                             in memory
  mastra-convex demo --like json.loads           docstrings similar to this one
  mastra-convex demo --data ./demo               keep the index in a folder
  mastra-convex demo --data ./demo --like re     ask again, without loading
  mastra-convex demo --json > answers.json       for programs
"""


def demo(
    data: Annotated[
        str | None, typer.Option("--data", metavar="DIR", help="Keep the index in this folder, created if missing.")
    ] = None,
    like: Annotated[
        str | None, typer.Option("--like", metavar="ID", help="Find docstrings similar to this one, e.g. json.loads.")
    ] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Search real texts, without any set-up.

    Builds an index of the standard library's docstrings in an embedded deployment, in memory or in a folder.
    ConvexVector and ConvexNativeVector search it side by side. Each answer is compared with the exact one.
    """
    docstrings = Docstrings()
    if like is not None:
        docstrings.check_id(like)
    if data is not None and "://" in data:
        raise ConfigurationError(
            f"demo: --data {data}; expected a folder", hint="Without --data the demo runs in memory."
        )
    with connect(":memory:" if data is None else data) as deployment:
        began = perf_counter()
        scan, native = _open_indexes(deployment, docstrings)
        load_seconds = perf_counter() - began
        if like is None:
            questions, top_k = docstrings.questions, HITS
        else:
            vector = scan.query(filter={"id": like}, top_k=1, include_vector=True)[0].vector
            assert vector is not None, "asked for with include_vector"
            questions, top_k = [Question(f"more like {like}", vector, without=like)], HITS_LIKE
        if json:
            answers = [_ask(scan, native, docstrings, question, top_k) for question in questions]
            report = {
                "questions": [answer.as_json() for answer in answers],
                "rows": len(docstrings.rows),
                "dimension": docstrings.dimension,
                "load_seconds": load_seconds,
            }
            print(json_text.dumps(report))
        else:
            _print_introduction(docstrings, data, like)
            answers = []
            for number, question in enumerate(questions, 1):
                answers.append(_ask(scan, native, docstrings, question, top_k))
                _print_answer(f"{number}. " if like is None else "", answers[-1])
            _print_summary(answers, data, like)
    if not all(answer.scan_is_exact and answer.native_is_exact is not False for answer in answers):
        terminal.err.print("Error: an answer differs from the exact one; please report it.", soft_wrap=True)
        raise typer.Exit(1)


def _open_indexes(deployment: Deployment, docstrings: Docstrings) -> tuple[VectorIndex, VectorIndex]:
    """An index of the docstrings for each class. They are loaded unless the folder has them."""
    scan = ConvexVector(deployment).index(INDEX_NAME, docstrings.dimension)
    place = NativeIndex(f"{INDEX_NAME}_vectors", docstrings.dimension, filter_fields=FILTER_FIELDS)
    native = ConvexNativeVector(deployment, indexes={INDEX_NAME: place}).index(INDEX_NAME)
    if _is_complete(scan, native, docstrings):
        terminal.err.print(
            f"Found {len(docstrings.rows):,} docstrings in {deployment.url}; nothing to load.", soft_wrap=True
        )
        return scan, native
    native.truncate_index()
    scan.truncate_index()
    with terminal.bars() as bars:
        for name, index in (("ConvexVector", scan), ("ConvexNativeVector", native)):
            report = bars.add(f"Loading docstrings into {name}", len(docstrings.rows))
            index.upsert(docstrings.embeddings, ids=docstrings.ids, metadata=docstrings.rows, progress=report)
    return scan, native


def _is_complete(scan: VectorIndex, native: VectorIndex, docstrings: Docstrings) -> bool:
    """Whether the indexes hold exactly these rows. The native index is emptied first and loaded last, so its count
    tells.
    """
    if not scan.describe_index().count == native.describe_index().count == len(docstrings.rows):
        return False
    stored = scan.query(filter={}, top_k=len(docstrings.rows), include_vector=True)
    return (
        [hit.id for hit in stored] == docstrings.ids
        and [hit.metadata for hit in stored] == docstrings.rows
        and np.array_equal(np.array([hit.vector for hit in stored]), docstrings.embeddings)
    )


@dataclass(frozen=True)
class Answer:
    """Both classes' answers to a question. `native` is None if it can't express the filter; `refusal` says why."""

    question: Question
    scan: list[QueryResult]
    scan_ms: float
    scan_is_exact: bool
    native: list[QueryResult] | None = None
    native_ms: float | None = None
    native_is_exact: bool | None = None
    refusal: str = ""

    def as_json(self) -> dict[str, Any]:
        """The part of ``--json``'s output."""

        def hits(results: list[QueryResult] | None) -> list[dict[str, Any]] | None:
            return None if results is None else [{"id": hit.id, "score": hit.score} for hit in results]

        return {
            "text": self.question.text,
            "filter": self.question.filter,
            "scan": hits(self.scan),
            "native": hits(self.native),
            "scan_is_exact": self.scan_is_exact,
            "native_is_exact": self.native_is_exact,
            "scan_ms": self.scan_ms,
            "native_ms": self.native_ms,
        }


def _ask(scan: VectorIndex, native: VectorIndex, docstrings: Docstrings, question: Question, top_k: int) -> Answer:
    ranking = docstrings.exact(question)
    hits, scan_ms = _timed(scan, question, top_k)
    agrees = _is_exact_scan(hits, ranking[:top_k])
    try:
        native_hits, native_ms = _timed(native, question, top_k)
    except FilterError as error:
        return Answer(question, hits, scan_ms, agrees, refusal=error.args[0].partition(": ")[2])
    native_agrees = _is_exact_native(native_hits, ranking, top_k)
    return Answer(question, hits, scan_ms, agrees, native_hits, native_ms, native_agrees)


def _timed(index: VectorIndex, question: Question, top_k: int) -> tuple[list[QueryResult], float]:
    """The best hits, and the milliseconds they took."""
    # A row is most similar to itself, so one more result is requested and the row left out.
    more = 0 if question.without is None else 1
    began = perf_counter()
    found = index.query(question.vector, top_k=top_k + more, filter=question.filter)
    took_ms = (perf_counter() - began) * 1000
    return [hit for hit in found if hit.id != question.without][:top_k], took_ms


def _is_exact_scan(hits: Sequence[QueryResult], exact: Sequence[ExactHit]) -> bool:
    """The same ids in the same order, and the same bits of every score."""
    return [(hit.id, hit.score.hex()) for hit in hits] == [(hit.id, hit.score.hex()) for hit in exact]


def _is_exact_native(hits: Sequence[QueryResult], ranking: Sequence[ExactHit], top_k: int) -> bool:
    """The same ids, except among equal scores, and scores to float32's precision."""
    exact_scores = {hit.id: hit.score for hit in ranking}
    return (
        len({hit.id for hit in hits}) == len(hits) == min(top_k, len(ranking))
        and [exact_scores.get(hit.id) for hit in hits] == [hit.score for hit in ranking[: len(hits)]]
        and all(abs(hit.score - exact_scores[hit.id]) <= FLOAT32_PRECISION for hit in hits)
    )


def _print_introduction(docstrings: Docstrings, data: str | None, like: str | None) -> None:
    where = "in memory" if data is None else f"in {data}"
    terminal.out.print(
        f"{len(docstrings.rows):,} docstrings of Python's standard library, each with an embedding of "
        f"{docstrings.dimension} numbers, {where}: a Convex deployment inside this process, running the functions that "
        "you would deploy. ConvexVector scans all vectors; ConvexNativeVector asks Convex's vector search.\n"
    )
    if like is not None:
        row = docstrings.rows[docstrings.ids.index(like)]
        terminal.out.print(Text(like, style="bold").append(f"  {row['text']}\n", style="dim"))


def _print_answer(number: str, answer: Answer) -> None:
    title = Text(f"{number}{answer.question.text}", style="bold")
    if answer.question.filter is not None:
        title.append(f"\n   filter={answer.question.filter}", style="not bold yellow")
    table = Table(box=MINIMAL, show_edge=False, expand=True, header_style="", border_style="dim")
    table.add_column(_heading("ConvexVector", answer.scan_ms, answer.scan_is_exact), ratio=1)
    table.add_column(_heading("ConvexNativeVector", answer.native_ms, answer.native_is_exact), ratio=1)
    table.add_row(_hits(answer.scan), Text(answer.refusal) if answer.native is None else _hits(answer.native))
    terminal.out.print(title, table, "")


def _heading(name: str, took_ms: float | None, is_exact: bool | None) -> Text:
    heading = Text(f"{name}  ", style="cyan", no_wrap=True, overflow="ellipsis")
    if took_ms is None:
        return heading.append("can't:", style="yellow")
    heading.append(f"{took_ms:.1f} ms  ", style="default")
    return heading.append("exact", style="green") if is_exact else heading.append("NOT EXACT", style="bold red")


def _hits(hits: Sequence[QueryResult]) -> Text:
    """Two lines per hit: score and id, then the text. Text too long for the column is cut."""
    lines = Text(no_wrap=True, overflow="ellipsis")
    for position, hit in enumerate(hits):
        lines.append("\n" if position else "").append(f"{hit.score:.4f}  {hit.id}\n")
        lines.append(f"        {hit.metadata['text']}", style="dim")
    return lines


def _print_summary(answers: Sequence[Answer], data: str | None, like: str | None) -> None:
    scan = _summary([answer.scan_ms for answer in answers], [answer.scan_is_exact for answer in answers])
    native = _summary(
        [answer.native_ms for answer in answers if answer.native_ms is not None],
        [answer.native_is_exact for answer in answers if answer.native_is_exact is not None],
    )
    refused = sum(answer.native is None for answer in answers)
    if refused:
        native += f"; it can't express {refused} of the filters"
    terminal.out.print(_both(scan, native), "")
    if like is None:
        terminal.out.print(
            "“Exact” compares with a separate computation in float64: ConvexVector to the last bit of every score, "
            "ConvexNativeVector to float32's precision. Both are exact here, because the embedded deployment searches "
            "exactly. On a real deployment they differ:\n",
            _both(
                "stays exact, with any filter and any number of results, but it downloads the index.",
                "searches in the deployment, however many vectors there are. It is approximate on large tables, gives "
                "1 to 256 results with float32 scores, and filters by equality on declared fields, or an OR of them.",
            ),
            "",
        )
    terminal.out.print("Try next:")
    command = "mastra-convex demo" if data is None else f"mastra-convex demo --data {shlex.quote(data)}"
    terminal.out.print(f"  {command} --like {answers[-1].scan[0].id}", soft_wrap=True)
    if data is None:
        terminal.out.print("  mastra-convex demo --data ./demo    # keeps the index in a folder", soft_wrap=True)


def _summary(took_ms: Sequence[float], is_exact: Sequence[bool]) -> str:
    times = f"{statistics.median(took_ms):.1f} ms"
    if len(took_ms) > 1:
        times += f" in the median, {took_ms[0]:.1f} ms the first time"
    return f"exact in {sum(is_exact)} of {len(is_exact)}; {times}"


def _both(scan: str, native: str) -> Table:
    """A line about each class, one below the other."""
    table = Table.grid(padding=(0, 2))
    table.add_row(Text("ConvexVector", style="cyan"), scan)
    table.add_row(Text("ConvexNativeVector", style="cyan"), native)
    return table
