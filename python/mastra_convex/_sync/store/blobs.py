# Generated from _async/store/blobs.py by tools/unasync.py: edit that.
"""Values in rows of a table, and in parts beside it where they are larger than a document may be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from mastra_convex._sync.storage import Storage, Row
from mastra_convex.errors import DamagedError
from mastra_convex.types import iso_text

BLOBS = "mastra_blobs"

# A document may have 1 MiB, and a row has other columns too.
INLINE_BYTES = 768 * 1024

# Parts that one transaction may write, with room to spare below 16 MiB.
PARTS_PER_CALL = 8


class Blobs:
    """Writes values as columns of a row, ``value`` or ``blob``, and reads them again.

    A blob's name holds the SHA-256 of its bytes, which every reading checks. Its parts are written before the row that
    names them, so a row never names what isn't there. Parts whose row was never written are left behind by a process
    that ends in between; nothing reads them.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def columns(self, value: str | bytes) -> Row:
        """The columns of a value; parts of a large one are written first."""
        data = value.encode() if isinstance(value, str) else bytes(value)
        if len(data) <= INLINE_BYTES:
            return {"value": value}
        kind = "text" if isinstance(value, str) else "bytes"
        blob = f"{kind}-{_digest(data)}-{len(data)}-{uuid4().hex}"
        now = iso_text(datetime.now(UTC))
        parts = [
            {
                "id": f"{blob}-{n}",
                "blob": blob,
                "position": n,
                "data": data[begin : begin + INLINE_BYTES],
                "createdAt": now,
            }
            for n, begin in enumerate(range(0, len(data), INLINE_BYTES))
        ]
        for begin in range(0, len(parts), PARTS_PER_CALL):
            self._storage.call("batchInsert", BLOBS, records=parts[begin : begin + PARTS_PER_CALL])
        return {"blob": blob}

    def value(self, row: Mapping[str, Any]) -> Any:
        """The value of a row with these columns.

        Raises
        ------
        DamagedError
            Parts are missing or were changed.
        """
        blob = row.get("blob")
        if blob is None:
            return row["value"]
        parts = self._storage.rows(
            BLOBS, {"blob": blob}, {"field": "position", "order": "asc"}, page_size=PARTS_PER_CALL
        )
        data = b"".join([part["data"] for part in parts])
        kind, digest, size, _ = blob.split("-")
        if len(data) != int(size) or _digest(data) != digest:
            raise DamagedError(f"{BLOBS}: blob {blob!r} has {len(data)} bytes that differ from the {size} written")
        return data.decode() if kind == "text" else data

    def delete(self, blobs: Iterable[str | None]) -> None:
        """Delete blobs that no row names any more."""
        for blob in blobs:
            if blob is None:
                continue
            size = int(blob.split("-")[2])
            ids = [f"{blob}-{n}" for n in range(-(-size // INLINE_BYTES))]
            for begin in range(0, len(ids), PARTS_PER_CALL):
                self._storage.call("deleteMany", BLOBS, ids=ids[begin : begin + PARTS_PER_CALL])


def _digest(data: bytes) -> str:
    # Imported here: it loads OpenSSL, which takes milliseconds.
    from hashlib import sha256

    return sha256(data).hexdigest()
