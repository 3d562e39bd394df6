"""The display of results in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice

from mastra_convex._native import QueryResults

# More rows or longer metadata would only fill the notebook.
MOST_ROWS = 20
MOST_CHARACTERS = 200


def query_results(self: QueryResults) -> str:
    """`QueryResults._repr_html_`, for a class written in Rust: the first hits, and the query's statistics."""
    rows = [(hit.id, f"{hit.score:.4f}", str(hit.metadata)) for hit in islice(self, MOST_ROWS)]
    stats = self.stats
    notes = [f"{len(self):,} of {stats.rows:,} rows ({stats.strategy})"]
    if len(self) > MOST_ROWS:
        notes.append(f"the first {MOST_ROWS} are shown")
    if stats.skipped:
        notes.append(f"{stats.skipped:,} can't rank")
    return _table(["id", "score", "metadata"], rows, "; ".join(notes))


def index_stats(count: int, dimension: int, metric: str) -> str:
    """`IndexStats._repr_html_`: one line."""
    return _table(["rows", "dimension", "metric"], [(f"{count:,}", f"{dimension:,}", metric)])


def record(fields: Mapping[str, object]) -> str:
    """A line a field."""
    return _table(["field", "value"], [(name, str(value)) for name, value in fields.items()])


def page(records: Sequence[object], heads: Sequence[str], number: int, total: int) -> str:
    """A line a record, with the fields that the heads name, and where the page is in its list."""
    rows = [[_cell(getattr(record, name)) for name in heads] for record in records[:MOST_ROWS]]
    notes = [f"page {number:,}: {len(records):,} of {total:,}"]
    if len(records) > MOST_ROWS:
        notes.append(f"the first {MOST_ROWS} are shown")
    return _table(heads, rows, "; ".join(notes))


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else str(value)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table in the notebook's own style, light or dark, with texts at the left."""
    from html import escape

    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align: left">{escape(_short(cell))}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
