"""The workloads: questions, contestants and right answers."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tests.support import reference

from . import data

EXACT = ("faiss flat", "numpy float32", "numpy float64", "simsimd", "usearch exact", "numkong")
DATABASES = ("zvec flat", "qdrant-edge")
LOSSY = ("turbovec 4 bits",)
GRAPHS = ("hnswlib", "faiss HNSW")
JAVASCRIPT = "original JavaScript"


class Answer(NamedTuple):
    """Rows by descending score, ties in row order; no scores if nothing is ranked."""

    rows: list[int]
    scores: list[float] | None


@dataclass(frozen=True, eq=False)
class Workload(ABC):
    """A workload of a given size."""

    name: str
    contestants: tuple[str, ...] = ()
    """Beside ours."""
    asked: Mapping[str, float] = field(default_factory=dict)
    """How many times a contestant's time should be of ours, at least."""
    is_long: bool = False

    @property
    def unit(self) -> str:
        """The unit that is timed."""
        return "query"

    @property
    def units(self) -> int:
        """The number of units in a call."""
        return 1

    @abstractmethod
    def prepare(self, folder: Path) -> tuple[dict[str, Any], dict[int, Answer]]:
        """Write the contestants' data, and return their task and the right answers to some queries.

        The task's `bounds` are the least work, bytes read or products added; the first one holds for ours.
        """


@dataclass(frozen=True, eq=False)
class Scan(Workload):
    """The best rows of a matrix."""

    rows: int = 500
    dimension: int = 1536
    top_k: int = 10
    at_once: int = 1
    threads: int | None = None
    """Timed by the clock on the wall where given; otherwise one thread works, by the processor's time."""
    admitted: float = 1
    """The share of the rows that may be among the results."""
    vectors: Callable[[int, int], data.Matrix] = data.clustered
    questions: Callable[[data.Matrix, int], data.Matrix] = data.questions

    @property
    def units(self) -> int:
        return self.at_once

    def prepare(self, folder: Path) -> tuple[dict[str, Any], dict[int, Answer]]:
        vectors = self.vectors(self.rows, self.dimension)
        queries = self.questions(vectors, self.at_once if self.at_once > 1 else min(64, 8_000_000 // self.rows))
        mask = np.random.default_rng(4).random(self.rows) < self.admitted
        vectors.tofile(folder / "vectors")
        queries.tofile(folder / "queries")
        mask.tofile(folder / "mask")
        task = {
            "kind": "scan",
            "dimension": self.dimension,
            "top_k": self.top_k,
            "at_once": self.at_once,
            "threads": self.threads,
            "is_masked": self.admitted < 1,
            "queries": len(queries),
            "bounds": {
                # Of few rows the first pass reads int8.
                **self.first_pass(),
                "reading int8": vectors.size,
                "reading float32": vectors.nbytes,
            }
            if self.at_once == 1
            else {"multiplying float32": vectors.size * self.at_once},
        }
        checked = range(0, len(queries), max(len(queries) // 8, 1))
        right = {number: self.right(vectors, queries[number], mask) for number in checked}
        return task, right

    def first_pass(self) -> dict[str, int]:
        """The bytes that the first pass reads: outlines, where rows lie along few directions."""
        if self.rows < 2048:
            return {}
        if self.vectors is data.isotropic:
            return {"reading 2 bits": self.rows * self.dimension // 4}
        return {"reading outlines": self.rows * 64}

    def right(self, vectors: data.Matrix, query: data.Matrix, mask: Any) -> Answer:
        rough = vectors @ query / np.linalg.norm(vectors, axis=1)
        rough[~mask] = -np.inf
        # A row that float32 ranks far below the last result can't be a result.
        candidates = np.sort(np.argsort(-rough)[: min(4 * self.top_k + 64, int(mask.sum()))])
        scores = reference.scores(query, vectors[candidates])
        best = reference.top_k(scores, self.top_k)
        return Answer(candidates[best].tolist(), scores[best].tolist())


@dataclass(frozen=True, eq=False)
class Pages(Workload):
    """The best rows of replies that came over the wire."""

    rows: int = 500
    dimension: int = 1536
    top_k: int = 10
    is_short: bool = True

    @property
    def unit(self) -> str:
        return "reply in two pages"

    def prepare(self, folder: Path) -> tuple[dict[str, Any], dict[int, Answer]]:
        vectors: Any = data.clustered(self.rows, self.dimension)
        if not self.is_short:  # numbers that need all digits of a float64
            vectors = vectors * (1 + np.random.default_rng(5).random(vectors.shape) * 1e-7)
        queries = data.questions(vectors, 8).astype(np.float32)
        queries.tofile(folder / "queries")
        pages = data.pages(vectors, 256)
        for number, page in enumerate(pages):
            (folder / f"page {number}").write_bytes(page)
        # A float32 is written as the shortest decimal that gives the same float32. As a float64, that is another
        # number.
        vectors = np.array([[float(str(x)) for x in row] for row in vectors])
        right = {}
        for number, query in enumerate(queries):
            scores = reference.scores(query, vectors)
            best = reference.top_k(scores, self.top_k)
            right[number] = Answer(best, scores[best].tolist())
        task = {
            "kind": "pages",
            "dimension": self.dimension,
            "top_k": self.top_k,
            "pages": len(pages),
            "queries": len(queries),
            "bounds": {"reading text": sum(map(len, pages))},
        }
        return task, right


@dataclass(frozen=True, eq=False)
class Filter(Workload):
    """The rows whose metadata match three predicates."""

    rows: int = 100_000

    @property
    def unit(self) -> str:
        return "row"

    @property
    def units(self) -> int:
        return self.rows

    def prepare(self, folder: Path) -> tuple[dict[str, Any], dict[int, Answer]]:
        records = data.metadata(self.rows)
        (folder / "metadata").write_text(json.dumps(records))
        filters = [{"lang": "en", "year": {"$gte": 2010 + n}, "score": {"$lt": 0.01}} for n in range(8)]
        right = {
            n: Answer(
                [r["n"] for r in records if r["lang"] == "en" and r["year"] >= 2010 + n and r["score"] < 0.01], None
            )
            for n in range(len(filters))
        }
        return {"kind": "filter", "filters": filters, "queries": len(filters), "bounds": {}}, right


@dataclass(frozen=True, eq=False)
class Build(Scan):
    """An index, from a matrix."""

    @property
    def unit(self) -> str:
        return "build"

    def prepare(self, folder: Path) -> tuple[dict[str, Any], dict[int, Answer]]:
        task, right = super().prepare(folder)
        bounds = {"reading float32": 4 * self.rows * self.dimension}
        return {**task, "kind": "build", "queries": 1, "bounds": bounds}, {0: right[0]}


ALL = (
    Pages("pages, 8-9 digits", ("pysimdjson + numpy", "orjson + numpy", JAVASCRIPT),
          {"pysimdjson + numpy": 4, "orjson + numpy": 10, JAVASCRIPT: 12}),
    Pages("pages, 16-17 digits", ("pysimdjson + numpy", "orjson + numpy", JAVASCRIPT),
          {"pysimdjson + numpy": 3, "orjson + numpy": 7, JAVASCRIPT: 12}, is_short=False),
    Scan("500 × 1536", ("ours, query()", *EXACT, *LOSSY, *DATABASES, JAVASCRIPT),
         {"faiss flat": 2.8, "numpy float32": 3.2, JAVASCRIPT: 120}),
    Scan("500 × 384", ("ours, query()", *EXACT, *LOSSY, *DATABASES, JAVASCRIPT), {"faiss flat": 2}, dimension=384),
    Scan("500 × 1536, top 256", (*EXACT, *LOSSY), {"faiss flat": 1.2}, top_k=256),
    Scan("500 × 384, top 256", (*EXACT, *LOSSY), {"faiss flat": 1.2}, dimension=384, top_k=256),
    Scan("500 × 1536, isotropic", EXACT, vectors=data.isotropic),
    Scan("500 × 1536, batch of 64", ("faiss flat", "numpy float32", "simsimd"), {"numpy float32": 1.5}, at_once=64),
    Scan("real 7,085 × 384", (*EXACT, *LOSSY, *DATABASES, *GRAPHS, JAVASCRIPT), {"faiss flat": 5, "numpy float32": 12},
         rows=7085, dimension=384, vectors=data.real, questions=data.real_questions),
    Scan("10,000 × 768", (*EXACT, *GRAPHS, JAVASCRIPT), {"faiss flat": 11, "simsimd": 7.5},
         rows=10_000, dimension=768),
    Scan("10,000 × 768, top 256", ("faiss flat", "numpy float32", *GRAPHS), {"hnswlib": 3, "faiss HNSW": 3},
         is_long=True, rows=10_000, dimension=768, top_k=256),
    Scan("10,000 × 768, batch of 64", ("faiss flat", "numpy float32", "simsimd"), {"numpy float32": 4.5},
         rows=10_000, dimension=768, at_once=64),
    Scan("100,000 × 768", (*EXACT, *LOSSY, *DATABASES), {"faiss flat": 4.5, "simsimd": 3.6, "turbovec 4 bits": 1 / 1.3},
         is_long=True, rows=100_000, dimension=768),
    Scan("100,000 × 1536", ("faiss flat", *LOSSY), {"turbovec 4 bits": 1 / 1.3},
         is_long=True, rows=100_000, dimension=1536),
    Scan("100,000 × 768, isotropic", ("faiss flat", "numpy float32", "simsimd"), is_long=True,
         rows=100_000, dimension=768, vectors=data.isotropic),
    Scan("100,000 × 768, batch of 64", ("faiss flat", "numpy float32", *LOSSY),
         {"numpy float32": 4.5, "turbovec 4 bits": 1 / 1.5}, is_long=True, rows=100_000, dimension=768, at_once=64),
    Scan("100,000 × 1536, batch of 64", LOSSY, {"turbovec 4 bits": 1 / 1.5}, is_long=True,
         rows=100_000, dimension=1536, at_once=64),
    Scan("1,000,000 × 384", ("faiss flat", "numpy float32", "simsimd"), {"reading int8": 1 / 1.3}, is_long=True,
         rows=1_000_000, dimension=384),
    Filter("filter, 100,000 rows", ("Python dicts", JAVASCRIPT), {JAVASCRIPT: 50}),
    Build("build, 100,000 × 768", ("faiss flat",), is_long=True, rows=100_000, dimension=768),
)  # fmt: skip
"""The workloads whose targets were set before any of this was built, and some beside them."""
