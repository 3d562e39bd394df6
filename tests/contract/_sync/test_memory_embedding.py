# Generated from _async/test_memory_embedding.py by tools/unasync.py: edit that.
"""The vectors of a memory: which texts have some, which functions make them, and what a bad one gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mastra_convex as mc
from tests.contract._sync._remembered import letters, texts, vectors


class Letters:
    """As a model of sentence-transformers: an object with `encode`."""

    def encode(self, texts: list[str]) -> NDArray[np.float64]:
        """The vectors as an array."""
        return np.array(letters(texts))


def awaited(texts: list[str]) -> list[list[float]]:
    """As `letters`, by an async function."""
    return letters(texts)


@pytest.fixture
def memory(deployment: mc.Deployment) -> mc.Memory:
    """A memory on an empty deployment."""
    return mc.Memory(deployment, letters)


def test_only_text_is_embedded(deployment: mc.Deployment, memory: mc.Memory) -> None:
    """Tool calls, images, blank texts and the role system have no vectors."""
    tool = {"type": "tool-invocation", "toolInvocation": {"state": "result", "toolName": "zzz", "result": "zzz"}}
    contents: list[Any] = [
        {"format": 2, "parts": [{"type": "text", "text": "aa"}, tool, {"type": "text", "text": "bb"}]},
        [{"type": "text", "text": "cc"}, {"type": "image_url", "image_url": {"url": "zzz"}}],
        {"format": 2, "parts": [tool, {"type": "file", "mimeType": "image/png", "data": "aGk="}]},
        "  \n",
    ]
    asked: list[str] = []

    def embed(texts: list[str]) -> list[list[float]]:
        asked.extend(texts)
        return letters(texts)

    memory = mc.Memory(deployment, embed)
    saved = memory.remember("t", [{"content": content} for content in contents], resource_id="ada")
    memory.remember("t", "Be kind.", role="system")
    assert asked == ["aa bb", "cc"]
    assert vectors(deployment) == [(saved[0].id, 0), (saved[1].id, 0)]
    assert [one.content for one in saved[:3]] == contents[:3]


@pytest.mark.parametrize("embed", [letters, awaited, Letters(), lambda texts: np.float32(letters(texts))])
def test_vectors_are_made_by_a_function_or_a_model(deployment: mc.Deployment, embed: Any) -> None:
    """An embedding is a function, sync or async, or an object with `encode`; its vectors are lists or arrays."""
    memory = mc.Memory(deployment, embed)
    memory.remember("t", ["aaa", "bbb"], resource_id="ada")
    assert [hit.message.text for hit in memory.recall("b", thread_id="t", top_k=1)] == ["bbb"]


def test_texts_are_embedded_in_batches(deployment: mc.Deployment) -> None:
    """At most `embed_batch_size` texts are embedded at once."""
    sizes = []

    def embed(texts: list[str]) -> list[list[float]]:
        sizes.append(len(texts))
        return letters(texts)

    memory = mc.Memory(deployment, embed, embed_batch_size=10)
    memory.remember("t", [f"text {n}" for n in range(1, 26)])
    assert sizes == [10, 10, 5]


def at(n: int, vector: list[float]) -> Callable[[list[str]], Any]:
    """A function that embeds the first texts, and answers with a vector of its own for the nth."""
    return lambda texts: [vector if text == f"text {n}" else letters([text])[0] for text in texts]


def fails(texts: list[str]) -> Any:
    """An embedding whose server can't be reached."""
    raise OSError("no route to host")


BAD = {
    "raises": (fails, r"embed failed for message\[0\] to message\[3\]: OSError: no route to host"),
    "too few": (lambda texts: letters(texts[1:]), r"embed gave 3 vectors for 4 texts, message\[0\] to message\[3\]"),
    "another dimension": (at(2, [1, 2]), r"embed's vector of message\[2\] has 2 dimensions; expected 26"),
    "NaN": (at(3, [float("nan")] * 26), r"embed's vector of message\[3\]: .* is nan; expected finite"),
    "no numbers": (at(1, []), r"embed's vector of message\[1\] has 0 numbers; expected 1 to 8192"),
    "too long": (at(1, [1.0] * 8193), r"embed's vector of message\[1\] has 8193 numbers; expected 1 to 8192"),
    "nothing": (lambda texts: None, r"embed gave None for message\[0\] to message\[3\]; expected a list with a vector"),
    "no vector": (lambda texts: [None] * len(texts), r"embed's vector of message\[0\] is None"),
}


@pytest.mark.parametrize(("embed", "words"), BAD.values(), ids=BAD)
def test_a_bad_embedding_names_the_text_and_stores_nothing(
    deployment: mc.Deployment, embed: Any, words: str
) -> None:
    """An embedding that fails or answers with anything but a vector for each text is an error; nothing is stored."""
    memory = mc.Memory(deployment, embed)
    with pytest.raises(mc.InvalidArgumentError, match=f"^Memory.remember: {words}"):
        memory.remember("t", [f"text {n}" for n in range(4)], resource_id="ada")
    assert mc.ConvexStore(deployment).memory.get_thread_by_id("t") is None
    assert mc.ConvexVector(deployment).list_indexes() == []


def test_long_messages_are_embedded_in_parts(deployment: mc.Deployment, memory: mc.Memory) -> None:
    """A hit names the nearest part. Remembered again, a message has the vectors of its new text only."""
    words = ["aa " * 6000, "bb " * 5000, "cc " * 4000]
    memory.remember("t", {"id": "m", "content": "".join(words)}, resource_id="ada")
    memory.remember("t", "bcb")
    assert [part for id, part in vectors(deployment) if id == "m"] == [0, 1, 2]
    [hit, _] = memory.recall("cc", thread_id="t", top_k=2)
    assert (hit.message.id, hit.part, hit.text.split()[-1]) == ("m", 2, "cc")
    assert len(hit.text) <= 4 * 4096
    [last, *_] = memory.recall("cc " * 9000, thread_id="t")
    assert (last.message.id, last.part) == ("m", 2)
    memory.remember("t", {"id": "m", "content": "short"})
    assert [part for id, part in vectors(deployment) if id == "m"] == [0]
    [hit] = memory.recall("short", thread_id="t", top_k=1)
    assert (hit.message.id, hit.message.text, hit.part) == ("m", "short", 0)
    # Without an embedding, an old vector would be one of another text.
    mc.Memory(deployment).remember("t", {"id": "m", "content": "shorter"})
    assert [id for id, _ in vectors(deployment) if id == "m"] == []


def test_another_model_is_refused(deployment: mc.Deployment) -> None:
    """An index keeps its model's name: another one's vectors are neither stored nor compared with."""
    first, other = (mc.Memory(deployment, letters, model=name) for name in ("letters-1", "letters-2"))
    mc.Memory(deployment, letters).remember("t", "aaa", resource_id="ada")
    first.remember("t", "bbb")
    words = 'index "memory_messages_26" has vectors of the model "letters-1", not of "letters-2"'
    with pytest.raises(mc.InvalidArgumentError, match=f"^Memory.remember: {words}"):
        other.remember("t", "ccc")
    with pytest.raises(mc.InvalidArgumentError, match=f"^Memory.context: {words}"):
        other.context("t", "a")
    assert texts((other.context("t")).messages) == ["aaa", "bbb"]
    assert len(mc.Memory(deployment, letters).recall("a", thread_id="t")) == 2
