"""The vectors of a memory: which texts have some, which functions make them, and what a bad one gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import mastra_convex as mc
from tests.contract._async._remembered import letters, texts, vectors


class Letters:
    """As a model of sentence-transformers: an object with `encode`."""

    def encode(self, texts: list[str]) -> NDArray[np.float64]:
        """The vectors as an array."""
        return np.array(letters(texts))


async def awaited(texts: list[str]) -> list[list[float]]:
    """As `letters`, by an async function."""
    return letters(texts)


@pytest.fixture
def memory(deployment: mc.AsyncDeployment) -> mc.AsyncMemory:
    """A memory on an empty deployment."""
    return mc.AsyncMemory(deployment, letters)


async def test_only_text_is_embedded(deployment: mc.AsyncDeployment, memory: mc.AsyncMemory) -> None:
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

    memory = mc.AsyncMemory(deployment, embed)
    saved = await memory.remember("t", [{"content": content} for content in contents], resource_id="ada")
    await memory.remember("t", "Be kind.", role="system")
    assert asked == ["aa bb", "cc"]
    assert await vectors(deployment) == [(saved[0].id, 0), (saved[1].id, 0)]
    assert [one.content for one in saved[:3]] == contents[:3]


@pytest.mark.parametrize("embed", [letters, awaited, Letters(), lambda texts: np.float32(letters(texts))])
async def test_vectors_are_made_by_a_function_or_a_model(deployment: mc.AsyncDeployment, embed: Any) -> None:
    """An embedding is a function, sync or async, or an object with `encode`; its vectors are lists or arrays."""
    memory = mc.AsyncMemory(deployment, embed)
    await memory.remember("t", ["aaa", "bbb"], resource_id="ada")
    assert [hit.message.text for hit in await memory.recall("b", thread_id="t", top_k=1)] == ["bbb"]


async def test_texts_are_embedded_in_batches(deployment: mc.AsyncDeployment) -> None:
    """At most `embed_batch_size` texts are embedded at once."""
    sizes = []

    def embed(texts: list[str]) -> list[list[float]]:
        sizes.append(len(texts))
        return letters(texts)

    memory = mc.AsyncMemory(deployment, embed, embed_batch_size=10)
    await memory.remember("t", [f"text {n}" for n in range(1, 26)])
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
async def test_a_bad_embedding_names_the_text_and_stores_nothing(
    deployment: mc.AsyncDeployment, embed: Any, words: str
) -> None:
    """An embedding that fails or answers with anything but a vector for each text is an error; nothing is stored."""
    memory = mc.AsyncMemory(deployment, embed)
    with pytest.raises(mc.InvalidArgumentError, match=f"^Memory.remember: {words}"):
        await memory.remember("t", [f"text {n}" for n in range(4)], resource_id="ada")
    assert await mc.AsyncConvexStore(deployment).memory.get_thread_by_id("t") is None
    assert await mc.AsyncConvexVector(deployment).list_indexes() == []


async def test_long_messages_are_embedded_in_parts(deployment: mc.AsyncDeployment, memory: mc.AsyncMemory) -> None:
    """A hit names the nearest part. Remembered again, a message has the vectors of its new text only."""
    words = ["aa " * 6000, "bb " * 5000, "cc " * 4000]
    await memory.remember("t", {"id": "m", "content": "".join(words)}, resource_id="ada")
    await memory.remember("t", "bcb")
    assert [part for id, part in await vectors(deployment) if id == "m"] == [0, 1, 2]
    [hit, _] = await memory.recall("cc", thread_id="t", top_k=2)
    assert (hit.message.id, hit.part, hit.text.split()[-1]) == ("m", 2, "cc")
    assert len(hit.text) <= 4 * 4096
    [last, *_] = await memory.recall("cc " * 9000, thread_id="t")
    assert (last.message.id, last.part) == ("m", 2)
    await memory.remember("t", {"id": "m", "content": "short"})
    assert [part for id, part in await vectors(deployment) if id == "m"] == [0]
    [hit] = await memory.recall("short", thread_id="t", top_k=1)
    assert (hit.message.id, hit.message.text, hit.part) == ("m", "short", 0)
    # Without an embedding, an old vector would be one of another text.
    await mc.AsyncMemory(deployment).remember("t", {"id": "m", "content": "shorter"})
    assert [id for id, _ in await vectors(deployment) if id == "m"] == []


async def test_another_model_is_refused(deployment: mc.AsyncDeployment) -> None:
    """An index keeps its model's name: another one's vectors are neither stored nor compared with."""
    first, other = (mc.AsyncMemory(deployment, letters, model=name) for name in ("letters-1", "letters-2"))
    await mc.AsyncMemory(deployment, letters).remember("t", "aaa", resource_id="ada")
    await first.remember("t", "bbb")
    words = 'index "memory_messages_26" has vectors of the model "letters-1", not of "letters-2"'
    with pytest.raises(mc.InvalidArgumentError, match=f"^Memory.remember: {words}"):
        await other.remember("t", "ccc")
    with pytest.raises(mc.InvalidArgumentError, match=f"^Memory.context: {words}"):
        await other.context("t", "a")
    assert texts((await other.context("t")).messages) == ["aaa", "bbb"]
    assert len(await mc.AsyncMemory(deployment, letters).recall("a", thread_id="t")) == 2
