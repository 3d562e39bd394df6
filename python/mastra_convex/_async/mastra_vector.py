"""The methods of both vector classes, and the handle on one index."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, TypedDict, Unpack

from numpy.typing import ArrayLike

from mastra_convex._arguments import Metadata, as_ids, as_items, as_metadata, key_text, plain_text
from mastra_convex._async.client import AsyncClient
from mastra_convex._async.embedding import AsyncEmbedder, Embed
from mastra_convex._async.subscription import AsyncSubscription
from mastra_convex._public import public
from mastra_convex.errors import IndexNotFoundError, InvalidArgumentError, NotFoundError
from mastra_convex.types import IndexStats, Metric, QueryResult, QueryResults

Filter = Mapping[str, Any]
Progress = Callable[[int, int], object]


# How a remote index is searched.
Strategy: TypeAlias = Literal["auto", "server", "mirror", "pages"]


class SearchOptions(TypedDict, total=False):
    """The options of a search, wherever it is done."""

    top_k: int
    filter: Filter | None
    include_vector: bool
    min_score: float | None


class QueryOptions(SearchOptions, total=False):
    """The options of ``query`` and ``query_many``; each class explains them at its ``query``."""

    strategy: Strategy | None


class AsyncMastraVector(AsyncClient, ABC):
    """Named indexes of vectors with ids and metadata, and search in them."""

    @abstractmethod
    async def create_index(self, index_name: str, dimension: int, metric: Metric = "cosine") -> None:
        """Create an index."""

    @abstractmethod
    async def upsert(
        self,
        index_name: str,
        vectors: ArrayLike,
        *,
        ids: Sequence[str] | None = None,
        metadata: Sequence[Metadata | None] | None = None,
        delete_filter: Filter | None = None,
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> list[str]:
        """Insert rows, or replace those with the same ids."""

    @abstractmethod
    async def query(
        self,
        index_name: str,
        query_vector: ArrayLike | None = None,
        **options: Unpack[QueryOptions],
    ) -> QueryResults:
        """Return the rows most similar to a vector."""

    @abstractmethod
    async def query_many(
        self,
        index_name: str,
        query_vectors: ArrayLike,
        **options: Unpack[QueryOptions],
    ) -> list[QueryResults]:
        """Query with each of several vectors."""

    @abstractmethod
    async def get(
        self, index_name: str, ids: Sequence[str], *, include_vector: bool = False
    ) -> list[QueryResult | None]:
        """Return the rows with some ids."""

    @abstractmethod
    def iter(
        self, index_name: str, filter: Filter | None = None, *, include_vector: bool = False
    ) -> AsyncIterator[QueryResult]:
        """Iterate over the rows that match a filter."""

    @abstractmethod
    async def count(self, index_name: str, filter: Filter | None = None) -> int:
        """Return how many rows match a filter."""

    @abstractmethod
    def watch(
        self, index_name: str, query_vector: ArrayLike, *, top_k: int = 10, filter: Filter | None = None
    ) -> AsyncSubscription[QueryResults]:
        """Follow the rows most similar to a vector, live."""

    @abstractmethod
    async def list_indexes(self) -> list[str]:
        """Return the names of the indexes."""

    @abstractmethod
    async def describe_index(self, index_name: str) -> IndexStats:
        """Return an index's dimension, metric and number of rows."""

    @abstractmethod
    async def update_vector(
        self, index_name: str, id: str, *, vector: ArrayLike | None = None, metadata: Metadata | None = None
    ) -> None:
        """Replace a row's vector, merge into its metadata, or both."""

    @abstractmethod
    async def update_vectors(self, index_name: str, filter: Filter, *, metadata: Metadata) -> None:
        """Merge metadata into the rows that match a filter."""

    @abstractmethod
    async def delete_vector(self, index_name: str, id: str) -> None:
        """Delete a row."""

    @abstractmethod
    async def delete_vectors(
        self, index_name: str, *, ids: Sequence[str] | None = None, filter: Filter | None = None
    ) -> None:
        """Delete rows by their ids, or those that match a filter."""

    @abstractmethod
    async def truncate_index(self, index_name: str) -> None:
        """Delete all rows of an index."""

    @abstractmethod
    async def delete_index(self, index_name: str) -> None:
        """Delete an index with its rows."""

    async def index(
        self,
        index_name: str,
        dimension: int | None = None,
        metric: Metric = "cosine",
        *,
        embed: Embed = None,
        text_field: str = "text",
        embed_batch_size: int = 64,
    ) -> AsyncVectorIndex:
        """Return a handle on an index. It has this class's methods without the index's name.

        Parameters
        ----------
        index_name : str
            The index.
        dimension : int, optional
            If given, a missing index is created, as by `create_index`.
        metric : {"cosine", "dotproduct", "euclidean"}, default "cosine"
            The metric of a new index.
        embed : callable, or an object with ``encode``, optional
            Makes vectors: from a list of texts to a vector for each, sync or async. Then the handle's `add` and
            `search` take texts, and `add` creates a missing index, with the dimension of the first vectors.
        text_field : str, default "text"
            The metadata's field in which `add` keeps a text.
        embed_batch_size : int, default 64
            The most texts that are embedded at once.

        Raises
        ------
        IndexNotFoundError
            Neither a dimension nor `embed` is given, and the index doesn't exist.
        """
        if dimension is not None:
            await self.create_index(index_name, dimension, metric)
        elif embed is None:
            await self.describe_index(index_name)
        embedder = None if embed is None else AsyncEmbedder("VectorIndex", embed, embed_batch_size, dimension)
        return AsyncVectorIndex(self, index_name, metric, embedder, key_text("VectorIndex: text_field", text_field))


@public
class AsyncVectorIndex:
    """One index of a vector class. Each method calls the class's method with the index's name; `add` and `search` take
    texts.
    """

    def __init__(
        self,
        vector: AsyncMastraVector,
        index_name: str,
        metric: Metric = "cosine",
        embedder: AsyncEmbedder | None = None,
        text_field: str = "text",
    ) -> None:
        self._vector = vector
        self.index_name = index_name
        self._metric = metric
        self._embedder = embedder
        self._text_field = text_field

    async def add(
        self,
        texts: Sequence[str],
        *,
        ids: Sequence[str] | None = None,
        metadata: Sequence[Metadata | None] | None = None,
    ) -> list[str]:
        """Embed texts and insert them, or replace the rows with the same ids. A row's metadata keeps its text.

        Parameters
        ----------
        texts : sequence of str, length n
        ids : sequence of str, length n, optional
            By default new ones (UUID7), which begin with the time.
        metadata : sequence of dict or None, length n, optional
            The text is added to it, in the field `text_field`.

        Returns
        -------
        list of str, length n
            The rows' ids.

        Raises
        ------
        InvalidArgumentError
            The handle has no `embed`, `embed` failed for a text, or an argument is invalid. Nothing was written.
        DimensionMismatchError
            A vector's length differs from the index's, or from the first one's.
        """
        place = "VectorIndex.add"
        embedder = self._embeds(place)
        given = [plain_text(f"{place}: texts[{n}]", text) for n, text in enumerate(as_items(f"{place}: texts", texts))]
        named = as_ids(place, ids, len(given), "texts")
        rows = as_metadata(place, metadata, len(given), "texts")
        for n, (row, text) in enumerate(zip(rows, given, strict=True)):
            if row.setdefault(self._text_field, text) != text:
                raise InvalidArgumentError(
                    f"{place}: metadata[{n}] has another {self._text_field!r}; expected none, or another text_field"
                )
        if not given:
            return []
        vectors = await embedder.embed(place, given, lambda n: f"texts[{n}]")
        try:
            return await self._vector.upsert(self.index_name, vectors, ids=named, metadata=rows)
        except IndexNotFoundError:
            await self._vector.create_index(self.index_name, vectors.shape[1], self._metric)
            return await self._vector.upsert(self.index_name, vectors, ids=named, metadata=rows)

    async def search(self, text: str, **options: Unpack[QueryOptions]) -> QueryResults:
        """Return the rows most similar to a text, which is embedded; results and options are those of `query`."""
        place = "VectorIndex.search"
        embedder = self._embeds(place)
        [vector] = await embedder.embed(place, [plain_text(f"{place}: text", text)], lambda _: "text")
        return await self._vector.query(self.index_name, vector, **options)

    def _embeds(self, place: str) -> AsyncEmbedder:
        if self._embedder is None:
            raise InvalidArgumentError(
                f"{place}: the handle has no embed; expected one of index({self.index_name!r}, embed=…)"
            )
        return self._embedder

    async def upsert(
        self,
        vectors: ArrayLike,
        *,
        ids: Sequence[str] | None = None,
        metadata: Sequence[Metadata | None] | None = None,
        delete_filter: Filter | None = None,
        batch_size: int | None = None,
        progress: Progress | None = None,
    ) -> list[str]:
        """Insert rows, or replace those with the same ids."""
        return await self._vector.upsert(
            self.index_name,
            vectors,
            ids=ids,
            metadata=metadata,
            delete_filter=delete_filter,
            batch_size=batch_size,
            progress=progress,
        )

    async def query(
        self,
        query_vector: ArrayLike | None = None,
        **options: Unpack[QueryOptions],
    ) -> QueryResults:
        """Return the rows most similar to a vector."""
        return await self._vector.query(self.index_name, query_vector, **options)

    async def query_many(
        self,
        query_vectors: ArrayLike,
        **options: Unpack[QueryOptions],
    ) -> list[QueryResults]:
        """Query with each of several vectors."""
        return await self._vector.query_many(self.index_name, query_vectors, **options)

    async def get(self, ids: Sequence[str], *, include_vector: bool = False) -> list[QueryResult | None]:
        """Return the rows with some ids."""
        return await self._vector.get(self.index_name, ids, include_vector=include_vector)

    def iter(self, filter: Filter | None = None, *, include_vector: bool = False) -> AsyncIterator[QueryResult]:
        """Iterate over the rows that match a filter."""
        return self._vector.iter(self.index_name, filter, include_vector=include_vector)

    async def count(self, filter: Filter | None = None) -> int:
        """Return how many rows match a filter."""
        return await self._vector.count(self.index_name, filter)

    # `len` takes the number of the sync class. Of the async class it would take a coroutine, and says so.
    async def __len__(self) -> int:
        return await self.count()

    def watch(
        self, query_vector: ArrayLike, *, top_k: int = 10, filter: Filter | None = None
    ) -> AsyncSubscription[QueryResults]:
        """Follow the rows most similar to a vector, live."""
        return self._vector.watch(self.index_name, query_vector, top_k=top_k, filter=filter)

    async def describe_index(self) -> IndexStats:
        """Return the index's dimension, metric and number of rows."""
        return await self._vector.describe_index(self.index_name)

    async def update_vector(
        self, id: str, *, vector: ArrayLike | None = None, metadata: Metadata | None = None
    ) -> None:
        """Replace a row's vector, merge into its metadata, or both."""
        await self._vector.update_vector(self.index_name, id, vector=vector, metadata=metadata)

    async def update_vectors(self, filter: Filter, *, metadata: Metadata) -> None:
        """Merge metadata into the rows that match a filter."""
        await self._vector.update_vectors(self.index_name, filter, metadata=metadata)

    async def delete_vector(self, id: str) -> None:
        """Delete a row."""
        await self._vector.delete_vector(self.index_name, id)

    async def delete_vectors(self, *, ids: Sequence[str] | None = None, filter: Filter | None = None) -> None:
        """Delete rows by their ids, or those that match a filter."""
        await self._vector.delete_vectors(self.index_name, ids=ids, filter=filter)

    async def truncate_index(self) -> None:
        """Delete all rows."""
        await self._vector.truncate_index(self.index_name)

    async def delete_index(self) -> None:
        """Delete the index with its rows."""
        await self._vector.delete_index(self.index_name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.index_name!r} of {self._vector!r})"


def row_not_found(place: str, index_name: str, id: str) -> NotFoundError:
    """The error for a row that doesn't exist."""
    return NotFoundError(
        f"{place}: index {index_name!r} has no row {id!r}", details={"index_name": index_name, "id": id}
    )


def index_not_found(place: str, index_name: str, existing: Sequence[str], otherwise: str) -> IndexNotFoundError:
    """The error for an index that doesn't exist. It lists the existing ones; its hint is a similar name, or else
    `otherwise`.
    """
    from difflib import get_close_matches

    near = get_close_matches(index_name, existing, n=1)
    there_are = f"there are: {', '.join(existing)}" if existing else "there is none yet"
    return IndexNotFoundError(
        f"{place}: index {index_name!r} does not exist; {there_are}",
        details={"index_name": index_name, "existing": list(existing)},
        hint=f"Did you mean {near[0]!r}?" if near else otherwise,
    )
