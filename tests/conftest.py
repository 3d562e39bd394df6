"""Fixtures that tests share: the real data, and seeds."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.checkout import DATA

# Runs a user's project in `test_testing.py`.
pytest_plugins = ["pytester"]


class Docstrings(NamedTuple):
    """Real texts with real embeddings, and questions about them."""

    rows: list[dict[str, Any]]
    embeddings: NDArray[np.float32]
    questions: NDArray[np.float32]


@pytest.fixture(scope="session")
def docstrings() -> Docstrings:
    """The 7,085 docstrings of the standard library."""
    lines = (DATA / "stdlib_docs.jsonl").read_text().splitlines()
    embeddings = np.load(DATA / "stdlib_docs.npz")["embeddings"].astype(np.float32)
    return Docstrings(
        [json.loads(line) for line in lines], embeddings, np.load(DATA / "queries.npy").astype(np.float32)
    )


@pytest.fixture
def random() -> np.random.Generator:
    """A random generator with a fixed seed, so that failures can be repeated."""
    return np.random.default_rng(20_260)
