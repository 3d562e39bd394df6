"""`ConvexVectorStore`: LangChain's vector store over an index of vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance

from mastra_convex import (
    AsyncConvexNativeVector,
    AsyncConvexVector,
    ConvexNativeVector,
    ConvexVector,
    IndexNotFoundError,
    InvalidArgumentError,
    Metric,
    NativeIndex,
    QueryResult,
)
from mastra_convex._ids import new_id
from mastra_convex.adapters._faces import Faces, Given

Filter = Mapping[str, Any]


class ConvexVectorStore(VectorStore):
    """Documents in an index of vectors, with LangChain's interface.

    Rows are those of ``ConvexVector``, or of ``ConvexNativeVector`` where `native` is given, so both can be used beside
    this store. A document's text is kept in its row's metadata. Its metadata must be JSON.

    Parameters
    ----------
    deployment : Deployment, AsyncDeployment, or what ``connect`` takes
        Where the vectors are. A store closes only what it opened itself.
    embedding : Embeddings
        Makes vectors of texts.
    index_name : str, default "langchain"
        The index. The first documents make it, with their vectors' dimension.
    metric : {"cosine", "dotproduct", "euclidean"}, default "cosine"
        What a score means where the index has to be made.
    native : NativeIndex, optional
        Search by Convex's own vector index: at most 256 results, filters on its ``filter_fields`` only.
    text_field : str, default "text"
        The metadata field that keeps a document's text.
    **options
        ``connect``'s, with a target.
    """

    def __init__(
        self,
        deployment: Given,
        embedding: Embeddings,
        *,
        index_name: str = "langchain",
        metric: Metric = "cosine",
        native: NativeIndex | None = None,
        text_field: str = "text",
        **options: Any,
    ) -> None:
        self._faces = Faces(deployment, **options)
        self._embedding = embedding
        self._index_name = index_name
        self._metric: Metric = metric
        self._text_field = text_field
        self._vector: ConvexVector | ConvexNativeVector
        self._async_vector: AsyncConvexVector | AsyncConvexNativeVector
        if native is None:
            self._vector = ConvexVector(self._faces.blocking)
            self._async_vector = AsyncConvexVector(self._faces.awaited)
        else:
            indexes = {index_name: native}
            self._vector = ConvexNativeVector(self._faces.blocking, indexes=indexes)
            self._async_vector = AsyncConvexNativeVector(self._faces.awaited, indexes=indexes)

    @property
    def embeddings(self) -> Embeddings:
        """The function that makes vectors of texts."""
        return self._embedding

    def close(self) -> None:
        """Close the deployment, if this store opened it."""
        self._faces.close()

    # Writing

    def add_documents(self, documents: list[Document], **kwargs: Any) -> list[str]:
        """Embed documents and insert them, or replace those with the same ids.

        Parameters
        ----------
        documents : list of Document
            A document without an id gets a random one.
        ids : sequence of str, optional
            The documents' ids, instead of their own.

        Returns
        -------
        list of str
            The documents' ids, in the order given.

        Raises
        ------
        InvalidArgumentError
            The metadata isn't JSON, or lengths differ. Nothing was written.
        """
        if not documents:
            return []
        ids, texts, metadata = self._rows(documents, **kwargs)
        vectors = self._embedding.embed_documents(texts)
        self._vector.create_index(self._index_name, len(vectors[0]), self._metric)
        return self._vector.upsert(self._index_name, vectors, ids=ids, metadata=metadata)

    async def aadd_documents(self, documents: list[Document], **kwargs: Any) -> list[str]:
        """As `add_documents`."""
        if not documents:
            return []
        ids, texts, metadata = self._rows(documents, **kwargs)
        vectors = await self._embedding.aembed_documents(texts)
        await self._async_vector.create_index(self._index_name, len(vectors[0]), self._metric)
        return await self._async_vector.upsert(self._index_name, vectors, ids=ids, metadata=metadata)

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Delete documents by their ids; unknown ids are passed over. Without ids, delete all of the index."""
        try:
            if ids is None:
                self._vector.truncate_index(self._index_name)
            else:
                self._vector.delete_vectors(self._index_name, ids=ids)
        except IndexNotFoundError:
            return True
        return True

    async def adelete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """As `delete`."""
        try:
            if ids is None:
                await self._async_vector.truncate_index(self._index_name)
            else:
                await self._async_vector.delete_vectors(self._index_name, ids=ids)
        except IndexNotFoundError:
            return True
        return True

    # Reading

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Return the documents that exist among ids, in the order of the ids."""
        try:
            return self._documents(self._vector.get(self._index_name, list(ids)))
        except IndexNotFoundError:
            return []

    async def aget_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """As `get_by_ids`."""
        try:
            return self._documents(await self._async_vector.get(self._index_name, list(ids)))
        except IndexNotFoundError:
            return []

    def similarity_search(
        self, query: str, k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """Return the `k` documents most similar to a text; `filter` is a condition on their metadata."""
        return [document for document, _ in self.similarity_search_with_score(query, k, filter=filter, **kwargs)]

    async def asimilarity_search(
        self, query: str, k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """As `similarity_search`."""
        found = await self.asimilarity_search_with_score(query, k, filter=filter, **kwargs)
        return [document for document, _ in found]

    def similarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Return documents with their scores: the index's metric, higher is better; ties in stored order."""
        vector = self._embedding.embed_query(query)
        return self.similarity_search_with_score_by_vector(vector, k, filter=filter, **kwargs)

    async def asimilarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """As `similarity_search_with_score`."""
        vector = await self._embedding.aembed_query(query)
        return await self.asimilarity_search_with_score_by_vector(vector, k, filter=filter, **kwargs)

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """Return the `k` documents most similar to a vector."""
        found = self.similarity_search_with_score_by_vector(embedding, k, filter=filter, **kwargs)
        return [document for document, _ in found]

    async def asimilarity_search_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """As `similarity_search_by_vector`."""
        found = await self.asimilarity_search_with_score_by_vector(embedding, k, filter=filter, **kwargs)
        return [document for document, _ in found]

    def similarity_search_with_score_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """Return the documents most similar to a vector, with their scores."""
        return self._scored(self._query(embedding, k, filter))

    async def asimilarity_search_with_score_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """As `similarity_search_with_score_by_vector`."""
        return self._scored(await self._aquery(embedding, k, filter))

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """Return `k` of the `fetch_k` most similar documents, chosen for similarity and diversity.

        `lambda_mult` weighs them: 1 is similarity alone, 0 diversity alone.
        """
        vector = self._embedding.embed_query(query)
        return self.max_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, **kwargs)

    async def amax_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5, **kwargs: Any
    ) -> list[Document]:
        """As `max_marginal_relevance_search`."""
        vector = await self._embedding.aembed_query(query)
        return await self.amax_marginal_relevance_search_by_vector(vector, k, fetch_k, lambda_mult, **kwargs)

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """As `max_marginal_relevance_search`, by a vector."""
        hits = self._query(embedding, fetch_k, filter, include_vector=True)
        return self._diverse(embedding, hits, k, lambda_mult)

    async def amax_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """As `max_marginal_relevance_search`, by a vector."""
        hits = await self._aquery(embedding, fetch_k, filter, include_vector=True)
        return self._diverse(embedding, hits, k, lambda_mult)

    # Making a store of texts

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        deployment: Given = ":memory:",
        **kwargs: Any,
    ) -> Self:
        """Return a store with these texts; further options are the class's."""
        store = cls(deployment, embedding, **kwargs)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    @classmethod
    async def afrom_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        deployment: Given = ":memory:",
        **kwargs: Any,
    ) -> Self:
        """As `from_texts`."""
        store = cls(deployment, embedding, **kwargs)
        await store.aadd_texts(texts, metadatas, ids=ids)
        return store

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        """A score as relevance from 0 to 1. Dot products are of unit vectors, as those of most models are."""
        if self._metric == "euclidean":
            return lambda score: score
        return lambda score: (1 + score) / 2

    def _rows(
        self, documents: Sequence[Document], *, ids: Sequence[str | None] | None = None, **kwargs: Any
    ) -> tuple[list[str], list[str], list[dict[str, Any]]]:
        """Ids, texts and metadata of documents."""
        if kwargs:
            raise TypeError(f"ConvexVectorStore.add_documents: unknown options {sorted(kwargs)}")
        given = [document.id for document in documents] if ids is None else list(ids)
        if len(given) != len(documents):
            raise InvalidArgumentError(
                f"ConvexVectorStore.add_documents: ids length ({len(given)}) must match documents length "
                f"({len(documents)})"
            )
        texts = [document.page_content for document in documents]
        metadata = [{**document.metadata, self._text_field: document.page_content} for document in documents]
        return [id or new_id() for id in given], texts, metadata

    def _query(
        self, embedding: Sequence[float], k: int, filter: Filter | None, *, include_vector: bool = False
    ) -> list[QueryResult]:
        try:
            return list(
                self._vector.query(self._index_name, embedding, top_k=k, filter=filter, include_vector=include_vector)
            )
        except IndexNotFoundError:
            return []

    async def _aquery(
        self, embedding: Sequence[float], k: int, filter: Filter | None, *, include_vector: bool = False
    ) -> list[QueryResult]:
        try:
            return list(
                await self._async_vector.query(
                    self._index_name, embedding, top_k=k, filter=filter, include_vector=include_vector
                )
            )
        except IndexNotFoundError:
            return []

    def _document(self, hit: QueryResult) -> Document:
        metadata = dict(hit.metadata)
        # Rows that other clients wrote may have no text.
        text = metadata.pop(self._text_field, "")
        return Document(id=hit.id, page_content=text if isinstance(text, str) else "", metadata=metadata)

    def _documents(self, hits: Iterable[QueryResult | None]) -> list[Document]:
        return [self._document(hit) for hit in hits if hit is not None]

    def _scored(self, hits: Iterable[QueryResult]) -> list[tuple[Document, float]]:
        return [(self._document(hit), hit.score) for hit in hits]

    def _diverse(
        self, embedding: Sequence[float], hits: Sequence[QueryResult], k: int, lambda_mult: float
    ) -> list[Document]:
        vectors = [hit.vector.tolist() for hit in hits if hit.vector is not None]
        chosen = maximal_marginal_relevance(np.asarray(embedding, np.float64), vectors, lambda_mult, k)
        return [self._document(hits[position]) for position in chosen]
