"""Limits, Convex's and ours, as a table. The error of each row is provoked where that is cheap.

``tools/limits.py`` writes ``docs/limits.md`` from it; `test_limits.py` checks the page against new runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import mastra_convex as mc

# The functions that the examples call.
FUNCTIONS = """
import { action, mutation, query } from "./_generated/server";
import { api } from "./_generated/api";

export const insert = mutation((ctx, { count, document }) => {
  const writes = [];
  for (let i = 0; i < count; i++) writes.push(ctx.db.insert("documents", document));
  return Promise.all(writes).then(() => null);
});
export const read = query(async (ctx, { times }) => {
  for (let i = 0; i < times; i++) await ctx.db.query("documents").collect();
});
export const paginate = query(async (ctx, { numItems }) =>
  await ctx.db.query("documents").paginate({ cursor: null, numItems }),
);
export const give = query(async (_, { bytes }) => "x".repeat(bytes));
export const take = query(async () => null);
export const loop = query(async () => { for (;;); });
export const fill = query(async () => { const kept = []; for (;;) kept.push(new Uint8Array(1 << 20)); });
export const deeper = query(async (ctx) => await ctx.runQuery(api.limits.deeper, {}));
"""


@dataclass(frozen=True)
class Limit:
    """A limit: its name and size, its source, and a way to exceed it."""

    what: str
    most: str
    where: str
    passing: Callable[[mc.Deployment], object]

    def row(self, db: mc.Deployment) -> str:
        """The limit's row on the page, with the error that was raised."""
        try:
            self.passing(db)
        except mc.MastraConvexError as error:
            name = type(error).__name__
            return f"| {self.what} | {self.most} | {self.where} | `{name}` | `{error.code}` |"
        raise AssertionError(f"{self.what}: nothing was raised")


def deep(levels: int) -> list[object]:
    """Nested lists."""
    value: list[object] = []
    for _ in range(levels - 1):
        value = [value]
    return value


def insert(db: mc.Deployment, document: dict[str, object], count: int = 1) -> None:
    """Insert a document some times, in one transaction."""
    db.mutation("limits:insert", {"count": count, "document": document})


def read(db: mc.Deployment, documents: int, size: int = 1, times: int = 1) -> None:
    """Read documents of a size in bytes so many times, in one transaction."""
    for begin in range(0, documents, 10):
        insert(db, {"text": "x" * size}, min(10, documents - begin))
    db.query("limits:read", {"times": times})


def docs(db: mc.Deployment, dimension: int = 2) -> mc.VectorIndex:
    """A `ConvexVector` with an index."""
    return mc.ConvexVector(db).index(f"docs{dimension}", dimension=dimension)


def native(db: mc.Deployment) -> mc.ConvexNativeVector:
    """A `ConvexNativeVector` with an index."""
    index = mc.NativeIndex("docs_vectors", dimension=2, filter_fields=["lang"])
    return mc.ConvexNativeVector(db, indexes={"docs": index})


MIB = 1 << 20
# The source of a limit: Convex and the embedded deployment alike, or this package.
DEPLOYMENT = "deployment"
HERE = "client"

VALUES = [
    Limit("A document", "1 MiB", DEPLOYMENT, lambda db: insert(db, {"text": "x" * MIB})),
    Limit("A document's nesting", "16 levels", DEPLOYMENT, lambda db: insert(db, {"deep": deep(16)})),
    Limit("A value's nesting", "64 levels", HERE, lambda db: db.query("limits:take", {"value": deep(64)})),
    Limit("Items of an array", "8192", HERE, lambda db: insert(db, {"items": [None] * 8193})),
    Limit("Fields of an object", "1024", HERE, lambda db: insert(db, {f"f{n}": None for n in range(1025)})),
    Limit("A field's name", "1024 characters", HERE, lambda db: insert(db, {"f" * 1025: None})),
    Limit("A field's name: characters beside printable ASCII", "none", HERE, lambda db: insert(db, {"größe": None})),
    Limit("A field's name: `$` at its beginning", "none", HERE, lambda db: insert(db, {"$schema": None})),
    Limit(
        "A field's name: `_` at its beginning, in a document itself",
        "`_id`, `_creationTime`",
        DEPLOYMENT,
        lambda db: insert(db, {"_field": None}),
    ),
    Limit("A call's arguments", "16 MiB", DEPLOYMENT, lambda db: db.query("limits:take", {"text": "x" * 16 * MIB})),
    Limit("A call's result", "16 MiB", DEPLOYMENT, lambda db: db.query("limits:give", {"bytes": 16 * MIB})),
]

TRANSACTIONS = [
    Limit("Documents read", "32,000", DEPLOYMENT, lambda db: read(db, 100, times=321)),
    Limit("Bytes read", "16 MiB", DEPLOYMENT, lambda db: read(db, 20, size=900_000)),
    Limit("Index ranges read", "4096", DEPLOYMENT, lambda db: read(db, 1, times=4097)),
    Limit("Documents written", "16,000", DEPLOYMENT, lambda db: insert(db, {"n": 1}, 16_001)),
    Limit("Bytes written", "16 MiB", DEPLOYMENT, lambda db: insert(db, {"text": "x" * 900_000}, 20)),
    Limit("Items of a page", "32,000", DEPLOYMENT, lambda db: db.query("limits:paginate", {"numItems": 32_001})),
    Limit("Time of a query's or mutation's own code", "1 s", DEPLOYMENT, lambda db: db.query("limits:loop")),
    Limit("Memory of a function", "64 MiB", DEPLOYMENT, lambda db: db.query("limits:fill")),
    Limit("Calls of functions by functions", "8 deep", DEPLOYMENT, lambda db: db.query("limits:deeper")),
]

VECTORS = [
    Limit("`ConvexVector`: a dimension", "1 to 8192", HERE, lambda db: docs(db, 8193)),
    Limit(
        "`ConvexVector`: a row, its metadata included",
        "1 MiB, counting 9 bytes per number",
        HERE,
        lambda db: docs(db).upsert([[1, 0]], metadata=[{"text": "x" * MIB}]),
    ),
    Limit(
        "`ConvexVector`: names in metadata",
        "those of fields",
        HERE,
        lambda db: docs(db).upsert([[1, 0]], metadata=[{"größe": 1}]),
    ),
    Limit("`ConvexVector`: rows per call", "500", HERE, lambda db: docs(db).upsert([[1, 0]], batch_size=501)),
    Limit(
        "`ConvexVector`: look-around in `$regex`",
        "none",
        HERE,
        lambda db: docs(db).query([1, 0], filter={"text": {"$regex": "(?=a)"}}),
    ),
    Limit(
        "`ConvexNativeVector`: a dimension",
        "2 to 4096",
        "schema",
        lambda db: mc.ConvexNativeVector(db, indexes={"docs": mc.NativeIndex("docs_vectors", 4097)}).query(
            "docs", np.ones(4097)
        ),
    ),
    Limit("`ConvexNativeVector`: `top_k`", "256", HERE, lambda db: native(db).query("docs", [1, 0], top_k=257)),
    Limit(
        "`ConvexNativeVector`: conditions of a filter",
        "64, joined by OR",
        DEPLOYMENT,
        lambda db: native(db).query("docs", [1, 0], filter={"$or": [{"lang": str(n)} for n in range(65)]}),
    ),
    Limit(
        "`ConvexNativeVector`: what a filter says",
        "equality",
        HERE,
        lambda db: native(db).query("docs", [1, 0], filter={"lang": {"$gt": "e"}}),
    ),
]

STORAGE = [
    Limit(
        "A record",
        "1 MiB",
        HERE,
        lambda db: mc.ConvexStore(db).memory.save_messages([mc.Message(thread_id="t1", content="x" * MIB)]),
    ),
    Limit(
        "A message's text, which is kept twice for npm's client, as `content` and in `parts`",
        "half a MiB",
        HERE,
        lambda db: mc.ConvexStore(db).memory.save_messages([mc.Message(thread_id="t1", content="x" * (MIB // 2))]),
    ),
    Limit(
        "JSON's nesting in a record or the cache",
        "200 levels",
        HERE,
        lambda db: mc.ConvexServerCache(db).set("key", deep(201)),
    ),
    Limit("A value of the cache", "1 MiB", HERE, lambda db: mc.ConvexServerCache(db).set("key", "x" * MIB)),
]

# True if the built-in functions are called, and not those above.
SECTIONS = {
    "Values and documents": (VALUES, FUNCTIONS),
    "One transaction": (TRANSACTIONS, FUNCTIONS),
    "Vectors": (VECTORS, None),
    "Storage and cache": (STORAGE, None),
}


def row(limit: Limit, functions: str | None) -> str:
    """A limit's row, found in a deployment of its own."""
    with TemporaryDirectory() as folder:
        if functions is not None:
            Path(folder, "limits.ts").write_text(functions)
        with mc.connect(":memory:", functions=folder if functions is not None else None) as db:
            return limit.row(db)
