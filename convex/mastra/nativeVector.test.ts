import { defineTable } from "convex/server";
import { ConvexError, v } from "convex/values";
import { beforeEach, describe, expect, test } from "vitest";
import { deployment, native, type Deployment } from "../test.setup";
import { search } from "./model/nativeVectors";
import { defineMastraNativeVectorTable } from "./schema";

const config = {
  tableName: "docs_vectors",
  vectorIndexName: "by_embedding",
  dimension: 2,
  filterFields: ["lang", "year"],
};

let db: Deployment;
beforeEach(() => {
  db = deployment({
    docs_vectors: defineMastraNativeVectorTable({
      dimensions: 2,
      filterFields: ["lang", "year"],
    }),
    // A table with its user's own columns.
    own: defineTable({
      key: v.string(),
      vec: v.array(v.float64()),
      meta: v.optional(v.any()),
    })
      .index("by_key", ["key"])
      .vectorIndex("by_vec", { vectorField: "vec", dimensions: 2 }),
  });
});

const query = (args: object) => db.action(native.query, { config, ...args });
const read = (op: string, args: object = {}) =>
  db.query(native.read, { op, config, ...args });
const write = (op: string, args: object = {}) =>
  db.mutation(native.write, { op, config, ...args });
const stored = () => db.run((ctx) => ctx.db.query("docs_vectors").collect());

const upsert = (rows: Record<string, number[]>, metadata?: object[]) =>
  write("upsert", {
    ids: Object.keys(rows),
    vectors: Object.values(rows),
    ...(metadata && { metadata }),
  });

/** The ids, not `_id`s, of a query's results. */
const found = async (args: object) => {
  const results: { id: string; score: number }[] = await query(args);
  const docs: { id: string }[] = await read("getByConvexIds", {
    ids: results.map((result) => result.id),
  });
  return docs.map((doc) => doc.id);
};

const refusal = (call: Promise<unknown>) =>
  call.then(
    () => "accepted",
    (error) =>
      error instanceof ConvexError
        ? { ...error.data }
        : { code: "unexpected", message: String(error) },
  );
const invalid = (message: string) => ({ code: "InvalidRequest", message });

describe("query", () => {
  beforeEach(() =>
    upsert({ a: [1, 0], b: [1, 1], c: [0, 1] }, [
      { lang: "de", year: 2019 },
      { lang: "en" },
      { lang: "fr", year: null },
    ]),
  );

  test("gives ids and scores, best first, up to the limit", async () => {
    const results = await query({ vector: [1, 0], limit: 2 });
    expect(Object.keys(results[0]).sort()).toEqual(["id", "score"]);
    expect(results[0].score).toBeCloseTo(1);
    expect(results[1].score).toBeCloseTo(Math.SQRT1_2);
    expect(await found({ vector: [1, 0], limit: 2 })).toEqual(["a", "b"]);
    expect(await found({ vector: [0, 1] })).toEqual(["c", "b", "a"]);
  });

  test("filters by an equality", async () => {
    const vector = [1, 0];
    expect(
      await found({ vector, filter: { field: "lang", value: "fr" } }),
    ).toEqual(["c"]);
    expect(
      await found({ vector, filter: { field: "year", value: null } }),
    ).toEqual(["c"]);
    expect(
      await found({ vector, filter: { field: "year", value: 2020 } }),
    ).toEqual([]);
  });

  test("filters by one of several equalities", async () => {
    const or = [
      { field: "lang", value: "en" },
      { field: "year", value: 2019 },
    ];
    expect(await found({ vector: [1, 0], filter: { or } })).toEqual(["a", "b"]);
  });

  test("filtered by one of no equalities finds nothing without a search", async () => {
    const vectorSearch = () => Promise.reject(new Error("searched"));
    const args = { config, vector: [1, 0], filter: { or: [] } };
    expect(await search({ vectorSearch }, args)).toEqual([]);
  });

  test.each([0, 257, 1.5])("refuses the limit %d", async (limit) => {
    expect(await refusal(query({ vector: [1, 0], limit }))).toEqual(
      invalid(
        "Native vector query: limit must be an integer between 1 and 256",
      ),
    );
  });
});

describe("read", () => {
  beforeEach(() =>
    upsert({ a: [1, 0], b: [0, 1] }, [{ lang: "de" }, { lang: "en" }]),
  );

  test("gives documents by _id, in order, without the vector", async () => {
    const [a, b] = await stored();
    const ids = [b!._id, a!._id];
    const { embedding, ...withoutVector } = b!;
    expect(embedding).toEqual([0, 1]);
    expect((await read("getByConvexIds", { ids }))[0]).toEqual(withoutVector);
    expect(await read("getByConvexIds", { ids, includeVector: true })).toEqual([
      b,
      a,
    ]);
  });

  test("leaves out _ids that are gone, malformed or of another table", async () => {
    const [a, b] = await stored();
    const strangers = await db.run((ctx) =>
      ctx.db.insert("mastra_vectors", {
        id: "x",
        indexName: "x",
        embedding: [],
      }),
    );
    await write("deleteByIds", { ids: ["a"] });
    const docs = await read("getByConvexIds", {
      ids: [a!._id, "nonsense", strangers, b!._id],
    });
    expect(docs.map((doc: { id: string }) => doc.id)).toEqual(["b"]);
  });

  test("lists documents by id, null for those that don't exist", async () => {
    const [a, b] = await stored();
    expect(await read("listByIds", { ids: ["b", "zzz", "a"] })).toEqual([
      b,
      null,
      a,
    ]);
  });

  test("counts up to a limit between 1 and 10000", async () => {
    const count = (countLimit?: number) =>
      read("describe", countLimit === undefined ? {} : { countLimit });
    expect(await count()).toEqual({ count: 2, countIsLimited: false });
    expect(await count(2)).toEqual({ count: 2, countIsLimited: false });
    expect(await count(1)).toEqual({ count: 1, countIsLimited: true });
    expect(await count(-5)).toEqual({ count: 1, countIsLimited: true });
    expect(await count(1e9)).toEqual({ count: 2, countIsLimited: false });
  });

  test("counts no further than one query may read", async () => {
    // At 9 bytes a number two such vectors are more than 12 MiB.
    const large = { ...config, dimension: 1_000_000 };
    expect(await read("describe", { config: large })).toEqual({
      count: 1,
      countIsLimited: true,
    });
  });

  test("pages through all rows in order of creation", async () => {
    await upsert({ Z: [2, 2] });
    await upsert({ a: [3, 3] });
    type Page = {
      page: object[];
      isDone: boolean;
      continueCursor: string;
    };
    const first: Page = await read("listPage", { cursor: null, pageSize: 2 });
    expect(first.page).toEqual([
      { id: "a", metadata: { lang: "de" } },
      { id: "b", metadata: { lang: "en" } },
    ]);
    expect(first.isDone).toBe(false);
    const second: Page = await read("listPage", {
      cursor: first.continueCursor,
      pageSize: 2,
      includeVector: true,
    });
    expect(second.page).toEqual([{ id: "Z", vector: [2, 2] }]);
    expect(second.isDone).toBe(true);
  });

  test.each([
    ["getByConvexIds", {}, "Native vector query: ids are required"],
    ["listByIds", {}, "Native vector query: ids are required"],
    [
      "listPage",
      {},
      "Native vector query: pageSize must be a positive integer",
    ],
    [
      "listPage",
      { pageSize: 0 },
      "Native vector query: pageSize must be a positive integer",
    ],
  ])("%s with %j is refused: %s", async (op, args, message) => {
    expect(await refusal(read(op, args))).toEqual(invalid(message));
  });
});

describe("upsert", () => {
  test("copies filter fields out of the metadata", async () => {
    await upsert({ a: [1, 0] }, [{ lang: "de", other: 1 }]);
    const [a] = await stored();
    expect(a).toMatchObject({ lang: "de", metadata: { lang: "de", other: 1 } });
    expect(a).not.toHaveProperty("other");
    expect(a).not.toHaveProperty("year");
  });

  test("without metadata keeps the stored one and the row's place", async () => {
    await upsert({ a: [1, 0], b: [0, 1] }, [{ lang: "de" }, {}]);
    const [a, b] = await stored();
    await upsert({ a: [2, 2] });
    expect(await stored()).toEqual([{ ...a, embedding: [2, 2] }, b]);
  });

  test("with metadata replaces it and clears filter fields it lacks", async () => {
    await upsert({ a: [1, 0] }, [{ lang: "de", year: 2019, other: 1 }]);
    await upsert({ a: [1, 0] }, [{ year: 2020 }]);
    const [a] = await stored();
    expect(a).toMatchObject({ year: 2020, metadata: { year: 2020 } });
    expect(a!.metadata).toEqual({ year: 2020 });
    expect(a).not.toHaveProperty("lang");
  });

  test("never lets metadata overwrite the row's own columns", async () => {
    await write("upsert", {
      config: { ...config, filterFields: ["id", "embedding", "metadata"] },
      ids: ["a"],
      vectors: [[1, 0]],
      metadata: [{ id: "z", embedding: [9, 9], metadata: 1 }],
    });
    expect(await stored()).toMatchObject([
      { id: "a", embedding: [1, 0], metadata: { id: "z" } },
    ]);
  });

  test("writes all rows or none", async () => {
    await upsert({ a: [1, 0] });
    const before = await stored();
    // The second row does not fit the schema.
    await expect(
      write("upsert", {
        config: { ...config, filterFields: ["undeclared"] },
        ids: ["a", "b"],
        vectors: [
          [5, 5],
          [6, 6],
        ],
        metadata: [{}, { undeclared: 1 }],
      }),
    ).rejects.toThrow();
    expect(await stored()).toEqual(before);
  });

  test.each([
    [{ ids: ["a"] }, "ids and vectors are required"],
    [
      { ids: ["a"], vectors: [] },
      "vectors length (0) must match ids length (1)",
    ],
    [
      { ids: ["a"], vectors: [[1, 0]], metadata: {} },
      "metadata must be an array matching ids when provided",
    ],
    [
      { ids: ["a"], vectors: [[1, 0]], metadata: [] },
      "metadata length (0) must match ids length (1)",
    ],
    [
      { ids: ["a"], vectors: [[1, 0]], metadata: [null] },
      "metadata entries must be objects when provided",
    ],
    [
      {
        ids: ["a", "a"],
        vectors: [
          [1, 0],
          [1, 0],
        ],
      },
      "ids must be unique",
    ],
  ])("of %j is refused: %s", async (args, message) => {
    expect(await refusal(write("upsert", args))).toEqual(
      invalid(`Native vector upsert: ${message}`),
    );
    expect(await stored()).toEqual([]);
  });
});

describe("updateById", () => {
  beforeEach(() => upsert({ a: [1, 0] }, [{ lang: "de", other: 1 }]));

  test("merges metadata and copies its filter fields", async () => {
    const [a] = await stored();
    expect(
      await write("updateById", { id: "a", metadata: { year: 2020 } }),
    ).toEqual({ ok: true, found: true });
    expect(await stored()).toEqual([
      { ...a, year: 2020, metadata: { lang: "de", other: 1, year: 2020 } },
    ]);
  });

  test("replaces the vector alone", async () => {
    const [a] = await stored();
    await write("updateById", { id: "a", vector: [0, 1] });
    expect(await stored()).toEqual([{ ...a, embedding: [0, 1] }]);
  });

  test("of an unknown id does nothing, and says so", async () => {
    const before = await stored();
    expect(await write("updateById", { id: "z", vector: [0, 1] })).toEqual({
      ok: true,
      found: false,
    });
    expect(await stored()).toEqual(before);
  });

  test.each([
    [{}, "id is required"],
    [{ id: "a", metadata: [] }, "metadata must be an object when provided"],
  ])("of %j is refused: %s", async (args, message) => {
    expect(await refusal(write("updateById", args))).toEqual(
      invalid(`Native vector update: ${message}`),
    );
  });
});

test("deleteByIds deletes those that exist, a doubled one once", async () => {
  await upsert({ a: [1, 0], b: [0, 1] });
  expect(await write("deleteByIds", { ids: ["a", "zzz", "a"] })).toEqual({
    ok: true,
  });
  expect((await stored()).map((doc) => doc.id)).toEqual(["b"]);
  expect(await refusal(write("deleteByIds"))).toEqual(
    invalid("Native vector deleteByIds: ids are required"),
  );
});

test("clear deletes 25 rows a call until none is left", async () => {
  await upsert(
    Object.fromEntries(
      Array.from({ length: 26 }, (_, n) => [`id${n}`, [n, 1]]),
    ),
  );
  expect(await write("clear")).toEqual({ ok: true, hasMore: true });
  expect(await stored()).toHaveLength(1);
  expect(await write("clear")).toEqual({ ok: true, hasMore: false });
  expect(await stored()).toEqual([]);
});

test("a table with columns of other names is served by naming them", async () => {
  const own = {
    tableName: "own",
    vectorIndexName: "by_vec",
    idField: "key",
    idIndexName: "by_key",
    vectorField: "vec",
    metadataField: "meta",
  };
  const upserted = { ids: ["a"], vectors: [[1, 0]], metadata: [{ k: 1 }] };
  await write("upsert", { config: own, ...upserted });
  await write("updateById", { config: own, id: "a", metadata: { l: 2 } });
  expect(
    await read("listPage", { config: own, pageSize: 9, includeVector: true }),
  ).toMatchObject({
    page: [{ id: "a", metadata: { k: 1, l: 2 }, vector: [1, 0] }],
  });
  const [result] = await query({ config: own, vector: [1, 0] });
  const [doc] = await read("getByConvexIds", { config: own, ids: [result.id] });
  expect(doc).toMatchObject({ key: "a", meta: { k: 1, l: 2 } });
  expect(doc).not.toHaveProperty("vec");
});

test("an undeclared argument is an error", async () => {
  await expect(read("describe", { surprise: 1 })).rejects.toThrow();
  await expect(
    read("describe", { config: { ...config, surprise: 1 } }),
  ).rejects.toThrow();
  await expect(read("frobnicate")).rejects.toThrow();
});
