"""Checkpoints of LangGraph's graphs, as they are stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# A serialized value: its type and its bytes.
Serialized = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint as it is stored, with the writes of tasks that came after it.

    Attributes
    ----------
    thread_id, namespace, checkpoint_id : str
    parent_id : str or None
        The checkpoint before it.
    checkpoint : tuple of str and bytes
        As it was serialized.
    metadata : dict
    writes : list of StoredWrite
        In the order in which a run applies them.
    """

    thread_id: str
    namespace: str
    checkpoint_id: str
    parent_id: str | None
    checkpoint: Serialized
    metadata: dict[str, Any]
    writes: list[StoredWrite]


@dataclass(frozen=True, slots=True)
class StoredWrite:
    """A task's write to a channel."""

    task_id: str
    task_path: str
    position: int
    channel: str
    value: Serialized
