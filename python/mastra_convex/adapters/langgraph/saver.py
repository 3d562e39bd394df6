"""`ConvexSaver`: LangGraph's checkpoints on a deployment."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, NamedTuple

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol

from mastra_convex._async.store.checkpoints import AsyncCheckpointsStorage
from mastra_convex._sync.store.checkpoints import CheckpointsStorage
from mastra_convex.adapters._faces import Faces, Given
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records.checkpoints import StoredCheckpoint, StoredWrite


class ConvexSaver(BaseCheckpointSaver[str]):
    """Keeps the checkpoints of graphs, so that a run can be interrupted, resumed, and looked at from any process.

    Each `put` and each `put_writes` is one transaction. Checkpoints larger than a document of Convex, 1 MiB, are split
    into parts, whose hash is compared when they are read.

    Parameters
    ----------
    deployment : Deployment, AsyncDeployment, or what ``connect`` takes
        Where the checkpoints are. A saver closes only what it opened itself.
    serde : SerializerProtocol, optional
        LangGraph's serializer of values.
    storage_function : str, default "mastra/storage:handle"
        The path of the storage function.
    **options
        ``connect``'s, with a target.
    """

    def __init__(
        self,
        deployment: Given,
        *,
        serde: SerializerProtocol | None = None,
        storage_function: str = "mastra/storage:handle",
        **options: Any,
    ) -> None:
        super().__init__(serde=serde)
        self._faces = Faces(deployment, **options)
        blocking, awaited = self._faces.storages(storage_function)
        self._checkpoints = CheckpointsStorage(blocking)
        self._async_checkpoints = AsyncCheckpointsStorage(awaited)

    def close(self) -> None:
        """Close the deployment, if this saver opened it."""
        self._faces.close()

    def get_next_version(self, current: str | None, channel: None) -> str:
        """Return the version after one, as LangGraph's own savers number them."""
        last = 0 if current is None else int(str(current).partition(".")[0])
        return f"{last + 1:032}.{random.random():016}"

    # Checkpoints

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint, the newest of its namespace where `config` names none."""
        place = _place(config)
        stored = self._checkpoints.get(*place)
        return None if stored is None else self._tuple(stored)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As `get_tuple`."""
        place = _place(config)
        stored = await self._async_checkpoints.get(*place)
        return None if stored is None else self._tuple(stored)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Iterate over checkpoints, newest first."""
        wanted = _wanted(config, before)
        found = 0
        if limit is not None and limit <= 0:
            return
        for stored in self._checkpoints.iterate(
            wanted.thread_id, wanted.namespace, before=wanted.before, metadata=filter
        ):
            if wanted.checkpoint_id in (None, stored.checkpoint_id):
                yield self._tuple(stored)
                found += 1
                if found == limit:
                    return

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """As `list`."""
        wanted = _wanted(config, before)
        found = 0
        if limit is not None and limit <= 0:
            return
        async for stored in self._async_checkpoints.iterate(
            wanted.thread_id, wanted.namespace, before=wanted.before, metadata=filter
        ):
            if wanted.checkpoint_id in (None, stored.checkpoint_id):
                yield self._tuple(stored)
                found += 1
                if found == limit:
                    return

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Keep a checkpoint, after the one that `config` names; return the config that names it."""
        stored = self._stored(config, checkpoint, metadata)
        self._checkpoints.put(stored)
        return _config(stored.thread_id, stored.namespace, stored.checkpoint_id)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As `put`."""
        stored = self._stored(config, checkpoint, metadata)
        await self._async_checkpoints.put(stored)
        return _config(stored.thread_id, stored.namespace, stored.checkpoint_id)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep what a task wrote after a checkpoint; what is kept of it already stays."""
        self._checkpoints.put_writes(*_named(config), self._writes(writes, task_id, task_path))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As `put_writes`."""
        await self._async_checkpoints.put_writes(*_named(config), self._writes(writes, task_id, task_path))

    # Threads

    def delete_thread(self, thread_id: str) -> None:
        """Delete all checkpoints and writes of a thread."""
        self._checkpoints.delete(str(thread_id))

    async def adelete_thread(self, thread_id: str) -> None:
        """As `delete_thread`."""
        await self._async_checkpoints.delete(str(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that runs made, with their writes."""
        for run_id in run_ids:
            self._checkpoints.delete_for_run(str(run_id))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """As `delete_for_runs`."""
        for run_id in run_ids:
            await self._async_checkpoints.delete_for_run(str(run_id))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy all checkpoints of a thread, with their writes, to another thread."""
        self._checkpoints.copy(str(source_thread_id), str(target_thread_id))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """As `copy_thread`."""
        await self._async_checkpoints.copy(str(source_thread_id), str(target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Delete all but the newest checkpoint of each namespace, or all.

        Parameters
        ----------
        thread_ids : sequence of str
        strategy : {"keep_latest", "delete"}
            With "keep_latest", the ancestors that a delta channel of the newest checkpoint is made of stay too.
        """
        for thread_id in thread_ids:
            if _deletes_all(strategy):
                self._checkpoints.delete(thread_id)
                continue
            pruning = _Pruning(self)
            for stored in self._checkpoints.iterate(thread_id, None):
                if not pruning.keeps(stored):
                    self._checkpoints.delete_one(thread_id, stored.namespace, stored.checkpoint_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """As `prune`."""
        for thread_id in thread_ids:
            if _deletes_all(strategy):
                await self._async_checkpoints.delete(thread_id)
                continue
            pruning = _Pruning(self)
            async for stored in self._async_checkpoints.iterate(thread_id, None):
                if not pruning.keeps(stored):
                    await self._async_checkpoints.delete_one(thread_id, stored.namespace, stored.checkpoint_id)

    def _stored(self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata) -> StoredCheckpoint:
        thread_id, namespace, parent_id = _place(config)
        kept: dict[str, Any] = dict(get_checkpoint_metadata(config, metadata))
        try:
            json.dumps(kept)
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(f"ConvexSaver.put: metadata {kept!r:.200} isn't JSON: {error}") from error
        return StoredCheckpoint(
            thread_id=thread_id,
            namespace=namespace,
            checkpoint_id=checkpoint["id"],
            parent_id=parent_id,
            checkpoint=self.serde.dumps_typed(checkpoint),
            metadata=kept,
            writes=[],
        )

    def _writes(self, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str) -> Sequence[StoredWrite]:
        return [
            StoredWrite(
                task_id=task_id,
                task_path=task_path,
                position=WRITES_IDX_MAP.get(channel, position),
                channel=channel,
                value=self.serde.dumps_typed(value),
            )
            for position, (channel, value) in enumerate(writes)
        ]

    def _tuple(self, stored: StoredCheckpoint) -> CheckpointTuple:
        thread_id, namespace = stored.thread_id, stored.namespace
        return CheckpointTuple(
            config=_config(thread_id, namespace, stored.checkpoint_id),
            checkpoint=self.serde.loads_typed(stored.checkpoint),
            metadata=stored.metadata,  # type: ignore[arg-type]
            parent_config=None if stored.parent_id is None else _config(thread_id, namespace, stored.parent_id),
            pending_writes=[
                (write.task_id, write.channel, self.serde.loads_typed(write.value)) for write in stored.writes
            ],
        )


class _Pruning:
    """Which checkpoints of a thread stay, told newest first.

    A delta channel's value is made of the writes since the newest ancestor whose checkpoint has the value itself. So
    the newest checkpoint of a namespace stays, and its ancestors down to those that its delta channels begin with.
    """

    def __init__(self, saver: ConvexSaver) -> None:
        self._saver = saver
        # By namespace: the ancestor that is needed next, and the channels whose beginning isn't found.
        self._needed: dict[str, tuple[str | None, set[str]]] = {}

    def keeps(self, stored: StoredCheckpoint) -> bool:
        if stored.namespace not in self._needed:
            channels = set(stored.metadata.get("counters_since_delta_snapshot") or {})
        else:
            needed, channels = self._needed[stored.namespace]
            if stored.checkpoint_id != needed:
                return False
        if channels:
            values = self._saver.serde.loads_typed(stored.checkpoint)["channel_values"]
            channels = {channel for channel in channels if channel not in values}
        self._needed[stored.namespace] = (stored.parent_id if channels else None, channels)
        return True


class _Wanted(NamedTuple):
    thread_id: str | None
    namespace: str | None
    checkpoint_id: str | None
    before: str | None


def _wanted(config: RunnableConfig | None, before: RunnableConfig | None) -> _Wanted:
    given = config["configurable"] if config else {}
    thread_id = given.get("thread_id")
    return _Wanted(
        thread_id=None if thread_id is None else str(thread_id),
        namespace=given.get("checkpoint_ns"),
        checkpoint_id=given.get("checkpoint_id"),
        before=get_checkpoint_id(before) if before else None,
    )


def _place(config: RunnableConfig) -> tuple[str, str, str | None]:
    """The thread, the namespace and, where it is named, the checkpoint."""
    configurable = config["configurable"]
    if configurable.get("thread_id") is None:
        raise InvalidArgumentError("ConvexSaver: config has no 'thread_id'; expected it in config['configurable']")
    return str(configurable["thread_id"]), configurable.get("checkpoint_ns", ""), get_checkpoint_id(config)


def _named(config: RunnableConfig) -> tuple[str, str, str]:
    thread_id, namespace, checkpoint_id = _place(config)
    if checkpoint_id is None:
        raise InvalidArgumentError("ConvexSaver.put_writes: config has no 'checkpoint_id'; expected the config of put")
    return thread_id, namespace, checkpoint_id


def _config(thread_id: str, namespace: str, checkpoint_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint_id}}


def _deletes_all(strategy: str) -> bool:
    if strategy not in ("keep_latest", "delete"):
        raise InvalidArgumentError(f"ConvexSaver.prune: strategy {strategy!r}; expected 'keep_latest' or 'delete'")
    return strategy == "delete"
