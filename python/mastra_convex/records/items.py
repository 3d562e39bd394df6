"""Values by namespace and key, as stores of agent frameworks keep them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from numpy.typing import ArrayLike

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """A value under a namespace and a key.

    Attributes
    ----------
    namespace, key : str
    value : str or bytes
    revision : int
        Counts the writes to the item, from 1.
    created_at, updated_at : datetime
        In UTC, to the millisecond.
    """

    namespace: str
    key: str
    value: Any
    revision: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Put:
    """A write to an item.

    Attributes
    ----------
    namespace, key : str
    value : str, bytes or None
        None deletes the item.
    expected : int, optional
        Write only if this is the item's revision; 0: only if there is none.
    ttl_ms : float, optional
        Milliseconds until it expires.
    """

    namespace: str
    key: str
    value: str | bytes | None
    expected: int | None = None
    ttl_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """An item: its path, its key, its value, and where a search found it the best score of its vectors."""

    path: Path
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """A value to keep under a path and a key, with its vectors; None deletes it."""

    path: Path
    key: str
    value: dict[str, Any] | None
    vectors: Sequence[ArrayLike] = ()
    ttl_ms: float | None = None
