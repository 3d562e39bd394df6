"""A process that writes until it is stopped, and the state that it must leave.

Its operations are numbered. An operation's effect depends on its number alone, so the number of the last acknowledged
operation tells the state. Run as ``python -m tests.trust.workload FOLDER_OR_URL FIRST LAST ACKNOWLEDGED``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

import mastra_convex as mc

DIMENSION, ROWS = 24, 6


def perform(db: mc.Deployment, number: int) -> None:
    """Do one operation: upsert a batch, with a record of its own; delete an earlier batch; or compact the file."""
    docs = mc.ConvexVector(db).index("docs", DIMENSION)
    if number % 5 == 4:
        docs.delete_vectors(ids=[f"{number - 3}-{row}" for row in range(ROWS)])
    elif number % 29 == 28 and os.environ.get("TRUST_COMPACTS") == "1":
        db.compact()
    else:
        vectors = np.full((ROWS, DIMENSION), number + 1, dtype=np.float32)
        # Some documents have pages of their own.
        metadata = [{"batch": number, "text": "x" * (5000 if number % 3 == 0 else 10)}] * ROWS
        docs.upsert(vectors, ids=[f"{number}-{row}" for row in range(ROWS)], metadata=metadata)


def state(last: int, *, compacts: bool = False) -> set[str]:
    """The ids of all rows after the operation with this number."""
    puts = {n for n in range(last + 1) if n % 5 != 4 and not (compacts and n % 29 == 28)}
    deleted = {n - 3 for n in range(last + 1) if n % 5 == 4}
    return {f"{number}-{row}" for number in puts - deleted for row in range(ROWS)}


def verify(db: mc.Deployment, acknowledged: int, *, compacts: bool = False) -> int:
    """Check that a deployment has all acknowledged operations, and of the next one all or nothing; return the last."""
    vectors = mc.ConvexVector(db)
    if "docs" not in vectors.list_indexes():
        assert acknowledged < 0, f"acknowledged {acknowledged}, but there is no index"
        return -1
    found: set[str] = set()
    for row in vectors.iter("docs", include_vector=True):
        batch = int(row.id.split("-")[0])
        assert row.metadata["batch"] == batch, row.id
        assert row.metadata["text"] == "x" * (5000 if batch % 3 == 0 else 10), row.id
        assert row.vector is not None
        assert (np.asarray(row.vector) == batch + 1).all(), row.id
        assert row.id not in found, row.id
        found.add(row.id)
    # The resident rows are those of the file.
    hits = vectors.query("docs", np.ones(DIMENSION), top_k=1_000_000)
    assert {hit.id for hit in hits} == found
    for last in (acknowledged, acknowledged + 1):
        if found == state(last, compacts=compacts):
            return last
    expected = state(acknowledged, compacts=compacts)
    raise AssertionError(
        f"after {acknowledged}: lost {sorted(expected - found)[:5]}, unexpected {sorted(found - expected)[:5]}"
    )


def last_of(acknowledged: bytes) -> int:
    """The last acknowledged operation in the process's file; -1 if there is none. The last line may be cut."""
    lines = acknowledged.split(b"\n")[:-1]
    return int(lines[-1]) if lines else -1


def main() -> None:
    """Perform the operations, and write the number of each when it has returned."""
    target, first, last, file = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    file.parent.mkdir(mode=0o700, exist_ok=True)
    acknowledged = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        options = {} if "://" in target else {"synchronous": os.environ.get("TRUST_SYNCHRONOUS", "full")}
        with mc.connect(target, **options) as db:  # type: ignore[arg-type]
            if snapshot := os.environ.get("TRUST_IMPORT"):
                db.import_snapshot(snapshot)
            for number in range(first, last):
                perform(db, number)
                os.write(acknowledged, f"{number}\n".encode())
    except mc.MastraConvexError as error:
        print(type(error).__name__, error, flush=True)


if __name__ == "__main__":
    main()
