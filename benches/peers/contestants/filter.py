"""The rows whose metadata match a filter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


class Ours:
    """`VectorBatch.top_k` with a filter, over vectors of one number. Few rows match, so hardly any are scored."""

    def __init__(self, task: dict[str, Any]) -> None:
        from mastra_convex import VectorBatch

        metadata = json.loads((Path(task["folder"]) / "metadata").read_text())
        self.filters = task["filters"]
        self.query = np.ones(1)
        self.batch = VectorBatch(np.ones((len(metadata), 1), np.float32), metadata=metadata)
        self.matching = [list(map(int, self.batch.matching_ids(filter))) for filter in self.filters]

    def ask(self, number: int) -> Any:
        rows, _ = self.batch.top_k(self.query, 1, filter=self.filters[number])
        return number, rows

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        number, rows = result
        assert rows == self.matching[number][:1]
        return [(self.matching[number], None)]


class Dicts:
    """Python's dicts, with the predicates as Python code."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.metadata = json.loads((Path(task["folder"]) / "metadata").read_text())
        self.years = [filter["year"]["$gte"] for filter in task["filters"]]

    def ask(self, number: int) -> Any:
        year = self.years[number]
        return [
            row
            for row, record in enumerate(self.metadata)
            if record["lang"] == "en" and record["year"] >= year and record["score"] < 0.01
        ]

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        return [(result, None)]


CONTESTANTS = {"ours": Ours, "Python dicts": Dicts}
