"""Pydantic AI's conversations on a deployment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter
from pydantic_ai.conversation_store import (
    ConversationConflict,
    ConversationEntry,
    ConversationRecord,
    ConversationStore,
)

from mastra_convex._async.store.items import AsyncItemsStorage
from mastra_convex.adapters._faces import Faces, Given
from mastra_convex.errors import WriteConflictError
from mastra_convex.records.items import Put

_RECORDS = TypeAdapter(ConversationRecord)
_ENTRIES = TypeAdapter(ConversationEntry)


class ConvexConversationStore(ConversationStore):
    """Conversations as a log of messages. A save is one transaction, which compares the revision and appends.

    Entries of a deleted conversation stay, because others that were forked from it may share them; `purge` deletes
    those that no conversation reaches.

    Parameters
    ----------
    deployment : Deployment, AsyncDeployment, or what ``connect`` takes
        Where the conversations are. A store closes only what it opened itself.
    name : str, default "pydantic_ai"
        Stores of different names share nothing.
    storage_function : str, default "mastra/storage:handle"
        The path of the storage function.
    **options
        ``connect``'s, with a target.
    """

    def __init__(
        self,
        deployment: Given,
        *,
        name: str = "pydantic_ai",
        storage_function: str = "mastra/storage:handle",
        **options: Any,
    ) -> None:
        self._faces = Faces(deployment, **options)
        _, awaited = self._faces.storages(storage_function)
        self._items = AsyncItemsStorage(awaited)
        self._records = f"{name}.records."
        self._entries = f"{name}.entries."

    def close(self) -> None:
        """Close the deployment, if this store opened it."""
        self._faces.close()

    async def read_record(self, conversation_id: str) -> ConversationRecord | None:
        """Return a conversation's record, or None."""
        record, _ = await self._stored(conversation_id)
        return record

    async def read_records(self, *, scope: str | None = None, limit: int | None = None) -> Sequence[ConversationRecord]:
        """Return the records, those of a scope where one is given, the one updated last first."""
        records = [
            _RECORDS.validate_json(item.value) async for item in self._items.iterate("", namespace=self._records)
        ]
        wanted = [record for record in records if scope is None or record.scope == scope]
        wanted.sort(key=lambda record: record.updated_at, reverse=True)
        return wanted[:limit]

    async def write_record(
        self,
        record: ConversationRecord,
        *,
        new_entries: Sequence[ConversationEntry] = (),
        expected_revision: str | None,
    ) -> None:
        """Store a record with new entries, in one transaction.

        Raises
        ------
        ConversationConflict
            The stored record has another revision than `expected_revision`, or there is no entry at the head of the
            history. Nothing was written.
        """
        stored, revision = await self._stored(record.conversation_id)
        if (None if stored is None else stored.revision) != expected_revision:
            raise ConversationConflict(record.conversation_id)
        if record.head_id is not None and record.head_id not in {entry.id for entry in new_entries}:
            [head] = await self._items.get([(self._entries, record.head_id)])
            if head is None:
                raise ConversationConflict(record.conversation_id)
        puts = [Put(self._entries, entry.id, _ENTRIES.dump_json(entry).decode()) for entry in new_entries]
        text = _RECORDS.dump_json(record).decode()
        await self._compare_and_put(
            record.conversation_id, [Put(self._records, record.conversation_id, text, revision), *puts]
        )

    async def delete_record(self, conversation_id: str, *, expected_revision: str) -> None:
        """Delete a conversation's record; its entries stay until `purge`.

        Raises
        ------
        ConversationConflict
            The stored record has another revision.
        """
        stored, revision = await self._stored(conversation_id)
        if stored is None or stored.revision != expected_revision:
            raise ConversationConflict(conversation_id)
        await self._compare_and_put(conversation_id, [Put(self._records, conversation_id, None, revision)])

    async def read_entry(self, entry_id: str) -> ConversationEntry:
        """Return an entry; an unknown one is a `KeyError`."""
        [item] = await self._items.get([(self._entries, entry_id)])
        if item is None:
            raise KeyError(entry_id)
        return _ENTRIES.validate_json(item.value)

    async def purge(self) -> int:
        """Delete the entries that no conversation reaches; return how many.

        Call it while nothing is saved or forked: an entry that is about to be shared counts as unreached.
        """
        parents: dict[str, str | None] = {}
        async for item in self._items.iterate("", namespace=self._entries):
            parents[item.key] = _ENTRIES.validate_json(item.value).parent_id
        reached: set[str] = set()
        for record in await self.read_records():
            for entry_id in (record.head_id, *record.branches):
                while entry_id is not None and entry_id not in reached:
                    reached.add(entry_id)
                    entry_id = parents.get(entry_id)
        left = [entry_id for entry_id in parents if entry_id not in reached]
        await self._items.put([Put(self._entries, entry_id, None) for entry_id in left])
        return len(left)

    async def _stored(self, conversation_id: str) -> tuple[ConversationRecord | None, int]:
        """A record, and the revision of the item that holds it."""
        [item] = await self._items.get([(self._records, conversation_id)])
        return (None, 0) if item is None else (_RECORDS.validate_json(item.value), item.revision)

    async def _compare_and_put(self, conversation_id: str, puts: Sequence[Put]) -> None:
        try:
            await self._items.put(puts)
        except WriteConflictError as error:
            raise ConversationConflict(conversation_id) from error
