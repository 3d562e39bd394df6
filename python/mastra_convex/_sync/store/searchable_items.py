# Generated from _async/store/searchable_items.py by tools/unasync.py: edit that.
"""Items under paths of labels, which a search by vectors finds: the store of an agent framework."""

from __future__ import annotations

import json
from collections.abc import Iterator, Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mastra_convex._sync.store.items import ItemsStorage
from mastra_convex._sync.vector import ConvexVector
from mastra_convex.errors import IndexNotFoundError
from mastra_convex.records.items import Found, Item, Path, Put, Write

# Vectors that a search asks for at first, beyond what it wants: a value may have several, and a condition admit few.
FIRST_VECTORS = 32


Admits = Callable[[dict[str, Any]], bool]


class SearchableItems:
    """Values under paths of labels, in `ItemsStorage`, and their vectors in an index of `ConvexVector`.

    A write keeps vectors before the item that names them, and deletes those of the value before it afterwards. So an
    item never lacks a vector; one that is left over by a process that ended in between is passed over by searches.
    """

    def __init__(self, items: ItemsStorage, vector: ConvexVector, name: str) -> None:
        self._items = items
        self._vector = vector
        self._name = name

    def get(self, addresses: Sequence[tuple[Path, str]], *, refresh: bool) -> list[Found | None]:
        """Return the items at some addresses, None where there is none; `refresh` begins their time to live anew."""
        wanted = [(self._namespace(path), key) for path, key in addresses]
        found = self._items.get(wanted, refresh=refresh)
        return [None if item is None else self._found(item) for item in found]

    def put(self, writes: Sequence[Write]) -> None:
        """Write items, all in one transaction, after their vectors."""
        addresses = [(self._namespace(write.path), write.key) for write in writes]
        before = self._items.get(addresses)
        puts: list[Put] = []
        for write, (namespace, key) in zip(writes, addresses, strict=True):
            ids: list[str] = []
            if write.value is not None and len(write.vectors):
                begins = [self._namespace(write.path[:depth]) for depth in range(len(write.path) + 1)]
                metadata = {"namespace": namespace, "key": key, "begins": begins}
                self._vector.create_index(self._name, len(write.vectors[0]))  # type: ignore[arg-type]
                ids = self._vector.upsert(
                    self._name, np.asarray(write.vectors), metadata=[metadata] * len(write.vectors)
                )
            value = None if write.value is None else json.dumps({"value": write.value, "vectors": ids})
            puts.append(Put(namespace, key, value, ttl_ms=write.ttl_ms))
        self._items.put(puts)
        left = [id for item in before if item is not None for id in json.loads(item.value)["vectors"]]
        if left:
            self._vector.delete_vectors(self._name, ids=left)

    def iterate(self, prefix: Path) -> Iterator[Found]:
        """Iterate over the items whose path begins with a prefix, in the order of paths and keys."""
        for item in self._items.iterate(self._namespace(prefix)):
            yield self._found(item)

    def search(self, prefix: Path, query: ArrayLike, admits: Admits, count: int) -> list[Found]:
        """Return the items with the best scores, each by the best of its vectors; then items without vectors.

        Only those whose path begins with the prefix and whose value is admitted. Scores are cosines; ties in the order
        in which vectors were stored.
        """
        found: dict[tuple[Path, str], Found] = {}
        top_k = count + FIRST_VECTORS
        while True:
            try:
                hits = self._vector.query(
                    self._name, query, top_k=top_k, filter={"begins": {"$contains": self._namespace(prefix)}}
                )
            except IndexNotFoundError:
                break
            scores: dict[tuple[str, str], tuple[float, str]] = {}
            for hit in hits:
                scores.setdefault((hit.metadata["namespace"], hit.metadata["key"]), (hit.score, hit.id))
            found.clear()
            for item in self._items.get(list(scores)):
                # A vector that no item names belongs to a value before it.
                if item is None or scores[item.namespace, item.key][1] not in json.loads(item.value)["vectors"]:
                    continue
                one = self._found(item, scores[item.namespace, item.key][0])
                if admits(one.value):
                    found[one.path, one.key] = one
            if len(found) >= count or len(hits) < top_k:
                break
            top_k *= 4
        if len(found) < count:
            for other in self.iterate(prefix):
                if len(found) == count:
                    break
                if (other.path, other.key) not in found and admits(other.value):
                    found[other.path, other.key] = other
        return list(found.values())[:count]

    def sweep(self) -> int:
        """Delete items that have expired; return how many."""
        return self._items.sweep()

    def _namespace(self, path: Path) -> str:
        """A path as text: what begins with a path's text has a path that begins with it. Labels have no dots."""
        return "".join(f"{label}." for label in (self._name, *path))

    def _found(self, item: Item, score: float | None = None) -> Found:
        labels = item.namespace.split(".")[:-1]
        return Found(
            path=tuple(labels[len(self._name.split(".")) :]),
            key=item.key,
            value=json.loads(item.value)["value"],
            created_at=item.created_at,
            updated_at=item.updated_at,
            score=score,
        )
