/**
 * The changes of a vector index since a point in time.
 *
 * @module
 */
import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  deployment,
  storageOf,
  storedIn,
  type Deployment,
} from "../test.setup";

const TABLE = "mastra_vector_docs";
let db: Deployment;
let storage: ReturnType<typeof storageOf>;

beforeEach(async () => {
  db = deployment();
  storage = storageOf(db);
  for (const id of ["docs", "other"]) {
    const record = {
      id,
      indexName: id,
      dimension: 1,
      metric: "cosine",
      createdAt: "",
    };
    await storage("createVectorIndex", "mastra_vector_indexes", { record });
  }
});

const vector = (id: string, number = 1) => ({ id, embedding: [number] });
const upsert = (...ids: string[]) =>
  storage("batchInsert", TABLE, { records: ids.map((id) => vector(id)) });

async function changes(cursor: string | null, rest: object = {}) {
  const reply = await storage("queryChanges", TABLE, { cursor, ...rest });
  if (!reply.ok) throw new Error(reply.error);
  return {
    ...reply.changes!,
    rows: (reply.result as { id: string; embedding: number[] }[]).map(
      (row) => row.id,
    ),
    embeddings: (reply.result as { embedding: number[] }[]).map(
      (row) => row.embedding,
    ),
    cursor: reply.continuationCursor!,
    hasMore: reply.hasMore,
  };
}
const begin = async () => (await changes(null)).cursor;

test("without a cursor nothing is known but the index", async () => {
  await upsert("a");
  expect(await changes(null)).toMatchObject({
    isKnown: false,
    rows: [],
    deleted: [],
    hasMore: false,
    index: { _id: expect.any(String), dimension: 1, metric: "cosine" },
  });
});

test("the first page of all vectors gives the cursor of the changes after it", async () => {
  await upsert("a", "b", "c");
  const first = await storage("queryVectors", TABLE, { pageSize: 2 });
  await upsert("b");
  const { since, index } = first.changes as { since: string; index: object };
  expect(index).toEqual((await changes(null)).index);
  expect(await changes(since)).toMatchObject({ isKnown: true, rows: ["b"] });
  const cursor = first.continuationCursor;
  const second = await storage("queryVectors", TABLE, { cursor, pageSize: 2 });
  expect(second.changes).toBeUndefined();
  const none = await storage("queryVectors", "mastra_vector_none");
  expect(none.changes).toEqual({ since: "0", index: null });
});

test("nothing changed: nothing comes, and the index that is gone is null", async () => {
  await upsert("a");
  const cursor = await begin();
  expect(await changes(cursor)).toMatchObject({
    isKnown: true,
    rows: [],
    deleted: [],
  });
  await storage("deleteMany", "mastra_vector_indexes", { ids: ["docs"] });
  expect((await changes(cursor)).index).toBeNull();
});

describe("a change is seen after", () => {
  const writes: [
    string,
    () => Promise<unknown>,
    { rows?: string[]; deleted?: string[] },
  ][] = [
    [
      "insert",
      () => storage("insert", TABLE, { record: vector("c") }),
      { rows: ["c"] },
    ],
    ["batchInsert", () => upsert("a", "c"), { rows: ["a", "c"] }],
    [
      "patch",
      () => storage("patch", TABLE, { id: "a", record: { embedding: [2] } }),
      { rows: ["a"] },
    ],
    [
      "updateVectors",
      () =>
        storage("updateVectors", TABLE, { ids: ["b", "x"], embedding: [2] }),
      { rows: ["b"] },
    ],
    [
      "deleteMany",
      () => storage("deleteMany", TABLE, { ids: ["a", "x"] }),
      { deleted: ["a"] },
    ],
    ["clearTable", () => storage("clearTable", TABLE), { deleted: ["a", "b"] }],
    ["dropTable", () => storage("dropTable", TABLE), { deleted: ["a", "b"] }],
  ];
  test.each(writes)("%s", async (_, write, { rows = [], deleted = [] }) => {
    await upsert("a", "b");
    const cursor = await begin();
    await write();
    const seen = await changes(cursor);
    expect(seen).toMatchObject({
      isKnown: true,
      rows,
      deleted,
      hasMore: false,
    });
    expect(await changes(seen.cursor)).toMatchObject({ rows: [], deleted: [] });
  });
});

test("from a cursor beyond the last commit nothing is known", async () => {
  await upsert("a");
  const cursor = await begin();
  expect((await changes(cursor)).isKnown).toBe(true);
  expect((await changes(String(BigInt(cursor) + 10n ** 12n))).isKnown).toBe(
    false,
  );
});

test("a row that changed twice comes once, as it is now", async () => {
  const cursor = await begin();
  await upsert("a");
  await storage("updateVectors", TABLE, { ids: ["a"], embedding: [7] });
  expect(await changes(cursor)).toMatchObject({
    rows: ["a"],
    embeddings: [[7]],
  });
});

test("changes of another index don't appear in this one", async () => {
  const cursor = await begin();
  await storage("insert", "mastra_vector_other", { record: vector("a") });
  expect(await changes(cursor)).toMatchObject({ rows: [], deleted: [] });
});

test("many changes come in pages, whole transactions each", async () => {
  let cursor = await begin();
  await upsert("a", "b", "c");
  await upsert("d");
  await upsert("e", "f");
  const pages = [];
  for (let hasMore: boolean | undefined = true; hasMore;) {
    const page = await changes(cursor, { pageSize: 2 });
    pages.push(page.rows);
    ({ cursor, hasMore } = page);
  }
  expect(pages).toEqual([
    ["a", "b", "c"],
    ["d", "e", "f"],
  ]);
});

test("ids too long for one document stand in several of one timestamp", async () => {
  const cursor = await begin();
  const ids = ["x", "y", "z"].map((letter) => letter.repeat(200_000));
  await upsert(...ids);
  expect(await storedIn(db, "mastra_vector_changes")).toHaveLength(3);
  expect((await changes(cursor, { pageSize: 1 })).rows).toEqual(ids);
});

test("a reader without news reads one small document, however much was written last", async () => {
  const beginning = await begin();
  const ids = Array.from({ length: 100 }, (_, n) => `${n}`.padStart(36, "0"));
  await upsert(...ids);
  const stored = await storedIn(db, "mastra_vector_changes");
  expect(stored.flatMap((change) => change.ids)).toEqual(ids);
  expect(String(stored[0]!.ids).length).toBeLessThan(1100);
  const seen = await changes(beginning);
  expect(seen.rows).toEqual(ids);
  expect(await changes(seen.cursor)).toMatchObject({ isKnown: true, rows: [] });
});

test("all old changes are deleted, in as many transactions as that takes", async () => {
  vi.useFakeTimers({ now: Date.now() });
  for (let n = 0; n < 130; n++) await upsert(`${n}`);
  const random = vi.spyOn(Math, "random").mockReturnValue(0);
  vi.setSystemTime(Date.now() + 3_600_001);
  await upsert("c");
  random.mockRestore();
  await db.finishAllScheduledFunctions(vi.runAllTimers);
  expect(
    (await storedIn(db, "mastra_vector_changes")).map((change) => change.ids),
  ).toEqual([[], ["c"]]);
  vi.useRealTimers();
});

test("changes older than an hour are deleted after some writes, and from before them nothing is known", async () => {
  vi.useFakeTimers({ now: Date.now() });
  const beginning = await begin();
  await upsert("a");
  const afterA = await begin();
  await upsert("b");
  const afterB = await begin();
  const random = vi.spyOn(Math, "random").mockReturnValue(0);
  vi.setSystemTime(Date.now() + 3_600_001);
  await upsert("c");
  random.mockRestore();
  // Not by the write itself.
  expect(await storedIn(db, "mastra_vector_changes")).toHaveLength(3);
  await db.finishAllScheduledFunctions(vi.runAllTimers);
  // The last of the old ones stays as a mark, without ids.
  expect(
    (await storedIn(db, "mastra_vector_changes")).map((change) => change.ids),
  ).toEqual([[], ["c"]]);
  for (const gone of [beginning, afterA]) {
    expect(await changes(gone)).toMatchObject({ isKnown: false, rows: [] });
  }
  // Nothing has changed between it and what follows.
  expect(await changes(afterB)).toMatchObject({ isKnown: true, rows: ["c"] });
  vi.useRealTimers();
});

test("after a backup was restored nothing is known from behind it", async () => {
  await upsert("a");
  const backup = await storedIn(db, "mastra_vector_changes");
  await upsert("b");
  const cursor = await begin();
  await db.run(async (ctx) => {
    for (const { _id } of await ctx.db.query("mastra_vector_changes").collect())
      await ctx.db.delete("mastra_vector_changes", _id as never);
    for (const change of backup)
      await ctx.db.insert("mastra_vector_changes", change);
  });
  expect((await changes(cursor)).isKnown).toBe(false);
});

test("an index that is deleted leaves no changes", async () => {
  await upsert("a");
  const cursor = await begin();
  const INDEXES = "mastra_vector_indexes";
  expect(await storage("deleteVectorIndex", INDEXES, { id: "docs" })).toEqual({
    ok: true,
    hasMore: false,
  });
  expect(await storedIn(db, "mastra_vector_changes")).toEqual([]);
  expect(await changes(cursor)).toMatchObject({ isKnown: false, index: null });
});

test("the features of the backend are found out without leaving rows", async () => {
  expect(await storage("backend", "mastra_vector_indexes")).toEqual({
    ok: true,
    result: { commitTimestamps: true },
  });
  expect(await storage("version", "mastra_vector_indexes")).toMatchObject({
    result: { backend: { commitTimestamps: true } },
  });
  expect(await storedIn(db, "mastra_vector_changes")).toEqual([]);
});

test.each([
  [{ cursor: "x" }, "queryChanges cursor must be one of its own"],
  [{ cursor: 5 }, "queryChanges cursor must be a string"],
  [{ pageSize: 0 }, "queryChanges pageSize must be a positive integer"],
])("%j is refused", async (fields, error) => {
  expect(await storage("queryChanges", TABLE, fields)).toMatchObject({
    ok: false,
    error,
  });
});
