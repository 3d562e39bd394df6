"""Results in a notebook are tables."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.etree import ElementTree

import numpy as np

import mastra_convex as mc


def cells(html: str) -> list[list[str | None]]:
    """The body of a table that is also well-formed XML."""
    return [[cell.text for cell in row] for row in ElementTree.fromstring(html).iterfind("./tbody/tr")]


def caption(html: str) -> str | None:
    return ElementTree.fromstring(html).findtext("./caption")


def test_results_are_a_table_that_says_how_they_were_found() -> None:
    """Results are a table, best first, with short scores, escaped metadata and the number of skipped rows."""
    rows = np.array([[1, 0], [3, 4], [0, 0]], np.float32)
    batch = mc.VectorBatch(rows, ids=["a", "<b>", "zero"], metadata=[{"title": "A & B"}, {}, {}])
    html = batch.query([1, 0], 10)._repr_html_()
    assert cells(html) == [["a", "1.0000", "{'title': 'A & B'}"], ["<b>", "0.6000", "{}"]]
    assert caption(html) == "2 of 3 rows (batch); 1 can't rank"


def test_only_the_first_of_many_results_are_shown() -> None:
    """Only the first of many results are shown, with the beginning of long metadata."""
    batch = mc.VectorBatch(np.eye(30), metadata=[{"text": "x" * 1000}] * 30)
    html = batch.query(np.ones(30), 25)._repr_html_()
    assert len(cells(html)) == 20
    assert all(len(metadata or "") == 200 for _, _, metadata in cells(html))
    assert caption(html) == "25 of 30 rows (batch); the first 20 are shown"


def test_no_results_are_an_empty_table() -> None:
    html = mc.VectorBatch(np.ones((2, 2))).query([1, 0], 5, min_score=0.9)._repr_html_()
    assert (cells(html), caption(html)) == ([], "0 of 2 rows (batch)")


def test_index_stats_are_one_line() -> None:
    assert cells(mc.IndexStats(dimension=384, count=12_345, metric="cosine")._repr_html_()) == [
        ["12,345", "384", "cosine"]
    ]


def test_records_and_pages_are_tables() -> None:
    """A record shows the given fields. A page shows the important fields, shortened, and its position in the list."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    thread = mc.Thread(id="t", resource_id="ada", title="A & B", created_at=noon, updated_at=noon)
    assert cells(thread._repr_html_())[:3] == [["id", "t"], ["resource_id", "ada"], ["title", "A & B"]]
    threads = mc.ThreadPage([thread] * 25, 30, 1, 25, False)._repr_html_()
    assert cells(threads)[0] == ["t", "ada", "A & B", "2026-01-01 12:00:00"]
    assert len(cells(threads)) == 20
    assert caption(threads) == "page 1: 25 of 30; the first 20 are shown"
    message = mc.Message(id="m", thread_id="t", content="<b>Hi</b>", created_at=noon)
    messages = mc.MessagePage([message], 1, 0, 40, False)._repr_html_()
    assert cells(messages) == [["2026-01-01 12:00:00", "user", "<b>Hi</b>"]]
    span = mc.Span(trace_id="t", span_id="s", name="recall", started_at=noon)
    pages = [mc.TracePage([span], 1, 0, 40, False), mc.ThreadPage([], 0, 0, 40, False)]
    assert [len(cells(page._repr_html_())) for page in pages] == [1, 0]
