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

const thread = (id: string, fields: object = {}) => ({
  id,
  resourceId: "ada",
  title: "Hello",
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  ...fields,
});
const THREADS = "mastra_threads";
const INDEXES = "mastra_vector_indexes";
const DOCS = "mastra_vector_docs";

describe("a request", () => {
  test.each([
    ["frobnicate", DOCS],
    ["frobnicate", THREADS],
    ["constructor", THREADS],
    ["updateVectors", THREADS],
  ])("for the unknown operation %s on %s is refused", async (op, table) => {
    expect(await call(op, table, { future: 1 })).toEqual({
      ok: false,
      code: "UnsupportedOperation",
      error: `Unsupported operation ${op}`,
    });
  });

  test.each([
    ["insert", THREADS, {}, "insert record must be an object"],
    ["insert", THREADS, { record: [] }, "insert record must be an object"],
    ["insert", THREADS, { record: {} }, "Record is missing an id"],
    ["load", THREADS, { keys: {} }, "load keys must name a field"],
    [
      "createVectorIndex",
      INDEXES,
      { record: { dimension: 2 } },
      "Record is missing an id",
    ],
    ["insert", DOCS, { record: {} }, "Vector record is missing an id"],
    [
      "batchInsert",
      DOCS,
      { records: [1] },
      "batchInsert records must be a list of objects",
    ],
    ["patch", DOCS, { record: {} }, "patch id must be a string"],
    [
      "loadMany",
      DOCS,
      { ids: "abcdefghijk".split("") },
      "loadMany supports at most 10 ids per request",
    ],
    [
      "deleteMany",
      DOCS,
      { ids: [1] },
      "deleteMany ids must be a list of strings",
    ],
    [
      "updateVectors",
      DOCS,
      { ids: ["a"] },
      "updateVectors requires an embedding or metadata",
    ],
    [
      "updateVectors",
      DOCS,
      { ids: ["a"], metadata: [] },
      "updateVectors metadata must be an object",
    ],
    [
      "updateVectors",
      DOCS,
      { ids: ["a"], embedding: "[]" },
      "updateVectors embedding must be a list",
    ],
    [
      "queryTable",
      DOCS,
      { cursor: null },
      "queryTable cursor requires pageSize",
    ],
    [
      "queryTable",
      DOCS,
      { pageSize: 0 },
      "queryTable pageSize must be a positive integer",
    ],
    [
      "queryTable",
      DOCS,
      { pageSize: 2, limit: 2 },
      "queryTable limit cannot be combined with pageSize",
    ],
    [
      "queryTable",
      INDEXES,
      { limit: -1 },
      "queryTable limit must be a non-negative integer",
    ],
    [
      "queryTable",
      INDEXES,
      { filters: [{ field: "id" }] },
      "queryTable filters must be a list of {field, value}, {field, values} or {field} with bounds",
    ],
  ])("%s on %s with %j is refused: %s", async (op, table, rest, error) => {
    expect(await call(op, table, rest)).toEqual({
      ok: false,
      code: "InvalidRequest",
      error,
    });
  });

  test("without a table is refused", async () => {
    expect(await db.mutation(handle, { op: "load" })).toEqual({
      ok: false,
      code: "InvalidRequest",
      error: "load tableName must be a string",
    });
  });
});

test("version tells the operations of each table", async () => {
  const { result } = await db.mutation(handle, { op: "version" });
  expect(result.version).toBe(1);
  expect(result.operations.mastra_threads).toContain("updateThread");
  expect(result.operations.vectors).toContain("updateVectors");
  expect(result.operations.documents).not.toContain("updateThread");
  expect(result.operations.mastra_scorers).toContain("queryPage");
});

test("version tells which operations only read", async () => {
  const { result } = await db.mutation(handle, { op: "version" });
  const { reads, operations } = result as {
    reads: string[];
    operations: Record<string, string[]>;
  };
  expect(reads).toEqual([
    "count",
    "countOrphans",
    "dueFires",
    "getItems",
    "getRunOwnership",
    "listDueSchedules",
    "listLegacyTasks",
    "listScheduleTriggers",
    "load",
    "loadCheckpoint",
    "loadMany",
    "omGetHistory",
    "omGetLatest",
    "queryChanges",
    "queryPage",
    "queryTable",
    "queryVectors",
    "readMemory",
    "reviewSummary",
  ]);
  expect(Object.values(operations).flat()).toEqual(
    expect.arrayContaining(reads),
  );
});

describe("a record", () => {
  test("inserted again is updated in place and keeps fields not given", async () => {
    await call("insert", THREADS, {
      record: thread("t", { metadata: { a: 1 } }),
    });
    const [before] = await stored(THREADS);
    expect(
      await call("insert", THREADS, { record: { id: "t", title: "Bye" } }),
    ).toEqual({ ok: true });
    expect(await stored(THREADS)).toEqual([{ ...before, title: "Bye" }]);
  });

  test("that does not fit the schema fails the mutation", async () => {
    await expect(
      call("insert", THREADS, { record: thread("t", { color: "red" }) }),
    ).rejects.toThrow();
    expect(await stored(THREADS)).toEqual([]);
  });

  test("loads by id, by an indexed field, and by any equality", async () => {
    await call("insert", THREADS, { record: thread("t1", { title: "One" }) });
    await call("insert", THREADS, { record: thread("t2", { title: "Two" }) });
    const idOf = async (keys: object) =>
      (await call("load", THREADS, { keys })).result?.id;
    expect(await idOf({ id: "t2" })).toBe("t2");
    expect(await idOf({ resourceId: "ada" })).toBe("t1");
    expect(await idOf({ resourceId: "ada", title: "Two" })).toBe("t2");
    expect(await idOf({ title: "Two" })).toBe("t2");
    expect(await idOf({ id: "t1", title: "Two" })).toBeUndefined();
    expect(await call("load", THREADS, { keys: { id: "t9" } })).toEqual({
      ok: true,
      result: null,
    });
  });
});
