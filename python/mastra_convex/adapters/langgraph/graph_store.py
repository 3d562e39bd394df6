"""`ConvexGraphStore`: LangGraph's store on a deployment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    ensure_embeddings,
    get_text_at_path,
    tokenize_path,
)

from mastra_convex import AsyncConvexVector, ConvexVector
from mastra_convex._async.store.items import AsyncItemsStorage
from mastra_convex._async.store.searchable_items import AsyncSearchableItems
from mastra_convex._sync.store.items import ItemsStorage
from mastra_convex._sync.store.searchable_items import SearchableItems
from mastra_convex.adapters._faces import Faces, Given
from mastra_convex.errors import FilterError, InvalidArgumentError
from mastra_convex.records.items import Found, Write

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": lambda value, operand: bool(value == operand),
    "$ne": lambda value, operand: bool(value != operand),
    "$gt": lambda value, operand: float(value) > float(operand),
    "$gte": lambda value, operand: float(value) >= float(operand),
    "$lt": lambda value, operand: float(value) < float(operand),
    "$lte": lambda value, operand: float(value) <= float(operand),
}


class ConvexGraphStore(BaseStore):
    """Values that graphs keep beyond a thread, by namespace and key, with a search by meaning.

    Parameters
    ----------
    deployment : Deployment, AsyncDeployment, or what ``connect`` takes
        Where the values are. A store closes only what it opened itself.
    index : IndexConfig, optional
        LangGraph's configuration of the search: ``dims``, ``embed``, ``fields``. Without it there is none. Scores are
        exact cosines.
    ttl : TTLConfig, optional
        LangGraph's configuration of expiry, in minutes. Items that have expired are never returned.
    name : str, default "langgraph"
        Begins the names of what this store keeps: stores of different names share nothing.
    storage_function : str, default "mastra/storage:handle"
        The path of the storage function.
    **options
        ``connect``'s, with a target.
    """

    supports_ttl = True

    def __init__(
        self,
        deployment: Given,
        *,
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        name: str = "langgraph",
        storage_function: str = "mastra/storage:handle",
        **options: Any,
    ) -> None:
        self._faces = Faces(deployment, **options)
        blocking, awaited = self._faces.storages(storage_function)
        vector = ConvexVector(self._faces.blocking, storage_function=storage_function)
        async_vector = AsyncConvexVector(self._faces.awaited, storage_function=storage_function)
        self._items = SearchableItems(ItemsStorage(blocking), vector, name)
        self._async_items = AsyncSearchableItems(AsyncItemsStorage(awaited), async_vector, name)
        self.ttl_config = ttl
        self.index_config = index
        self.embeddings = None if index is None else ensure_embeddings(index.get("embed"))
        self._fields = (index.get("fields") if index else None) or ["$"]

    def close(self) -> None:
        """Close the deployment, if this store opened it."""
        self._faces.close()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations: all reads first, then all writes, in one transaction, the last one of a key."""
        plan = _Plan(ops)
        for position, get in plan.gets.items():
            [found] = self._items.get([(get.namespace, get.key)], refresh=get.refresh_ttl)
            plan.results[position] = _item(found)
        for position, search in plan.searches.items():
            vector = self.embeddings.embed_query(search.query) if self.embeddings and search.query else None
            wanted = search.offset + search.limit
            if vector is None:
                found_items = list(_some(self._items.iterate(search.namespace_prefix), _admits(search), wanted))
            else:
                found_items = self._items.search(search.namespace_prefix, vector, _admits(search), wanted)
            page = found_items[search.offset : wanted]
            if page and search.refresh_ttl:
                self._items.get([(item.path, item.key) for item in page], refresh=True)
            plan.results[position] = [_search_item(item) for item in page]
        for position, listing in plan.listings.items():
            paths = {item.path for item in self._items.iterate(_prefix_of(listing))}
            plan.results[position] = _namespaces(listing, paths)
        if plan.puts:
            texts = {key: self._texts(put) for key, put in plan.puts.items()}
            every = [text for some in texts.values() for text in some]
            vectors = iter(self.embeddings.embed_documents(every) if self.embeddings and every else [])
            self._items.put(self._writes(plan.puts, texts, vectors))
        return plan.results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As `batch`."""
        plan = _Plan(ops)
        for position, get in plan.gets.items():
            [found] = await self._async_items.get([(get.namespace, get.key)], refresh=get.refresh_ttl)
            plan.results[position] = _item(found)
        for position, search in plan.searches.items():
            vector = await self.embeddings.aembed_query(search.query) if self.embeddings and search.query else None
            wanted = search.offset + search.limit
            admits = _admits(search)
            if vector is None:
                found_items: list[Found] = []
                async for item in self._async_items.iterate(search.namespace_prefix):
                    if len(found_items) == wanted:
                        break
                    if admits(item.value):
                        found_items.append(item)
            else:
                found_items = await self._async_items.search(search.namespace_prefix, vector, admits, wanted)
            page = found_items[search.offset : wanted]
            if page and search.refresh_ttl:
                await self._async_items.get([(item.path, item.key) for item in page], refresh=True)
            plan.results[position] = [_search_item(item) for item in page]
        for position, listing in plan.listings.items():
            paths = {item.path async for item in self._async_items.iterate(_prefix_of(listing))}
            plan.results[position] = _namespaces(listing, paths)
        if plan.puts:
            texts = {key: self._texts(put) for key, put in plan.puts.items()}
            every = [text for some in texts.values() for text in some]
            vectors = iter(await self.embeddings.aembed_documents(every) if self.embeddings and every else [])
            await self._async_items.put(self._writes(plan.puts, texts, vectors))
        return plan.results

    def sweep_ttl(self) -> int:
        """Delete items that have expired; return how many."""
        return self._items.sweep()

    async def asweep_ttl(self) -> int:
        """As `sweep_ttl`."""
        return await self._async_items.sweep()

    def _texts(self, put: PutOp) -> list[str]:
        """The texts of a value that are embedded."""
        if self.embeddings is None or put.value is None or put.index is False:
            return []
        fields = self._fields if put.index is None else put.index
        tokens = (field if field == "$" else tokenize_path(field) for field in fields)
        return [text for token in tokens for text in get_text_at_path(put.value, token)]

    def _writes(
        self,
        puts: Mapping[tuple[tuple[str, ...], str], PutOp],
        texts: Mapping[tuple[tuple[str, ...], str], Sequence[str]],
        vectors: Iterator[Sequence[float]],
    ) -> list[Write]:
        writes = []
        for address, put in puts.items():
            value = None if put.value is None else dict(put.value)
            try:
                json.dumps(value)
            except (TypeError, ValueError) as error:
                raise InvalidArgumentError(
                    f"ConvexGraphStore.put: the value of {put.key!r} in {put.namespace!r} isn't JSON: {error}"
                ) from error
            writes.append(
                Write(
                    path=put.namespace,
                    key=put.key,
                    value=value,
                    vectors=[next(vectors) for _ in texts[address]],
                    ttl_ms=None if put.ttl is None else put.ttl * 60_000,
                )
            )
        return writes


class _Plan:
    """A batch by kinds of operations; their results go into their places."""

    def __init__(self, ops: Iterable[Op]) -> None:
        self.gets: dict[int, GetOp] = {}
        self.searches: dict[int, SearchOp] = {}
        self.listings: dict[int, ListNamespacesOp] = {}
        self.puts: dict[tuple[tuple[str, ...], str], PutOp] = {}
        self.results: list[Result] = []
        for position, op in enumerate(ops):
            self.results.append(None)
            if isinstance(op, GetOp):
                self.gets[position] = op
            elif isinstance(op, SearchOp):
                self.searches[position] = op
            elif isinstance(op, ListNamespacesOp):
                self.listings[position] = op
            elif isinstance(op, PutOp):
                self.puts[op.namespace, op.key] = op
            else:
                raise InvalidArgumentError(f"ConvexGraphStore.batch: {op!r:.80} is not an operation of a store")


def _item(found: Found | None) -> Item | None:
    if found is None:
        return None
    return Item(
        value=found.value,
        key=found.key,
        namespace=found.path,
        created_at=found.created_at,
        updated_at=found.updated_at,
    )


def _search_item(found: Found) -> SearchItem:
    return SearchItem(
        namespace=found.path,
        key=found.key,
        value=found.value,
        created_at=found.created_at,
        updated_at=found.updated_at,
        score=found.score,
    )


def _some(items: Iterable[Found], admits: Callable[[dict[str, Any]], bool], count: int) -> Iterator[Found]:
    """The first items that are admitted."""
    for item in items:
        if count == 0:
            return
        if admits(item.value):
            yield item
            count -= 1


def _admits(search: SearchOp) -> Callable[[dict[str, Any]], bool]:
    conditions = dict(search.filter or {})

    def admits(value: dict[str, Any]) -> bool:
        return all(_equals(value.get(key), condition) for key, condition in conditions.items())

    return admits


def _equals(value: Any, condition: Any) -> bool:
    """Whether a value satisfies a condition, as LangGraph's own stores compare."""
    if isinstance(condition, Mapping):
        if any(str(key).startswith("$") for key in condition):
            return all(_compares(value, operator, operand) for operator, operand in condition.items())
        return isinstance(value, Mapping) and all(_equals(value.get(key), inner) for key, inner in condition.items())
    if isinstance(condition, list | tuple):
        return (
            isinstance(value, list | tuple)
            and len(value) == len(condition)
            and all(_equals(one, inner) for one, inner in zip(value, condition, strict=True))
        )
    return bool(value == condition)


def _compares(value: Any, operator: str, operand: Any) -> bool:
    compare = COMPARISONS.get(operator)
    if compare is None:
        raise FilterError(f"ConvexGraphStore.search: operator {operator!r}; expected one of: {', '.join(COMPARISONS)}")
    try:
        return compare(value, operand)
    except (TypeError, ValueError):
        # A value that is no number is neither above nor below one.
        return False


def _prefix_of(listing: ListNamespacesOp) -> tuple[str, ...]:
    """The labels with which all namespaces begin that are wanted."""
    for condition in listing.match_conditions or ():
        if condition.match_type == "prefix" and "*" not in condition.path:
            return tuple(condition.path)
    return ()


def _namespaces(listing: ListNamespacesOp, paths: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    conditions = listing.match_conditions or ()
    matching = {path for path in paths if all(_matches(condition, path) for condition in conditions)}
    cut = {path[: listing.max_depth] for path in matching}
    return sorted(cut)[listing.offset : listing.offset + listing.limit]


def _matches(condition: MatchCondition, path: tuple[str, ...]) -> bool:
    labels = condition.path
    if len(path) < len(labels):
        return False
    part = path[: len(labels)] if condition.match_type == "prefix" else path[len(path) - len(labels) :]
    return all(label in ("*", found) for label, found in zip(labels, part, strict=True))
