"""How long an embedded memory takes to remember one message, and to make a context out of 10,000, without embedding.

The messages are real texts with real embeddings, in 100 threads of one resource. Half the context is the search, whose
hits are compared with the float64 reference first.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from tests.support.reference import scores, top_k

import mastra_convex as mc

DATA = Path(__file__).parent.parent / "data"
MESSAGES, THREADS = 10_000, 100


class Embedded:
    """Texts that were embedded before, by their text."""

    def __init__(self) -> None:
        rows = [json.loads(line)["text"] for line in (DATA / "stdlib_docs.jsonl").read_text().splitlines()]
        embeddings = np.load(DATA / "stdlib_docs.npz")["embeddings"].astype(np.float32)
        self.questions = json.loads((DATA / "queries.json").read_text())
        questions = np.load(DATA / "queries.npy").astype(np.float32)
        self.vectors = dict(zip(rows, embeddings, strict=True)) | dict(zip(self.questions, questions, strict=True))
        self.texts = list(dict.fromkeys(rows))

    def __call__(self, texts: list[str]) -> list[np.ndarray]:
        return [self.vectors[text] for text in texts]


@pytest.fixture(params=["memory", "folder, normal", "folder, full"])
def memory(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[mc.Memory]:
    """A memory of 10,000 messages."""
    target = ":memory:" if request.param == "memory" else tmp_path
    embed = Embedded()
    with mc.connect(target, synchronous="full" if request.param.endswith("full") else "normal") as db:
        memory = mc.Memory(db, embed)
        texts = list(itertools.islice(itertools.cycle(embed.texts), MESSAGES))
        remembered: list[mc.Message] = []
        for n in range(THREADS):
            some = texts[n * MESSAGES // THREADS : (n + 1) * MESSAGES // THREADS]
            remembered += memory.remember(f"t{n}", some, resource_id="ada")
        matrix = np.array([embed.vectors[message.text] for message in remembered])
        for question in embed.questions:
            found = scores(embed.vectors[question], matrix)
            hits = memory.recall(question, resource_id="ada")
            assert [(hit.message, hit.score) for hit in hits] == [
                (remembered[row], found[row]) for row in top_k(found, 4)
            ]
        yield memory


@pytest.mark.benchmark(group="remember one message")
def test_remember(benchmark: BenchmarkFixture, memory: mc.Memory) -> None:
    texts = itertools.cycle(Embedded().texts)
    benchmark.pedantic(lambda: memory.remember("t7", next(texts)), rounds=500, warmup_rounds=20)


@pytest.mark.benchmark(group="context over 10,000 messages")
def test_context(benchmark: BenchmarkFixture, memory: mc.Memory) -> None:
    questions = itertools.cycle(Embedded().questions)
    contexts = []
    benchmark.pedantic(
        lambda: contexts.append(memory.context("t7", next(questions), resource_id="ada")), rounds=500, warmup_rounds=20
    )
    assert {len(context.recalled) for context in contexts} == {4}
