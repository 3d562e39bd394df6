"""The vectors to search: made from seeds, or the real embeddings of `data/`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]
DATA = Path(__file__).parents[2] / "data"


def clustered(rows: int, dimension: int) -> Matrix:
    """Rows of unit length, two hundred around each of some centres, with most of their spread in 64 directions.

    Embeddings use far fewer directions than they have numbers. Rows that differ equally in all directions (`isotropic`)
    are nearly equidistant, which is easier for bounds and harder for graphs.
    """
    random = np.random.default_rng(1)
    directions = random.standard_normal((64, dimension)).astype(np.float32) / 8
    centres = random.standard_normal((max(rows // 200, 1), 64)).astype(np.float32)
    vectors = np.empty((rows, dimension), np.float32)
    for first in range(0, rows, 10_000):
        part = vectors[first : first + 10_000]
        random.standard_normal(dtype=np.float32, out=part)
        part *= 0.1
        around = 0.7 * random.standard_normal((len(part), 64)).astype(np.float32)
        part += (centres[np.arange(first, first + len(part)) % len(centres)] + around) @ directions
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return vectors


def isotropic(rows: int, dimension: int) -> Matrix:
    """Rows of unit length in all directions alike."""
    vectors = np.random.default_rng(1).standard_normal((rows, dimension), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors


def real(rows: int, dimension: int) -> Matrix:
    """The embeddings of the standard library's docstrings."""
    vectors = np.load(DATA / "stdlib_docs.npz")["embeddings"].astype(np.float32)
    assert vectors.shape == (rows, dimension)
    return vectors


def questions(vectors: Matrix, count: int) -> Matrix:
    """Queries between pairs of the rows, nearer to the first."""
    random = np.random.default_rng(2)
    one, other = (vectors[random.integers(0, len(vectors), count)] for _ in range(2))
    queries: Matrix = 0.7 * one + 0.3 * other
    return queries


def real_questions(vectors: Matrix, count: int) -> Matrix:
    """The questions in plain English that come with the docstrings."""
    queries: Matrix = np.load(DATA / "queries.npy").astype(np.float32)[:count]
    return queries


def metadata(rows: int) -> list[dict[str, Any]]:
    """Typical metadata: six fields, some 260 bytes of JSON."""
    random = np.random.default_rng(3)
    languages = random.choice(["en", "de", "fr", "es", "it", "pl", "nl"], rows).tolist()
    years = random.integers(1990, 2025, rows).tolist()
    text = "some words that stand beside what filters look at, as metadata has them; " * 2
    return [
        {"lang": language, "year": year, "score": score, "text": text, "source": f"docs/{row % 1000}.md", "n": row}
        for row, (language, year, score) in enumerate(zip(languages, years, random.random(rows).tolist(), strict=True))
    ]


def pages(vectors: NDArray[Any], rows_a_page: int) -> list[bytes]:
    """Replies of the storage function's `queryTable`, numbers as the shortest decimals of their type."""
    replies = []
    for first in range(0, len(vectors), rows_a_page):
        records = ",".join(
            f'{{"embedding":[{",".join(map(str, row))}],"id":"{number}","metadata":{json.dumps({"row": number})}}}'
            for number, row in enumerate(vectors[first : first + rows_a_page], first)
        )
        more = first + rows_a_page < len(vectors)
        rest = {"hasMore": more, "continuationCursor": str(first + rows_a_page) if more else None}
        value = f'{{"ok":true,"result":[{records}],{json.dumps(rest)[1:]}'
        replies.append(f'{{"status":"success","value":{value},"logLines":[]}}'.encode())
    return replies
