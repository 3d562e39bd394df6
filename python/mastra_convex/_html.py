"""How results look in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mastra_convex._native import QueryResults

# More rows than one looks at, and longer metadata, would only push the rest of a notebook away.
MOST_ROWS = 20
MOST_CHARACTERS = 200


def query_results(self: QueryResults) -> str:
    """The first hits, and what the query did: `QueryResults._repr_html_`, whose class is Rust's."""
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
    """Left as the notebook styles it, light or dark; only texts are kept from standing at the right."""
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align: left">{escape(_short(cell))}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    above = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"
