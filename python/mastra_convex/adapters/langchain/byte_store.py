"""`ConvexByteStore`: LangChain's store of bytes by key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.stores import ByteStore

from mastra_convex._async.store.items import AsyncItemsStorage
from mastra_convex._sync.store.items import ItemsStorage
from mastra_convex.adapters._faces import Faces, Given
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records.items import Put


class ConvexByteStore(ByteStore):
    """Bytes by key. Values beyond 1 MiB, Convex's limit for a document, are split into parts.

    Parameters
    ----------
    deployment : Deployment, AsyncDeployment, or what ``connect`` takes
        Where the values are. A store closes only what it opened itself.
    namespace : str, default "langchain"
        Stores of different namespaces share nothing.
    storage_function : str, default "mastra/storage:handle"
        The path of the storage function.
    **options
        ``connect``'s, with a target.
    """

    def __init__(
        self,
        deployment: Given,
        *,
        namespace: str = "langchain",
        storage_function: str = "mastra/storage:handle",
        **options: Any,
    ) -> None:
        self._faces = Faces(deployment, **options)
        blocking, awaited = self._faces.storages(storage_function)
        self._items = ItemsStorage(blocking)
        self._async_items = AsyncItemsStorage(awaited)
        self._namespace = f"bytes.{namespace}"

    def close(self) -> None:
        """Close the deployment, if this store opened it."""
        self._faces.close()

    def mget(self, keys: Sequence[str]) -> list[bytes | None]:
        """Return the values of keys, None where there is none."""
        found = self._items.get([(self._namespace, key) for key in keys])
        return [None if item is None else item.value for item in found]

    async def amget(self, keys: Sequence[str]) -> list[bytes | None]:
        """As `mget`."""
        found = await self._async_items.get([(self._namespace, key) for key in keys])
        return [None if item is None else item.value for item in found]

    def mset(self, key_value_pairs: Sequence[tuple[str, bytes]]) -> None:
        """Set the values of keys. Of equal keys the last one wins."""
        self._items.put(self._puts(key_value_pairs))

    async def amset(self, key_value_pairs: Sequence[tuple[str, bytes]]) -> None:
        """As `mset`."""
        await self._async_items.put(self._puts(key_value_pairs))

    def mdelete(self, keys: Sequence[str]) -> None:
        """Delete keys; missing ones are passed over."""
        self._items.put([Put(self._namespace, key, None) for key in keys])

    async def amdelete(self, keys: Sequence[str]) -> None:
        """As `mdelete`."""
        await self._async_items.put([Put(self._namespace, key, None) for key in keys])

    def yield_keys(self, *, prefix: str | None = None) -> Iterator[str]:
        """Iterate over the keys that begin with a prefix, by code point."""
        for item in self._items.iterate(prefix or "", namespace=self._namespace):
            yield item.key

    async def ayield_keys(self, *, prefix: str | None = None) -> AsyncIterator[str]:
        """As `yield_keys`."""
        async for item in self._async_items.iterate(prefix or "", namespace=self._namespace):
            yield item.key

    def _puts(self, pairs: Sequence[tuple[str, bytes]]) -> list[Put]:
        for key, value in pairs:
            if not isinstance(value, bytes | bytearray | memoryview):
                raise InvalidArgumentError(
                    f"ConvexByteStore.mset: the value of {key!r} is {value!r:.80}; expected bytes"
                )
        return [Put(self._namespace, key, bytes(value)) for key, value in pairs]
