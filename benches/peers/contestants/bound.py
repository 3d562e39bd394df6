"""The least work of a search: reading as many bytes, or multiplying as often."""

from __future__ import annotations

from typing import Any

import numpy as np


class Reading:
    """A dot product of two halves, by NumPy's BLAS, which is NumPy's fastest way to read bytes in most caches."""

    def __init__(self, task: dict[str, Any]) -> None:
        self.one, self.other = np.ones((2, max(task["amount"] // 8, 1)), np.float32)

    def ask(self, number: int) -> Any:
        return self.one @ self.other

    def answers(self, result: Any) -> list[tuple[Any, Any]]:
        return []


class Multiplying(Reading):
    """Products of matrices that stay in the cache, by NumPy's BLAS."""

    def __init__(self, task: dict[str, Any]) -> None:
        side = 256
        self.matrix = np.ones((side, side), np.float32)
        self.times = range(max(round(task["amount"] / side**3), 1))

    def ask(self, number: int) -> Any:
        for _ in self.times:
            self.matrix @ self.matrix


CONTESTANTS = {
    "reading outlines": Reading,
    "reading 2 bits": Reading,
    "reading int8": Reading,
    "reading float32": Reading,
    "reading text": Reading,
    "multiplying float32": Multiplying,
}
