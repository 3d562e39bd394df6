"""LangChain's own standard tests, and tests of features beyond them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.caches import BaseCache
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, Generation
from langchain_tests.integration_tests import (
    AsyncCacheTestSuite,
    BaseStoreAsyncTests,
    BaseStoreSyncTests,
    SyncCacheTestSuite,
    VectorStoreIntegrationTests,
)

import mastra_convex as mc
from mastra_convex.adapters.langchain import (
    ConvexByteStore,
    ConvexCache,
    ConvexChatMessageHistory,
    ConvexVectorStore,
)
from tests.adapters.pages import follow


class TestScan(VectorStoreIntegrationTests):
    """The standard tests over `ConvexVector`."""

    @pytest.fixture
    def vectorstore(self, deployment: mc.Deployment) -> ConvexVectorStore:
        """An empty store."""
        return ConvexVectorStore(deployment, self.get_embeddings())


class TestNative(VectorStoreIntegrationTests):
    """The standard tests over `ConvexNativeVector`."""

    @pytest.fixture
    def vectorstore(self) -> Iterator[ConvexVectorStore]:
        """An empty store. Naming its table declares the table."""
        dimension = len(self.get_embeddings().embed_query("text"))
        with mc.connect(":memory:") as db:
            yield ConvexVectorStore(db, self.get_embeddings(), native=mc.NativeIndex("documents", dimension))


# The last one is larger than a document may be.
VALUES = (b"foo", b"\x00\xff", b"buzz" * (1 << 19))


class TestBytes(BaseStoreSyncTests[bytes]):
    """By calls."""

    @pytest.fixture
    def kv_store(self, deployment: mc.Deployment) -> ConvexByteStore:  # type: ignore[override]
        """An empty store."""
        return ConvexByteStore(deployment)

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        """Some values."""
        return VALUES


class TestAsyncBytes(BaseStoreAsyncTests[bytes]):
    """By awaits."""

    @pytest.fixture
    async def kv_store(self, deployment: mc.Deployment) -> ConvexByteStore:  # type: ignore[override]
        """An empty store."""
        return ConvexByteStore(deployment)

    @pytest.fixture
    def three_values(self) -> tuple[bytes, bytes, bytes]:
        """Some values."""
        return VALUES


class TestCache(SyncCacheTestSuite):
    """By calls."""

    @pytest.fixture
    def cache(self, deployment: mc.Deployment) -> BaseCache:
        """An empty cache."""
        return ConvexCache(deployment)


class TestAsyncCache(AsyncCacheTestSuite):
    """By awaits."""

    @pytest.fixture
    async def cache(self, deployment: mc.Deployment) -> BaseCache:
        """An empty cache."""
        return ConvexCache(deployment)


def test_an_answer_of_a_chat_model_comes_back(deployment: mc.Deployment) -> None:
    """A cached answer has the same message."""
    cache = ConvexCache(deployment)
    answer = ChatGeneration(message=AIMessage("Hi", id="m"))
    cache.update("Hello", "model", [answer])
    assert cache.lookup("Hello", "model") == [answer]
    assert cache.lookup("Hello", "other") is None


@pytest.fixture
def documents(deployment: mc.Deployment) -> ConvexVectorStore:
    """Forty documents, numbered."""
    store = ConvexVectorStore(deployment, DeterministicFakeEmbedding(size=8))
    store.add_documents([Document(id=f"d{n}", page_content=f"text {n}", metadata={"n": n}) for n in range(40)])
    return store


def test_a_search_has_exact_scores_and_filters(documents: ConvexVectorStore) -> None:
    """The cosines of the vectors, best first."""
    embedding = documents.embeddings
    query = np.array(embedding.embed_query("question"))
    vectors = {f"d{n}": np.array(embedding.embed_query(f"text {n}")) for n in range(20, 40)}
    cosines = {
        id: float(vector @ query / np.linalg.norm(vector) / np.linalg.norm(query)) for id, vector in vectors.items()
    }
    found = documents.similarity_search_with_score("question", k=5, filter={"n": {"$gte": 20}})
    assert [document.id for document, _ in found] == sorted(cosines, key=lambda one: -cosines[one])[:5]
    assert [score for _, score in found] == pytest.approx(sorted(cosines.values(), reverse=True)[:5])
    assert found[0][0].metadata == {"n": int((found[0][0].id or "")[1:])}
    relevant = documents.similarity_search_with_relevance_scores("question", k=1)
    assert 0 <= relevant[0][1] <= 1


async def test_awaited_searches_find_the_same(documents: ConvexVectorStore) -> None:
    """Awaited searches by similarity, with scores and for diversity give the results of the sync ones."""
    assert await documents.asimilarity_search("question") == documents.similarity_search("question")
    scored = documents.similarity_search_with_score("question")
    assert await documents.asimilarity_search_with_score("question") == scored
    diverse = documents.max_marginal_relevance_search("question", k=3, lambda_mult=0.2)
    assert await documents.amax_marginal_relevance_search("question", k=3, lambda_mult=0.2) == diverse
    assert len({document.id for document in diverse}) == 3
    assert [found.id for found in documents.as_retriever().invoke("question")] == [
        document.id for document, _ in scored
    ]


def test_a_history_is_a_thread_that_others_read(deployment: mc.Deployment) -> None:
    """Messages come back as they were; Mastra's agents see roles and texts."""
    history = ConvexChatMessageHistory(deployment, "t1", resource_id="ada")
    messages: list[Any] = [
        SystemMessage("Be kind."),
        HumanMessage([{"type": "text", "text": "Where is my parcel?"}], name="Ada"),
        AIMessage("", tool_calls=[{"name": "find", "args": {"n": 1}, "id": "c1", "type": "tool_call"}]),
        ToolMessage("in Rome", tool_call_id="c1", name="find"),
        AIMessage("In Rome.", additional_kwargs={"$key": 1}),
    ]
    assert history.messages == []
    history.add_messages(messages)
    assert history.messages == messages
    assert asyncio.run(history.aget_messages()) == messages
    memory = mc.ConvexStore(deployment).memory
    stored = list(memory.iter_messages("t1"))
    assert [message.role for message in stored] == ["system", "user", "assistant", "assistant", "assistant"]
    assert [message.text for message in stored][1::3] == ["Where is my parcel?", "In Rome."]
    assert stored[0].resource_id == "ada"
    memory.save_messages([mc.Message(id="m", thread_id="t1", role="user", content="Thanks")])
    assert history.messages[-1] == HumanMessage("Thanks", id="m")
    history.clear()
    assert history.messages == []


def test_a_generation_without_a_message_comes_back(deployment: mc.Deployment) -> None:
    """A generation like the suite's keeps the model's own information."""
    cache = ConvexCache(deployment, ttl_ms=60_000)
    answer = [Generation(text="one", generation_info={"reason": "stop"}), Generation(text="two")]
    cache.update("p", "m", answer)
    assert cache.lookup("p", "m") == answer


def test_the_page_can_be_followed(tmp_path: Path) -> None:
    """Each block of the adapter's page runs and prints the output on the page."""
    follow("langchain", tmp_path)
