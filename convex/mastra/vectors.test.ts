import { beforeEach, describe, expect, test } from "vitest";
import { deployment, handle, type Deployment } from "../test.setup";

let db: Deployment;
beforeEach(() => {
  db = deployment();
});

const call = (op: string, tableName: string, rest: object = {}) =>
  db.mutation(handle, { op, tableName, ...rest });
const stored = (tableName: string) =>
  db.run((ctx) => ctx.db.query(tableName).collect());

const vectorIndex = (id: string, fields: object = {}) => ({
  id,
  indexName: id,
  dimension: 2,
  metric: "cosine",
  createdAt: "2026-01-01T00:00:00.000Z",
  ...fields,
});
const row = (id: string, embedding: number[], metadata?: object) =>
  metadata === undefined ? { id, embedding } : { id, embedding, metadata };

const INDEXES = "mastra_vector_indexes";
const DOCS = "mastra_vector_docs";

/** Make the indexes whose rows the tests write. */
async function createIndexes() {
  for (const id of ["docs", "more"]) {
    const record = vectorIndex(id);
    await call("createVectorIndex", INDEXES, { record });
  }
}

describe("the table of vector indexes", () => {
  const insertAll = async (...ids: string[]) => {
    for (const id of ids) {
      await call("insert", INDEXES, { record: vectorIndex(id) });
    }
  };

  test("createVectorIndex returns the row it stores", async () => {
    const reply = await call("createVectorIndex", INDEXES, {
      record: vectorIndex("docs"),
    });
    expect(reply).toEqual({ ok: true, result: (await stored(INDEXES))[0] });
    expect(reply.result).toMatchObject(vectorIndex("docs"));
  });

  test("createVectorIndex leaves and returns a row that exists", async () => {
    await insertAll("docs");
    const [before] = await stored(INDEXES);
    expect(
      await call("createVectorIndex", INDEXES, {
        record: vectorIndex("docs", { dimension: 99, metric: "euclidean" }),
      }),
    ).toEqual({ ok: true, result: before });
    expect(await stored(INDEXES)).toEqual([before]);
  });

  test("lists all in order of creation, whole or by pages", async () => {
    await insertAll("c", "a", "b");
    const all = await call("queryTable", INDEXES);
    expect(all.result.map((r: { id: string }) => r.id)).toEqual([
      "c",
      "a",
      "b",
    ]);
    expect(all.hasMore).toBe(false);
    expect(await pages(INDEXES, 2)).toEqual(all.result);
  });

  test("filters by equality, with or without an index", async () => {
    await insertAll("a", "b");
    const ids = async (field: string, value: unknown) =>
      (
        await call("queryTable", INDEXES, { filters: [{ field, value }] })
      ).result.map((r: { id: string }) => r.id);
    expect(await ids("indexName", "b")).toEqual(["b"]);
    expect(await ids("metric", "cosine")).toEqual(["a", "b"]);
    expect(await ids("dimension", 3)).toEqual([]);
  });

  test("deletes the ids that exist, a doubled one once", async () => {
    await insertAll("a", "b", "c");
    expect(
      await call("deleteMany", INDEXES, { ids: ["c", "a", "a", "zzz"] }),
    ).toEqual({ ok: true });
    expect((await stored(INDEXES)).map((r) => r.id)).toEqual(["b"]);
  });
});

describe("a vector", () => {
  beforeEach(createIndexes);

  test("upserted again keeps its place and loses metadata not given", async () => {
    await call("batchInsert", DOCS, {
      records: [row("a", [1, 0], { k: 1 }), row("b", [0, 1])],
    });
    const [a, b] = await stored("mastra_vectors");
    await call("batchInsert", DOCS, { records: [row("a", [2, 2])] });
    const { metadata, ...rest } = a!;
    expect(metadata).toEqual({ k: 1 });
    expect((await call("queryTable", DOCS)).result).toEqual([
      { ...rest, embedding: [2, 2] },
      b,
    ]);

    await call("insert", DOCS, { record: row("b", [3], { k: 2 }) });
    expect((await call("load", DOCS, { keys: { id: "b" } })).result).toEqual({
      ...b,
      embedding: [3],
      metadata: { k: 2 },
    });
  });

  test("may have any length and any floats", async () => {
    const odd = [NaN, Infinity, -0, 5e-324];
    await call("batchInsert", DOCS, {
      records: [row("a", []), row("b", odd), row("c", new Array(5000).fill(1))],
    });
    const { result } = await call("queryTable", DOCS);
    expect(result[0].embedding).toEqual([]);
    expect(result[1].embedding).toEqual(odd);
    expect(result[2].embedding).toHaveLength(5000);
  });

  test("belongs to one index", async () => {
    await call("insert", DOCS, { record: row("a", [1]) });
    await call("insert", "mastra_vector_more", { record: row("a", [2]) });
    await call("deleteMany", DOCS, { ids: ["a"] });
    expect(await call("load", DOCS, { keys: { id: "a" } })).toEqual({
      ok: true,
      result: null,
    });
    expect(
      (await call("load", "mastra_vector_more", { keys: { id: "a" } })).result
        .embedding,
    ).toEqual([2]);
  });

  test("loads by nothing but its id", async () => {
    await call("insert", DOCS, { record: row("a", [1]) });
    expect(await call("load", DOCS, { keys: { indexName: "docs" } })).toEqual({
      ok: true,
      result: null,
    });
  });
});

describe("a batch of vectors", () => {
  beforeEach(createIndexes);

  test("is stored in its order, the last of equal ids winning", async () => {
    await call("batchInsert", DOCS, {
      records: [row("b", [1]), row("a", [2]), row("b", [3])],
    });
    const { result } = await call("queryTable", DOCS);
    expect(
      result.map((r: { id: string; embedding: number[] }) => [
        r.id,
        r.embedding,
      ]),
    ).toEqual([
      ["b", [3]],
      ["a", [2]],
    ]);
  });

  test("skips records without an id", async () => {
    expect(
      await call("batchInsert", DOCS, {
        records: [{ embedding: [1] }, row("a", [2]), row("", [3])],
      }),
    ).toEqual({ ok: true });
    expect((await stored("mastra_vectors")).map((r) => r.id)).toEqual(["a"]);
  });

  test("is stored whole or not at all", async () => {
    await call("insert", DOCS, { record: row("a", [1]) });
    await expect(
      call("batchInsert", DOCS, {
        records: [
          row("a", [9]),
          row("b", [9]),
          { id: "c", embedding: ["not a number"] },
        ],
      }),
    ).rejects.toThrow();
    expect(await stored("mastra_vectors")).toMatchObject([row("a", [1])]);
  });

  test("may hold 500, new or stored", async () => {
    const records = Array.from({ length: 500 }, (_, n) => row(`id${n}`, [n]));
    for (let round = 0; round < 2; round++) {
      await call("batchInsert", DOCS, { records });
      expect((await call("queryTable", DOCS)).result).toMatchObject(records);
    }
  }, 30_000);

  test("loads in the order of its ids, without doubles and strangers", async () => {
    await call("batchInsert", DOCS, {
      records: [row("a", [1]), row("b", [2]), row("c", [3])],
    });
    const { result } = await call("loadMany", DOCS, {
      ids: ["c", "zzz", "a", "c"],
    });
    expect(result.map((r: { id: string }) => r.id)).toEqual(["c", "a"]);
  });
});

describe("patch of a vector", () => {
  beforeEach(createIndexes);

  test("replaces the given fields but never its name", async () => {
    await call("insert", DOCS, { record: row("a", [1], { k: 1 }) });
    const [before] = await stored("mastra_vectors");
    expect(
      await call("patch", DOCS, {
        id: "a",
        record: { id: "z", indexName: "z", metadata: { l: 2 } },
      }),
    ).toEqual({ ok: true, result: true });
    expect(await stored("mastra_vectors")).toEqual([
      { ...before, metadata: { l: 2 } },
    ]);
  });

  test("says when the vector does not exist", async () => {
    expect(
      await call("patch", DOCS, { id: "a", record: { embedding: [1] } }),
    ).toEqual({ ok: true, result: false });
  });
});

describe("updateVectors", () => {
  beforeEach(createIndexes);

  beforeEach(() =>
    call("batchInsert", DOCS, {
      records: [row("a", [1], { k: 1, l: 1 }), row("b", [2]), row("c", [3])],
    }),
  );

  test("merges metadata and returns the ids it found", async () => {
    expect(
      await call("updateVectors", DOCS, {
        ids: ["b", "zzz", "a", "b"],
        metadata: { l: 2 },
      }),
    ).toEqual({ ok: true, result: ["b", "a"] });
    expect((await call("queryTable", DOCS)).result).toMatchObject([
      { id: "a", embedding: [1], metadata: { k: 1, l: 2 } },
      { id: "b", embedding: [2], metadata: { l: 2 } },
      { id: "c", embedding: [3] },
    ]);
  });

  test("replaces the embedding and leaves metadata alone", async () => {
    await call("updateVectors", DOCS, { ids: ["a"], embedding: [7, 8] });
    const { result } = await call("load", DOCS, { keys: { id: "a" } });
    expect(result).toMatchObject(row("a", [7, 8], { k: 1, l: 1 }));
  });

  test("takes an empty embedding for an embedding", async () => {
    await call("updateVectors", DOCS, { ids: ["a"], embedding: [] });
    const { result } = await call("load", DOCS, { keys: { id: "a" } });
    expect(result.embedding).toEqual([]);
  });

  test("updates all or none", async () => {
    const before = await stored("mastra_vectors");
    await expect(
      call("updateVectors", DOCS, {
        ids: ["a", "b"],
        embedding: ["not a number"],
      }),
    ).rejects.toThrow();
    expect(await stored("mastra_vectors")).toEqual(before);
  });
});

describe("queryTable of vectors", () => {
  beforeEach(createIndexes);

  beforeEach(async () => {
    await call("batchInsert", DOCS, {
      records: ["e", "d", "c", "b", "a"].map((id, n) => row(id, [n])),
    });
    await call("insert", "mastra_vector_more", { record: row("x", [9]) });
  });

  test.each([1, 2, 5, 100])(
    "in pages of %i gives the whole in stored order",
    async (pageSize) => {
      const all = await pages(DOCS, pageSize);
      expect(all).toEqual((await call("queryTable", DOCS)).result);
      expect(all.map((r) => r.id)).toEqual(["e", "d", "c", "b", "a"]);
    },
  );

  test("in a page that holds all says that there is no more", async () => {
    const page = await call("queryTable", DOCS, { pageSize: 100 });
    expect([page.result.length, page.hasMore]).toEqual([5, false]);
  });

  test("counts the rows of its index", async () => {
    expect(await call("count", DOCS)).toMatchObject({
      ok: true,
      result: 5,
      hasMore: false,
    });
  });

  test("stops at the limit and says that there is more", async () => {
    const ids = (reply: { result: { id: string }[] }) =>
      reply.result.map((r) => r.id);
    const two = await call("queryTable", DOCS, { limit: 2 });
    expect([ids(two), two.hasMore]).toEqual([["e", "d"], true]);
    const five = await call("queryTable", DOCS, { limit: 5 });
    expect([ids(five).length, five.hasMore]).toEqual([5, false]);
    expect(ids(await call("queryTable", DOCS, { limit: 0 }))).toHaveLength(5);
  });

  test("without pages reads 10000 rows and says that there are more", async () => {
    await db.run(async (ctx) => {
      for (let n = 0; n <= 10_000; n++) {
        const vector = { indexName: "many", id: `id${n}`, embedding: [n] };
        await ctx.db.insert("mastra_vectors", vector);
      }
    });
    const { result, hasMore } = await call("queryTable", "mastra_vector_many");
    expect([result.length, hasMore]).toEqual([10_000, true]);
  });

  test("filters by top-level fields", async () => {
    const filters = [{ field: "id", value: "c" }];
    const { result } = await call("queryTable", DOCS, { filters });
    expect(result).toMatchObject([row("c", [2])]);
    expect(await pages(DOCS, 1, { filters })).toEqual(result);
    expect(
      (
        await call("queryTable", DOCS, {
          filters: [...filters, { field: "indexName", value: "more" }],
        })
      ).result,
    ).toEqual([]);
  });
});

describe.each(["clearTable", "dropTable"])("%s", (op) => {
  beforeEach(createIndexes);

  test("deletes the rows of its index, as many a call as it may read", async () => {
    await call("insert", "mastra_vector_more", { record: row("x", [9]) });
    await call("batchInsert", DOCS, {
      records: Array.from({ length: 50 }, (_, n) => row(`id${n}`, [n])),
    });
    expect(await call(op, DOCS)).toEqual({ ok: true, hasMore: false });
    expect(await call(op, DOCS)).toEqual({ ok: true, hasMore: false });
    expect((await stored("mastra_vectors")).map((r) => r.id)).toEqual(["x"]);
  });
});

describe("a write to an index that does not exist", () => {
  const seen = { rows: [{ id: "a", metadata: {} }] };
  test.each([
    ["insert", { record: row("a", [1]) }],
    ["batchInsert", { records: [row("a", [1])] }],
    ["patch", { id: "a", record: { embedding: [1] } }],
    ["updateVectors", { ids: ["a"], metadata: {} }],
    ["updateSeen", { ...seen, metadata: {} }],
  ])("is refused by %s", async (op, fields) => {
    expect(await call(op, DOCS, fields)).toEqual({
      ok: false,
      code: "IndexNotFound",
      error: 'index "docs" does not exist',
      details: { index_name: "docs" },
    });
    expect(await stored("mastra_vectors")).toEqual([]);
  });
});

describe("rows that a client saw", () => {
  beforeEach(createIndexes);

  const rows = [
    row("same", [1], { at: NaN, list: [1n, { a: null }] }),
    row("none", [2]),
    row("changed", [3], { stale: false }),
  ];
  const seen = [
    { id: "same", metadata: { list: [1n, { a: null }], at: NaN } },
    { id: "none", metadata: {} },
    { id: "changed", metadata: { stale: true } },
    { id: "gone", metadata: {} },
  ];

  test("are deleted where they are as they were seen", async () => {
    await call("batchInsert", DOCS, { records: rows });
    expect(await call("deleteSeen", DOCS, { rows: seen })).toEqual({
      ok: true,
      result: ["changed"],
    });
    expect((await stored("mastra_vectors")).map(({ id }) => id)).toEqual([
      "changed",
    ]);
  });

  test("are deleted where the filter admits them as they are now", async () => {
    await call("batchInsert", DOCS, { records: rows });
    const filter = JSON.stringify({ stale: false });
    expect(await call("deleteSeen", DOCS, { rows: seen, filter })).toEqual({
      ok: true,
      result: [],
    });
    expect(await stored("mastra_vectors")).toEqual([]);
  });

  test("stay where the filter doesn't admit them any more", async () => {
    await call("batchInsert", DOCS, { records: rows });
    const filter = JSON.stringify({ stale: true });
    const update = { rows: seen, filter, metadata: { at: 2 } };
    expect(await call("updateSeen", DOCS, update)).toEqual({
      ok: true,
      result: [],
    });
    expect((await stored("mastra_vectors"))[2]!.metadata).toEqual({
      stale: false,
    });
  });

  test("are refused with a filter that isn't one", async () => {
    const filter = JSON.stringify({ $stale: true });
    expect(await call("deleteSeen", DOCS, { rows: seen, filter })).toEqual({
      ok: false,
      code: "InvalidRequest",
      error: expect.stringContaining("found the unknown operator $stale"),
    });
  });

  test("are updated where they are as they were seen", async () => {
    await call("batchInsert", DOCS, { records: rows });
    const update = { rows: seen, metadata: { at: 2 } };
    expect(await call("updateSeen", DOCS, update)).toEqual({
      ok: true,
      result: ["changed"],
    });
    expect(
      (await stored("mastra_vectors")).map(({ metadata }) => metadata),
    ).toEqual([
      { at: 2, list: [1n, { a: null }] },
      { at: 2 },
      { stale: false },
    ]);
  });

  test.each([
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: [1] }, { a: [1, 2] }],
    [{ a: "1" }, { a: 1 }],
    [{ a: 1n }, { a: 1 }],
    [{ a: null }, {}],
    [{ a: {} }, { a: [] }],
    [{ a: new Uint8Array([1]).buffer }, { a: new Uint8Array([2]).buffer }],
  ])("with metadata that differs stay: case %#", async (metadata, other) => {
    await call("insert", DOCS, { record: row("a", [1], metadata) });
    const deleted = (metadata: object) =>
      call("deleteSeen", DOCS, { rows: [{ id: "a", metadata }] });
    expect((await deleted(other)).result).toEqual(["a"]);
    expect((await deleted(metadata)).result).toEqual([]);
    expect(await stored("mastra_vectors")).toEqual([]);
  });
});

test("an index is deleted with its rows, some of them a call", async () => {
  await createIndexes();
  await call("batchInsert", DOCS, {
    records: Array.from({ length: 60 }, (_, n) => row(`id${n}`, [n])),
  });
  await call("insert", "mastra_vector_more", { record: row("x", [9]) });
  const replies = [];
  do replies.push(await call("deleteVectorIndex", INDEXES, { id: "docs" }));
  while (replies[replies.length - 1]!.hasMore);
  expect((await stored(INDEXES)).map(({ id }) => id)).toEqual(["more"]);
  expect((await stored("mastra_vectors")).map(({ id }) => id)).toEqual(["x"]);
});

async function pages(table: string, pageSize: number, rest: object = {}) {
  const all: { id: string }[] = [];
  let cursor: string | null = null;
  for (;;) {
    const page: {
      result: { id: string }[];
      hasMore: boolean;
      continuationCursor: string;
    } = await call("queryTable", table, { pageSize, cursor, ...rest });
    expect(page.result.length).toBeLessThanOrEqual(pageSize);
    all.push(...page.result);
    if (!page.hasMore) return all;
    cursor = page.continuationCursor;
  }
}
