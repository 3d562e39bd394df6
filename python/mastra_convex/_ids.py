"""Ids of what callers leave unnamed."""

from __future__ import annotations

import time
from os import urandom
from uuid import UUID


def new_id() -> str:
    """A new id: a UUID of version 7 (RFC 9562, 5.7), the time and 62 random bits.

    Rows written one after the other are neighbours in an index of such ids. Each random id would write to another page
    of the disk.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    random = int.from_bytes(urandom(8)) >> 2
    return str(UUID(int=milliseconds << 80 | 7 << 76 | fraction << 64 | 0b10 << 62 | random))
