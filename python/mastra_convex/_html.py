"""The display of results in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "") -> str:
    """A table in the notebook's own style, light or dark, with texts at the left."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align: left">{escape(_short(cell))}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
