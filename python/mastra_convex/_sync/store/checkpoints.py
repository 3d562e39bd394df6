# Generated from _async/store/checkpoints.py by tools/unasync.py: edit that.
"""Checkpoints of LangGraph's graphs, and the writes of their tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from mastra_convex._sync.storage import Storage, Row
from mastra_convex._sync.store.blobs import BLOBS, Blobs
from mastra_convex._sync.store.domain import Domain
from mastra_convex.records.checkpoints import StoredCheckpoint, StoredWrite
from mastra_convex.types import iso_text

CHECKPOINTS = "mastra_checkpoints"
WRITES = "mastra_checkpoint_writes"

# Rows that one call deletes, and checkpoints that one call reads: each may take the most of a document.
ROWS_PER_CALL = 8


class CheckpointsStorage(Domain):
    """Checkpoints by thread, namespace and id; ids grow with time."""

    _TABLES: ClassVar = {CHECKPOINTS: None, WRITES: None, BLOBS: None}

    def __init__(self, storage: Storage) -> None:
        super().__init__(storage)
        self._blobs = Blobs(storage)

    def put(self, stored: StoredCheckpoint) -> None:
        """Insert a checkpoint, or replace the one with its id. Its writes are kept by `put_writes`."""
        kind, data = stored.checkpoint
        row = _address(stored.thread_id, stored.namespace, stored.checkpoint_id)
        row |= {
            "id": json.dumps(list(row.values())),
            "parent_id": stored.parent_id,
            "run_id": stored.metadata.get("run_id"),
            "metadata": json.dumps(stored.metadata, ensure_ascii=False),
            "type": kind,
            # Columns that are left out stay; of these two only one stands.
            "value": None,
            "blob": None,
            "createdAt": iso_text(datetime.now(UTC)),
        }
        self._storage.call("insert", CHECKPOINTS, record=row | self._blobs.columns(data))

    def put_writes(
        self, thread_id: str, namespace: str, checkpoint_id: str, writes: Sequence[StoredWrite]
    ) -> None:
        """Keep the writes of a task. One that is kept already stays as it was, unless its position is below zero."""
        records: list[Row] = []
        for write in writes:
            kind, data = write.value
            row = _address(thread_id, namespace, checkpoint_id)
            name = [*row.values(), write.task_id, write.position]
            row |= {
                "id": json.dumps(name),
                "task_id": write.task_id,
                "task_path": write.task_path,
                "position": write.position,
                "channel": write.channel,
                "type": kind,
                "value": None,
                "blob": None,
            }
            records.append(row | self._blobs.columns(data))
        if records:
            self._storage.call("putWrites", WRITES, records=records)

    def get(self, thread_id: str, namespace: str, checkpoint_id: str | None = None) -> StoredCheckpoint | None:
        """Return a checkpoint with its writes, the newest where no id is given; None where there is none."""
        found = self._storage.call(
            "loadCheckpoint", CHECKPOINTS, threadId=thread_id, namespace=namespace, checkpointId=checkpoint_id
        )
        return None if found is None else self._checkpoint(found["checkpoint"], found["writes"])

    def iterate(
        self,
        thread_id: str | None,
        namespace: str | None,
        *,
        before: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Iterator[StoredCheckpoint]:
        """Iterate over checkpoints, newest first, with their writes.

        Parameters
        ----------
        thread_id, namespace : str or None
            Only those of this thread, of this namespace.
        before : str, optional
            Only those with a smaller id.
        metadata : mapping, optional
            Only those whose metadata equals this in its keys.
        """
        order: Row = {"field": "checkpoint_id", "order": "desc"}
        if before is not None:
            order["lt"] = before
        filters = {} if thread_id is None else {"thread_id": thread_id}
        if namespace is not None and thread_id is not None:
            filters["namespace"] = namespace
        for row in self._storage.rows(CHECKPOINTS, filters, order, page_size=ROWS_PER_CALL):
            if namespace is not None and row["namespace"] != namespace:
                continue
            kept = json.loads(row["metadata"])
            if metadata and any(kept.get(key) != value for key, value in metadata.items()):
                continue
            address = _address(row["thread_id"], row["namespace"], row["checkpoint_id"])
            writes = [write for write in self._storage.rows(WRITES, address, page_size=ROWS_PER_CALL)]
            yield self._checkpoint(row, writes)

    def delete(self, thread_id: str) -> None:
        """Delete all of a thread."""
        self._delete({"thread_id": thread_id}, {"thread_id": thread_id})

    def delete_for_run(self, run_id: str) -> None:
        """Delete the checkpoints that a run made, with their writes."""
        for row in self._storage.rows(CHECKPOINTS, {"run_id": run_id}, page_size=ROWS_PER_CALL):
            self.delete_one(row["thread_id"], row["namespace"], row["checkpoint_id"])

    def delete_one(self, thread_id: str, namespace: str, checkpoint_id: str) -> None:
        """Delete a checkpoint with its writes."""
        address = _address(thread_id, namespace, checkpoint_id)
        self._delete(address, address)

    def copy(self, source: str, target: str) -> None:
        """Copy all checkpoints of a thread, with their writes, to another thread."""
        for stored in self.iterate(source, None):
            self.put(
                StoredCheckpoint(
                    thread_id=target,
                    namespace=stored.namespace,
                    checkpoint_id=stored.checkpoint_id,
                    parent_id=stored.parent_id,
                    checkpoint=stored.checkpoint,
                    metadata=stored.metadata,
                    writes=[],
                )
            )
            self.put_writes(target, stored.namespace, stored.checkpoint_id, stored.writes)

    def _delete(self, checkpoints: Row, writes: Row) -> None:
        # Writes first: a checkpoint whose writes are gone can still be deleted by the same call.
        for table, filters in ((WRITES, writes), (CHECKPOINTS, checkpoints)):
            while True:
                page = self._storage.reply(
                    "queryTable",
                    table,
                    filters=[{"field": column, "value": value} for column, value in filters.items()],
                    pageSize=ROWS_PER_CALL,
                )
                rows = page["result"]
                if rows:
                    self._storage.call("deleteMany", table, ids=[row["id"] for row in rows])
                    self._blobs.delete(row.get("blob") for row in rows)
                if not page["hasMore"]:
                    break

    def _checkpoint(self, row: Row, writes: Sequence[Row]) -> StoredCheckpoint:
        found = [
            StoredWrite(
                task_id=write["task_id"],
                task_path=write["task_path"],
                position=int(write["position"]),
                channel=write["channel"],
                value=(write["type"], self._blobs.value(write)),
            )
            for write in writes
        ]
        found.sort(key=lambda write: (write.task_path, write.task_id, write.position))
        return StoredCheckpoint(
            thread_id=row["thread_id"],
            namespace=row["namespace"],
            checkpoint_id=row["checkpoint_id"],
            parent_id=row.get("parent_id"),
            checkpoint=(row["type"], self._blobs.value(row)),
            metadata=json.loads(row["metadata"]),
            writes=found,
        )


def _address(thread_id: str, namespace: str, checkpoint_id: str) -> Row:
    return {"thread_id": thread_id, "namespace": namespace, "checkpoint_id": checkpoint_id}
