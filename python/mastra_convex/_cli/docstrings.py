"""The bundled docstrings: their embeddings, questions about them, and the exact answers."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mastra_convex.errors import NotFoundError

Row = Mapping[str, Any]


class ExactHit(NamedTuple):
    """A row's id and score in the exact answer."""

    id: str
    score: float


@dataclass(frozen=True)
class Question:
    """A text with its embedding, as a query on the rows that a filter matches.

    Attributes
    ----------
    filter : mapping or None
        In Mastra's filter language.
    admits : callable
        The filter again, as Python, for the exact answer.
    without : str or None
        The id of a row to leave out of the answer: the one that the question is about.
    """

    text: str
    vector: NDArray[np.floating]
    filter: dict[str, Any] | None = None
    admits: Callable[[Row], bool] = field(default=lambda row: True)
    without: str | None = None


# The texts that are asked again with a filter. Convex's own vector search can express the first four filters.
FILTERED: list[tuple[str, dict[str, Any], Callable[[Row], bool]]] = [
    (
        "parse command line arguments",
        {"kind": "class"},
        lambda row: row["kind"] == "class",
    ),
    (
        "create a temporary file",
        {"public": True},
        lambda row: row["public"] is True,
    ),
    (
        "send an email message",
        {"module": "smtplib"},
        lambda row: row["module"] == "smtplib",
    ),
    (
        "spawn a subprocess and read its output",
        {"$or": [{"kind": "class"}, {"kind": "function"}]},
        lambda row: row["kind"] in ("class", "function"),
    ),
    (
        "split a string by a regular expression",
        {"length": {"$gte": 300, "$lt": 500}},
        lambda row: 300 <= row["length"] < 500,
    ),
    (
        "read rows from a CSV file",
        {"kind": "class", "public": True},
        lambda row: row["kind"] == "class" and row["public"] is True,
    ),
    (
        "parse a JSON document",
        {"kind": "function", "length": {"$gte": 500}},
        lambda row: row["kind"] == "function" and row["length"] >= 500,
    ),
]


class Docstrings:
    """Rows in stored order, with one embedding each.

    Attributes
    ----------
    rows : list of dict
        Each has `id`, `module`, `kind`, `public`, `length` and `text`.
    ids : list of str
        Their ids.
    embeddings : ndarray of float32, shape (rows, dimension)
        Computed from the texts by a language model, stored as float16.
    questions : list of Question
        Those without filters come first.
    """

    def __init__(self) -> None:
        folder = files(__package__) / "demo_data"
        lines = gzip.decompress((folder / "stdlib_docs.jsonl.gz").read_bytes()).decode().splitlines()
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.ids: list[str] = [row["id"] for row in self.rows]
        with (folder / "stdlib_docs.npz").open("rb") as file:
            halves = np.load(file)["halves"]
        numbers = np.ascontiguousarray(np.moveaxis(halves, 0, -1)).view("<f2")[..., 0]
        self.embeddings: NDArray[np.float32] = numbers.astype(np.float32)
        with (folder / "queries.npy").open("rb") as file:
            vectors = np.load(file).astype(np.float32)
        texts = json.loads((folder / "queries.json").read_text(encoding="utf-8"))
        vector_of = dict(zip(texts, vectors, strict=True))
        self.questions = [Question(text, vector_of[text]) for text in texts]
        self.questions += [Question(text, vector_of[text], filter, admits) for text, filter, admits in FILTERED]
        self._columns = np.asfortranarray(self.embeddings, dtype=np.float64)

    @property
    def dimension(self) -> int:
        """Length of the embeddings."""
        return int(self.embeddings.shape[1])

    def check_id(self, id: str) -> None:
        """Raise an error with similar ids if the row doesn't exist."""
        if id not in self.ids:
            lowered = {known.lower(): known for known in self.ids}
            near = get_close_matches(id.lower(), lowered, n=3, cutoff=0.5)
            ends = [known for known in self.ids if known.lower().endswith(f".{id.lower()}")][:3]
            suggestions = ", ".join(ends or [lowered[match] for match in near])
            raise NotFoundError(
                f"demo: none of the {len(self.ids):,} docstrings has the id {id!r}",
                details={"id": id},
                hint=f"Did you mean: {suggestions}?" if suggestions else "Ids are qualified names, such as json.loads.",
            )

    def scores(self, vector: NDArray[np.floating]) -> NDArray[np.float64]:
        """The cosine of every row with a vector, in float64.

        This is the reference for both classes, and shares no code with them. It adds one column after the other for all
        rows at once, so that each row's products are summed in sequence, as the definition says. The sums of these
        float16 embeddings are exact in float64 in any order; those of other vectors aren't.
        """
        dot = np.zeros(len(self.rows))
        squares = np.zeros(len(self.rows))
        query_squares = 0.0
        for column, component in zip(self._columns.T, vector.astype(np.float64), strict=True):
            dot += component * column
            squares += column * column
            query_squares += component * component
        scores: NDArray[np.float64] = dot / (math.sqrt(query_squares) * np.sqrt(squares))
        return scores

    def exact(self, question: Question) -> list[ExactHit]:
        """Rank all matching rows by `scores`, ties in stored order."""
        scores = self.scores(question.vector)
        return [
            ExactHit(self.ids[row], float(scores[row]))
            for row in np.argsort(-scores, kind="stable")
            if question.admits(self.rows[row]) and self.ids[row] != question.without
        ]
