"""Convex's own vector index (`--native`), beside the exact answer."""

from __future__ import annotations

from statistics import median
from time import perf_counter

import numpy as np

import mastra_convex as mc
from mastra_convex._cli.bench import measurement
from mastra_convex._cli.conformance.check import DiffersError, LacksError, refused, same
from mastra_convex._cli.conformance.room import NATIVE, Room
from mastra_convex.errors import ConfigurationError, FilterError

ROWS, QUERIES, TOP_K = 1000, 20, 10
# Convex's index finds most of the exact answer among so few rows; less shows that something is wrong.
RECALL_AT_LEAST = 0.9


def native(room: Room) -> None:
    """Rows of a table that the schema declares, and the same rows in an index of ours."""
    check, index = room.check, room.native
    with check("table.is_declared"):
        try:
            # Only a look-up tells.
            index.delete_vector("none")
            # An earlier run may have left rows.
            index.truncate_index()
        except ConfigurationError as error:
            raise LacksError(f"{error.args[0]} {error.hint or ''}") from error
    if check.results[-1].status != "passed":
        return
    room.name("native")
    random = np.random.default_rng(6)
    matrix = random.standard_normal((ROWS, NATIVE.dimension)).astype(np.float32)
    queries = random.standard_normal((QUERIES, NATIVE.dimension)).astype(np.float32)
    ids, metadata = [f"r{n}" for n in range(ROWS)], [{"kind": f"k{n % 5}", "n": n} for n in range(ROWS)]
    sides = {"native": index, "exact": room.index(NATIVE.dimension)}
    for side in sides.values():
        side.upsert(matrix, ids=ids, metadata=metadata)
    batch = mc.VectorBatch(matrix, ids=ids)

    with check("rows.come_back"):
        [row, unknown] = index.get(["r7", "unknown"], include_vector=True)
        same((row and row.metadata, unknown), (metadata[7], None))
        same(row and row.vector is not None and row.vector.tolist(), matrix[7].tolist())
    with check("query.recall"):
        took: dict[str, list[float]] = {name: [] for name in sides}
        found = 0
        for query in queries:
            for name, side in sides.items():
                began = perf_counter()
                hits = {hit.id: hit.score for hit in side.query(query, top_k=TOP_K)}
                took[name].append((perf_counter() - began) * 1000)
                if name == "native":
                    scores = {hit.id: hit.score for hit in batch.query(query, ROWS)}
                    found += measurement.found(list(hits), scores, sorted(scores.values())[-TOP_K])
                    # Convex computes them in float32.
                    same([abs(score - scores[id]) < 1e-4 for id, score in hits.items()], [True] * TOP_K)
        recall = found / (TOP_K * QUERIES)
        medians = {name: round(median(times), 3) for name, times in took.items()}
        room.measured = {"rows": ROWS, "dimension": NATIVE.dimension, "recall_at_10": recall, "median_ms": medians}
        if recall < RECALL_AT_LEAST:
            raise DiffersError(f"a recall of {RECALL_AT_LEAST} or more", f"{recall:.3f}")
    with check("query.filter"):
        filtered = index.query(queries[0], top_k=20, filter={"kind": "k3"})
        same(({hit.metadata["kind"] for hit in filtered}, len(filtered)), ({"k3"}, 20))
        with refused(FilterError):
            index.query(queries[0], filter={"n": 1})
    with check("query.sees_writes"):
        index.upsert([queries[1]], ids=["same"])
        first = index.query(queries[1], top_k=1)[0].id
        index.delete_vector("same")
        same((first, "same" in [hit.id for hit in index.query(queries[1])]), ("same", False))
