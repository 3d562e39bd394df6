# Generated from _async/store/items.py by tools/unasync.py: edit that.
"""Values by namespace and key, which stores of agent frameworks keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import time
from typing import ClassVar

from mastra_convex._sync.storage import Storage, Row
from mastra_convex._sync.store.blobs import BLOBS, Blobs
from mastra_convex._sync.store.domain import Domain
from mastra_convex.records._values import date_of
from mastra_convex.records.items import Item, Put

ITEMS = "mastra_items"

# Items in one call; each may take up to a blob's bound inline.
ITEMS_PER_CALL = 10


class ItemsStorage(Domain):
    """Values by namespace and key, with revisions that writers compare."""

    _TABLES: ClassVar = {ITEMS: None, BLOBS: None}

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self._blobs = Blobs(storage)

    def get(self, addresses: Sequence[tuple[str, str]], *, refresh: bool = False) -> list[Item | None]:
        """Return the items at some addresses, pairs of namespace and key; None where there is none.

        With `refresh`, items that expire begin their time anew.
        """
        op = "readItems" if refresh else "getItems"
        items: list[Item | None] = []
        for begin in range(0, len(addresses), ITEMS_PER_CALL):
            wanted = [
                {"namespace": namespace, "key": key} for namespace, key in addresses[begin : begin + ITEMS_PER_CALL]
            ]
            for row in self._storage.call(op, ITEMS, items=wanted):
                items.append(None if row is None else self._item(row))
        return items

    def put(self, puts: Sequence[Put]) -> list[int]:
        """Write items in one transaction; return their revisions, 0 for one that was deleted.

        Raises
        ------
        WriteConflictError
            An item has another revision than was expected; nothing was written.
        """
        items: list[Row] = []
        for put in puts:
            columns = {} if put.value is None else self._blobs.columns(put.value)
            options = {"expected": put.expected, "ttl": put.ttl_ms}
            given = {name: value for name, value in options.items() if value is not None}
            items.append({"namespace": put.namespace, "key": put.key, **columns, **given})
        try:
            reply = self._storage.call("putItems", ITEMS, items=items)
        except Exception:
            # A conflict, a refusal: no row names these parts.
            self._blobs.delete(item.get("blob") for item in items)
            raise
        self._blobs.delete(reply["blobs"])
        return [int(revision) for revision in reply["revisions"]]

    def iterate(
        self, begins_with: str, *, namespace: str | None = None, page_size: int = 64
    ) -> Iterator[Item]:
        """Iterate over the items whose namespace begins with a text, or, in one namespace, whose key does.

        In the order of namespaces and keys, by code point.
        """
        order: Row = {"field": "namespace" if namespace is None else "key", "order": "asc"}
        if begins_with:
            order |= {"gte": begins_with, "lt": _after(begins_with)}
        filters = None if namespace is None else {"namespace": namespace}
        for row in self._storage.rows(ITEMS, filters, order, page_size=page_size):
            expires_at = row.get("expiresAt")
            if expires_at is None or expires_at > _now_ms():
                yield self._item(row)

    def sweep(self) -> int:
        """Delete the items that have expired; return how many. Until then they are hidden."""
        # From 0 on: items that never expire have none, which Convex orders before all numbers.
        order = {"field": "expiresAt", "order": "asc", "gte": 0, "lte": _now_ms()}
        rows = [row for row in self._storage.rows(ITEMS, None, order)]
        for begin in range(0, len(rows), ITEMS_PER_CALL):
            some = rows[begin : begin + ITEMS_PER_CALL]
            self._storage.call("deleteMany", ITEMS, ids=[row["id"] for row in some])
            self._blobs.delete(row.get("blob") for row in some)
        return len(rows)

    def _item(self, row: Row) -> Item:
        return Item(
            namespace=row["namespace"],
            key=row["key"],
            value=self._blobs.value(row),
            revision=int(row["revision"]),
            created_at=date_of(row["createdAt"]),
            updated_at=date_of(row["updatedAt"]),
        )


def _now_ms() -> float:
    return time() * 1000


def _after(text: str) -> str:
    """The least text, by code point, above all that begin with this one."""
    for end in range(len(text), 0, -1):
        last = ord(text[end - 1])
        if last < 0x10FFFF:
            # Surrogates are no characters of their own.
            return text[: end - 1] + chr(0xE000 if last == 0xD7FF else last + 1)
    raise ValueError("no text is above this one")
