"""From the bytes of two JSON replies to the ten best records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from .scan import best


class Pages:
    """The base of the contestants: the bytes, and the records decoded from them."""

    def __init__(self, task: dict[str, Any]) -> None:
        folder = Path(task["folder"])
        self.pages = [(folder / f"page {number}").read_bytes() for number in range(task["pages"])]
        self.queries = np.fromfile(folder / "queries", np.float32).reshape(-1, task["dimension"]).astype(np.float64)
        self.top_k = task["top_k"]
        self.load()

    def load(self) -> None:
        """Import the library."""

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        return [([int(found["id"]) for found in result], [found["score"] for found in result])]

    def ask(self, number: int) -> Any:
        """Read, then rank by NumPy in float64."""
        records, vectors = self.read()
        query = self.queries[number]
        scores = vectors @ query / (np.linalg.norm(vectors, axis=1) * np.linalg.norm(query))
        return [self.record(records[row], scores[row]) for row in best(scores, self.top_k)]

    def read(self) -> tuple[list[Any], Any]:
        """The records, and their vectors as a matrix."""
        raise NotImplementedError

    def record(self, record: Any, score: Any) -> dict[str, Any]:
        return {"id": record["id"], "score": float(score), "metadata": record["metadata"]}


class Ours(Pages):
    """`VectorBatch.from_pages`."""

    def load(self) -> None:
        from mastra_convex import VectorBatch

        self.from_pages = VectorBatch.from_pages

    def ask(self, number: int) -> Any:
        found = self.from_pages(self.pages).query(self.queries[number], self.top_k)
        return [{"id": one.id, "score": one.score, "metadata": one.metadata} for one in found]


class Orjson(Pages):
    """orjson's lists, converted to an array."""

    def load(self) -> None:
        import orjson

        self.parse = orjson.loads

    def read(self) -> tuple[list[Any], Any]:
        records = [record for page in self.pages for record in self.parse(page)["value"]["result"]]
        return records, np.array([record["embedding"] for record in records])


class Json(Orjson):
    """The standard library's JSON."""

    def load(self) -> None:
        self.parse = json.loads


class Simdjson(Pages):
    """pysimdjson, whose lists of numbers become buffers without Python's floats."""

    def load(self) -> None:
        from simdjson import Parser

        self.parser = Parser

    def read(self) -> tuple[list[Any], Any]:
        records: list[Any] = []
        vectors = []
        for page in self.pages:
            found = self.parser().parse(page)["value"]["result"]
            for record in found:
                records.append(record)
                vectors.append(np.frombuffer(record["embedding"].as_buffer(of_type="d")))
        return records, np.array(vectors)

    def record(self, record: Any, score: Any) -> dict[str, Any]:
        return super().record({"id": record["id"], "metadata": record["metadata"].as_dict()}, score)


CONTESTANTS = {
    "ours": Ours,
    "pysimdjson + numpy": Simdjson,
    "orjson + numpy": Orjson,
    "json + numpy": Json,
}
