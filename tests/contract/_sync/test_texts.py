# Generated from _async/test_texts.py by tools/unasync.py: edit that.
"""Texts on an index of vectors: they are embedded, kept in the metadata, and found by text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

import mastra_convex as mc


def letters(texts: Sequence[str]) -> list[list[float]]:
    """Vectors of how often texts have each letter."""
    return [[float(text.lower().count(chr(97 + n))) for n in range(26)] for text in texts]


@pytest.fixture
def vector(deployment: mc.Deployment) -> mc.ConvexVector:
    """The vectors of an empty deployment."""
    return mc.ConvexVector(deployment)


def test_texts_are_added_and_found(vector: mc.ConvexVector) -> None:
    """The first texts make the index; a row's metadata keeps its text beside what was given."""
    docs = vector.index("docs", embed=letters)
    assert docs.add(["aaa", "abb", "ccc"], ids=["a", "b", "c"], metadata=[{"n": 1}, None, {"n": 2}]) == [*"abc"]
    hits = docs.search("a", top_k=2)
    assert [(hit.id, hit.metadata) for hit in hits] == [("a", {"n": 1, "text": "aaa"}), ("b", {"text": "abb"})]
    assert list(hits) == list(docs.query(letters(["a"])[0], top_k=2))
    assert [hit.id for hit in docs.search("a", filter={"n": {"$gt": 1}})] == ["c"]
    [best] = docs.search("a", min_score=0.9, include_vector=True)
    assert (best.id, best.vector.tolist()) == ("a", letters(["aaa"])[0])
    [id] = docs.add(["ddd"])
    assert [hit.id for hit in docs.search("d", top_k=1)] == [id]
    assert docs.add([]) == []
    assert (vector.describe_index("docs")).dimension == 26


def test_the_field_of_texts_can_be_chosen(vector: mc.ConvexVector) -> None:
    """`text_field` names the field of the metadata; another value there is an error."""
    docs = vector.index("docs", 26, "dotproduct", embed=letters, text_field="said")
    docs.add(["aaa", "bbb"], ids=["a", "b"], metadata=[{"said": "aaa"}, {"text": "x"}])
    assert [(hit.score, hit.metadata) for hit in docs.search("aab")] == [
        (6, {"said": "aaa"}),
        (3, {"said": "bbb", "text": "x"}),
    ]
    with pytest.raises(mc.InvalidArgumentError, match=r"VectorIndex.add: metadata\[0\] has another 'said'"):
        docs.add(["ccc"], metadata=[{"said": "ddd"}])
    # The metric is of an index that has to be made.
    (vector.index("docs", embed=letters)).add(["ccc"])


def test_texts_are_embedded_in_batches(vector: mc.ConvexVector) -> None:
    """At most `embed_batch_size` texts are embedded at once."""
    sizes = []

    def embed(texts: list[str]) -> list[list[float]]:
        sizes.append(len(texts))
        return letters(texts)

    docs = vector.index("docs", embed=embed, embed_batch_size=2)
    docs.add(["a", "b", "c"])
    assert sizes == [2, 1]


def test_each_text_has_an_id_and_metadata(vector: mc.ConvexVector) -> None:
    """Lists of other lengths are errors that name both, before anything is embedded."""
    docs = vector.index("docs", embed=lambda texts: pytest.fail("embedded"))
    with pytest.raises(mc.InvalidArgumentError, match=r"add: ids length \(1\) must match texts length \(2\)"):
        docs.add(["a", "b"], ids=["a"])
    with pytest.raises(mc.InvalidArgumentError, match=r"add: metadata length \(1\) must match texts length \(2\)"):
        docs.add(["a", "b"], metadata=[{}])


BAD: dict[str, tuple[Any, Any, str]] = {
    "no embed": (None, ["a"], r"VectorIndex.add: the handle has no embed; expected one of index\('docs', embed=…\)"),
    "one text": (letters, "abc", "VectorIndex.add: texts is 'abc'; expected a list"),
    "no text": (letters, ["a", 7], r"VectorIndex.add: texts\[1\] is 7; expected text"),
    "dimension": (
        lambda texts: [[1.0, 2.0]],
        ["a"],
        r"VectorIndex.add: embed's vector of texts\[0\] has 2 dimensions; expected 26",
    ),
    "too many": (
        lambda texts: letters(["a", "b"]),
        ["a"],
        r"VectorIndex.add: embed gave 2 vectors for 1 texts, texts\[0\]",
    ),
}


@pytest.mark.parametrize(("embed", "texts", "words"), BAD.values(), ids=BAD)
def test_bad_texts_and_embeddings_change_nothing(
    vector: mc.ConvexVector, embed: Any, texts: Any, words: str
) -> None:
    """An error names the text's place, and nothing was written."""
    docs = vector.index("docs", 26, embed=embed)
    with pytest.raises(mc.InvalidArgumentError, match=f"^{words}"):
        docs.add(texts)
    assert docs.count() == 0


def test_an_index_of_another_dimension_is_an_error(vector: mc.ConvexVector) -> None:
    """An existing index's dimension counts."""
    vector.create_index("docs", 3)
    docs = vector.index("docs", embed=letters)
    with pytest.raises(mc.DimensionMismatchError, match="26 dimensions, the index has 3"):
        docs.add(["a"])
