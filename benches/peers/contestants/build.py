"""Building an index from a matrix. The index answers the first query, to show that it works."""

from __future__ import annotations

from typing import Any

from . import scan


class Ours(scan.Ours):
    """`VectorBatch`: borrows the rows, and makes their codes."""

    def ask(self, number: int) -> Any:
        self.load()

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        return super().answers(self.one(0))


class Faiss(scan.Faiss):
    """`IndexFlatIP.add`, which copies."""

    def load(self) -> None:
        self.normalise()
        self.parameters = None

    def ask(self, number: int) -> Any:
        self.faiss = self.index()
        self.faiss.add(self.vectors)

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        return super().answers(self.one(0))


CONTESTANTS = {"ours": Ours, "faiss flat": Faiss}
