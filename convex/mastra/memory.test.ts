import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  deployment,
  documentsRead,
  storageOf,
  storedIn,
  tidied,
  type Deployment,
} from "../test.setup";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
beforeEach(() => {
  db = deployment();
  call = storageOf(db);
});

const THREADS = "mastra_threads";
const MESSAGES = "mastra_messages";
const RESOURCES = "mastra_resources";

const thread = (id: string, fields: object = {}) => ({
  id,
  resourceId: "ada",
  title: "Hello",
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  ...fields,
});
const message = (id: string, fields: object = {}) => ({
  id,
  thread_id: "t",
  content: JSON.stringify({ format: 2, parts: [] }),
  role: "user",
  type: "v2",
  createdAt: `2026-01-01T00:00:00.${id.replace(/\D/g, "").padStart(3, "0")}Z`,
  resourceId: "ada",
  ...fields,
});
const messages = (count: number, fields: object = {}) =>
  Array.from({ length: count }, (_, n) => message(`m${n}`, fields));
const filter = (field: string, value: unknown) => ({
  filters: [{ field, value }],
});
const ids = (rows: { id: string }[]) => rows.map((row) => row.id);

async function countOf(table: string, field: string, value: string) {
  const { result, hasMore } = await call("count", table, filter(field, value));
  expect(hasMore).toBe(false);
  return result;
}

describe("records of any table", () => {
  test("in one batch with one id are merged, later fields winning", async () => {
    await call("batchInsert", THREADS, {
      records: [
        thread("t", { title: "One", metadata: { a: 1 } }),
        { title: "no id" },
        { id: "t", title: "Two" },
      ],
    });
    expect(await storedIn(db, THREADS)).toEqual([
      thread("t", { title: "Two", metadata: { a: 1 } }),
    ]);
  });

  test("may carry Convex's own fields and null where a column is optional", async () => {
    await call("insert", MESSAGES, { record: message("m1") });
    const { result } = await call("load", MESSAGES, { keys: { id: "m1" } });
    await call("insert", MESSAGES, { record: { ...result, resourceId: null } });
    await call("insert", MESSAGES, {
      record: { ...result, id: "m2", resourceId: null },
    });
    const { resourceId: _, ...rest } = message("m1");
    expect(await storedIn(db, MESSAGES)).toEqual([rest, { ...rest, id: "m2" }]);
  });

  test("are found by null where the column is absent", async () => {
    const { resourceId: _, ...absent } = message("m1");
    await call("batchInsert", MESSAGES, { records: [absent, message("m2")] });
    const reply = await call(
      "queryTable",
      MESSAGES,
      filter("resourceId", null),
    );
    expect(ids(reply.result)).toEqual(["m1"]);
  });

  test("patch only while they have the expected values", async () => {
    await call("insert", THREADS, { record: thread("t") });
    const patch = (expected: object) =>
      call("patch", THREADS, { id: "t", record: { title: "Bye" }, expected });
    expect(await patch({ title: "Other" })).toEqual({
      ok: true,
      result: false,
    });
    expect((await storedIn(db, THREADS))[0]!.title).toBe("Hello");
    expect(await patch({ title: "Hello", metadata: null })).toEqual({
      ok: true,
      result: true,
    });
    expect((await storedIn(db, THREADS))[0]!.title).toBe("Bye");
  });

  test("come in the order of an indexed field, between bounds, page by page", async () => {
    await call("batchInsert", MESSAGES, { records: messages(6).reverse() });
    const page = (cursor: string | null) =>
      call("queryTable", MESSAGES, {
        ...filter("thread_id", "t"),
        orderBy: {
          field: "createdAt",
          order: "desc",
          gte: message("m1").createdAt,
          lt: message("m5").createdAt,
        },
        pageSize: 3,
        cursor,
      });
    const first = await page(null);
    expect(ids(first.result)).toEqual(["m4", "m3", "m2"]);
    expect(first.hasMore).toBe(true);
    expect(ids((await page(first.continuationCursor)).result)).toEqual(["m1"]);
  });

  test("in an order that no index gives are refused", async () => {
    expect(
      await call("queryTable", MESSAGES, {
        ...filter("role", "user"),
        orderBy: { field: "type" },
      }),
    ).toMatchObject({ ok: false, code: "InvalidRequest" });
  });

  test("are cleared by 25, fewer where they are large", async () => {
    await call("batchInsert", MESSAGES, {
      records: messages(12, { content: "x".repeat(900_000) }),
    });
    expect(await call("clearTable", MESSAGES)).toEqual({
      ok: true,
      hasMore: true,
    });
    expect((await storedIn(db, MESSAGES)).length).toBeGreaterThan(0);
    while ((await call("clearTable", MESSAGES)).hasMore);
    expect(await storedIn(db, MESSAGES)).toEqual([]);
  }, 20_000);
});

describe("a thread", () => {
  test("needs no title", async () => {
    const { title: _, ...untitled } = thread("t");
    await call("insert", THREADS, { record: untitled });
    expect((await storedIn(db, THREADS))[0]!.title).toBe("");
  });

  test("updates what is given and merges metadata", async () => {
    await call("insert", THREADS, {
      record: thread("t", { metadata: { a: 1, b: 1 } }),
    });
    const updatedAt = "2026-02-01T00:00:00.000Z";
    const { result } = await call("updateThread", THREADS, {
      id: "t",
      metadata: { b: 2 },
      updatedAt,
    });
    const expected = thread("t", { metadata: { a: 1, b: 2 }, updatedAt });
    expect(result).toMatchObject(expected);
    expect(await storedIn(db, THREADS)).toEqual([expected]);
    await call("updateThread", THREADS, { id: "t", title: "Bye", updatedAt });
    expect(await storedIn(db, THREADS)).toEqual([
      { ...expected, title: "Bye" },
    ]);
  });

  test.each([
    ['{"$a":1,"b":1}', { b: 2 }, '{"$a":1,"b":2}'],
    [{ b: 1 }, '{"$a":1}', '{"b":1,"$a":1}'],
    ["not JSON", { b: 2 }, '{"b":2}'],
  ])(
    "has metadata %j and %j merged as text",
    async (metadata, changes, merged) => {
      await call("insert", THREADS, { record: thread("t", { metadata }) });
      await call("updateThread", THREADS, { id: "t", metadata: changes });
      expect((await storedIn(db, THREADS))[0]!.metadata).toBe(merged);
    },
  );

  test.each(["[1]", "{", 1])("refuses %j as metadata", async (metadata) => {
    expect(await call("updateThread", THREADS, { id: "t", metadata })).toEqual({
      ok: false,
      code: "InvalidRequest",
      error: "updateThread metadata must be an object, or the JSON text of one",
    });
  });

  test("that does not exist updates to null", async () => {
    expect(await call("updateThread", THREADS, { id: "t" })).toEqual({
      ok: true,
      result: null,
    });
  });

  test("is deleted with its messages and its memory, 25 rows a call, itself last", async () => {
    await call("insert", THREADS, { record: thread("t") });
    await call("batchInsert", MESSAGES, { records: messages(26) });
    await call("insert", MESSAGES, {
      record: message("x", { thread_id: "other" }),
    });
    await db.run((ctx) =>
      ctx.db.insert("mastra_observational_memory", {
        ...memory("om"),
        lookupKey: "thread:t",
      }),
    );
    const left = async () => [
      (await storedIn(db, MESSAGES)).length,
      (await storedIn(db, "mastra_observational_memory")).length,
      (await storedIn(db, THREADS)).length,
    ];
    expect(await call("deleteThread", THREADS, { id: "t" })).toEqual({
      ok: true,
      hasMore: true,
    });
    expect(await left()).toEqual([2, 1, 1]);
    expect(await call("deleteThread", THREADS, { id: "t" })).toEqual({
      ok: true,
      hasMore: false,
    });
    expect(await left()).toEqual([1, 0, 0]);
  });
});

describe("messages", () => {
  beforeEach(() => call("insert", THREADS, { record: thread("t") }));
  const updatedAt = async (id = "t") =>
    (await call("load", THREADS, { keys: { id } })).result.updatedAt;

  test("are saved and touch their thread, or neither", async () => {
    await expect(
      call("saveMessages", MESSAGES, {
        records: [message("m1"), message("m2", { role: 7 })],
      }),
    ).rejects.toThrow();
    expect(await storedIn(db, MESSAGES)).toEqual([]);
    expect(await updatedAt()).toBe(thread("t").updatedAt);

    vi.useFakeTimers({ now: Date.parse("2100-03-01T00:00:00.000Z") });
    await call("saveMessages", MESSAGES, { records: messages(2) });
    vi.useRealTimers();
    expect(await storedIn(db, MESSAGES)).toEqual(messages(2));
    expect(await updatedAt()).toBe("2100-03-01T00:00:00.000Z");
  });

  test.each([
    [{ id: undefined }, "Record is missing an id"],
    [{ thread_id: undefined }, "Thread ID is required"],
  ])("with %j are not saved: %s", async (fields, error) => {
    const records = [{ ...message("m1"), ...fields }];
    expect(await call("saveMessages", MESSAGES, { records })).toEqual({
      ok: false,
      code: "InvalidRequest",
      error,
    });
  });

  test("get their thread's resource, which each reply names", async () => {
    const records = [
      { ...message("m1"), resourceId: undefined },
      message("m2", { resourceId: "bob" }),
    ];
    const { result } = await call("saveMessages", MESSAGES, { records });
    expect(result).toEqual(["ada", "bob"]);
    const stored = await storedIn(db, MESSAGES);
    expect(stored.map((row) => row.resourceId)).toEqual(["ada", "bob"]);
  });

  test("saved again without a date of their own keep the stored one", async () => {
    const at = (n: number) => `2026-01-01T00:00:0${n}.000Z`;
    const save = async (undated: string[], ...records: object[]) =>
      (await call("saveMessages", MESSAGES, { records, undated })).result;
    await save([], message("m1", { createdAt: at(1) }));
    const result = await save(
      ["m1", "m2"],
      message("m1", { createdAt: at(5), content: '"more"' }),
      message("m2", { createdAt: at(6) }),
      message("m2", { createdAt: at(7) }),
      message("m3", { createdAt: at(8) }),
    );
    expect(result).toEqual(
      [1, 6, 6, 8].map((n) => ({ resourceId: "ada", createdAt: at(n) })),
    );
    const stored = await storedIn(db, MESSAGES);
    expect(stored.map((row) => [row.content, row.createdAt])).toEqual([
      ['"more"', at(1)],
      [message("m2").content, at(6)],
      [message("m3").content, at(8)],
    ]);
  });

  test("of a thread that does not exist are not saved", async () => {
    const records = [message("m1"), message("m2", { thread_id: "stranger" })];
    expect(await call("saveMessages", MESSAGES, { records })).toEqual({
      ok: false,
      code: "ThreadNotFound",
      error: "Thread stranger not found",
      details: { threadId: "stranger" },
    });
    expect(await storedIn(db, MESSAGES)).toEqual([]);
  });

  test("update by merging content and one level of its metadata", async () => {
    await call("insert", MESSAGES, {
      record: message("m1", {
        content: '{"format":2,"parts":[],"metadata":{"a":1,"b":1}}',
      }),
    });
    await call("insert", THREADS, { record: thread("t2") });
    const { result } = await call("updateMessages", MESSAGES, {
      records: [
        {
          id: "m1",
          thread_id: "t2",
          content: '{"content":"hi","metadata":{"b":2}}',
          createdAt: "1999-01-01T00:00:00.000Z",
        },
        { id: "stranger", role: "user" },
      ],
    });
    const expected = message("m1", {
      thread_id: "t2",
      content:
        '{"format":2,"parts":[],"metadata":{"a":1,"b":2},"content":"hi"}',
    });
    expect(result).toMatchObject([expected]);
    expect(await storedIn(db, MESSAGES)).toEqual([expected]);
    for (const id of ["t", "t2"]) {
      expect(await updatedAt(id)).not.toBe(thread("t").updatedAt);
    }
  });

  test("are deleted and touch their thread", async () => {
    await call("batchInsert", MESSAGES, { records: messages(2) });
    await call("deleteMessages", MESSAGES, { ids: ["m0", "stranger"] });
    expect(ids((await storedIn(db, MESSAGES)) as never)).toEqual(["m1"]);
    expect(await updatedAt()).not.toBe(thread("t").updatedAt);
  });
});

describe("a count", () => {
  test("follows inserts, moves and deletes of messages", async () => {
    expect(await countOf(MESSAGES, "thread_id", "t")).toBe(0);
    await call("batchInsert", MESSAGES, { records: messages(30) });
    await call("batchInsert", MESSAGES, { records: messages(31) });
    expect(await countOf(MESSAGES, "thread_id", "t")).toBe(31);
    await call("patch", MESSAGES, { id: "m0", record: { thread_id: "u" } });
    expect(await countOf(MESSAGES, "thread_id", "t")).toBe(30);
    expect(await countOf(MESSAGES, "thread_id", "u")).toBe(1);
    await call("deleteMany", MESSAGES, { ids: ["m0", "m1"] });
    await call("clearTable", MESSAGES);
    expect(await countOf(MESSAGES, "thread_id", "t")).toBe(4);
    await tidied(db, MESSAGES, { thread_id: "t" });
    expect(await countOf(MESSAGES, "thread_id", "t")).toBe(4);
    await call("clearTable", MESSAGES);
    expect(await countOf(MESSAGES, "thread_id", "t")).toBe(0);
    await tidied(db, MESSAGES, { thread_id: "t" });
    await tidied(db, MESSAGES, { thread_id: "u" });
    await tidied(db, MESSAGES, { resourceId: "ada" });
    // The documents that are left record that the numbers are known.
    const counts = await storedIn(db, "mastra_counts");
    const parts = counts.filter(({ isMark }) => !isMark);
    expect(parts.map(({ count }) => count)).toEqual([0, 0, 0]);
  });

  test("of rows that other functions wrote is right before and after a write", async () => {
    await db.run(async (ctx) => {
      for (const row of messages(3)) await ctx.db.insert(MESSAGES, row);
    });
    await call("insert", MESSAGES, { record: message("m7") });
    expect(await countOf(MESSAGES, "thread_id", "t")).toBe(4);
    await call("insert", MESSAGES, { record: message("m8") });
    expect(await countOf(MESSAGES, "thread_id", "t")).toBe(5);
  });

  test("without a kept number adds up over pages", async () => {
    await db.run(async (ctx) => {
      for (let n = 0; n < 1001; n++) {
        await ctx.db.insert(THREADS, thread(`t${n}`, { resourceId: `r${n}` }));
      }
    });
    const first = await call("count", THREADS);
    expect([first.result, first.hasMore]).toEqual([1000, true]);
    const cursor = first.continuationCursor;
    expect((await call("count", THREADS, { cursor })).result).toBe(1);
  });
});

describe("copyThread", () => {
  beforeEach(async () => {
    await call("insert", THREADS, {
      record: thread("t", { metadata: { secret: 1 } }),
    });
    await call("batchInsert", MESSAGES, { records: messages(5) });
  });
  const copy = (rest: object) =>
    call("copyThread", THREADS, {
      sourceThreadId: "t",
      newThreadId: "new",
      ...rest,
    });
  const copies = async () =>
    (await storedIn(db, MESSAGES)).filter((row) => row.thread_id === "new");

  test("copies all messages in order, in as many calls as the ids need", async () => {
    const first = await copy({
      ids: ["c0", "c1", "c2"],
      metadata: { mine: 1 },
      resourceId: "bob",
    });
    expect(first.result.copies).toEqual([
      ["m0", "c0"],
      ["m1", "c1"],
      ["m2", "c2"],
    ]);
    expect(first.hasMore).toBe(true);
    const second = await copy({
      ids: ["c3", "c4", "c5"],
      cursor: first.continuationCursor,
    });
    expect(second.result.copies).toEqual([
      ["m3", "c3"],
      ["m4", "c4"],
    ]);
    expect(second.hasMore).toBe(false);
    expect(await copies()).toEqual(
      messages(5).map((row, n) => ({
        ...row,
        id: `c${n}`,
        thread_id: "new",
        resourceId: n < 3 ? "bob" : "ada",
      })),
    );
    expect(second.result.thread).toMatchObject({
      id: "new",
      resourceId: "bob",
      title: "Clone of Hello",
      metadata: {
        mine: 1,
        clone: { sourceThreadId: "t", lastMessageId: "m4" },
      },
    });
    expect(second.result.thread.metadata).not.toHaveProperty("secret");
    expect(await countOf(MESSAGES, "thread_id", "new")).toBe(5);
  });

  test.each([
    [{ messageLimit: 2 }, ["m3", "m4"]],
    [{ messageIds: ["m1", "m3"] }, ["m1", "m3"]],
    [{ messageIds: ["m0", "m1", "m2"], messageLimit: 2 }, ["m1", "m2"]],
    [
      { startDate: message("m1").createdAt, endDate: message("m3").createdAt },
      ["m1", "m2", "m3"],
    ],
  ])("with %j copies %j", async (options, sources) => {
    const { result } = await copy({
      ids: messages(9).map((m) => `c${m.id}`),
      ...options,
    });
    expect(result.copies.map(([id]: string[]) => id)).toEqual(sources);
    expect((await copies()).map((row) => row.createdAt)).toEqual(
      sources.map((id) => message(id).createdAt),
    );
  });

  test("repeated with its ids copies nothing twice", async () => {
    const first = await copy({ ids: ["c0", "c1"] });
    const cursor = first.continuationCursor;
    for (let n = 0; n < 2; n++) await copy({ ids: ["c2", "c3"], cursor });
    expect((await copies()).map((row) => row.id)).toEqual([
      "c0",
      "c1",
      "c2",
      "c3",
    ]);
    expect(await countOf(MESSAGES, "thread_id", "new")).toBe(4);
  });

  test("refuses an unknown source and a thread that exists", async () => {
    expect(await copy({ sourceThreadId: "x", ids: ["c"] })).toEqual({
      ok: false,
      code: "ThreadNotFound",
      error: "Source thread with id x not found",
    });
    expect(await copy({ newThreadId: "t", ids: ["c"] })).toEqual({
      ok: false,
      code: "AlreadyExists",
      error: "Thread with id t already exists",
    });
    expect(await copies()).toEqual([]);
  });
});

describe("a resource", () => {
  test("is created, then updated where something is given", async () => {
    const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
    const update = (day: number, fields: object) =>
      call("updateResource", RESOURCES, {
        resourceId: "ada",
        createdAt: at(day),
        updatedAt: at(day),
        ...fields,
      });
    await update(1, { workingMemory: "wm" });
    const created = { id: "ada", createdAt: at(1), metadata: {} };
    expect(await storedIn(db, RESOURCES)).toEqual([
      { ...created, workingMemory: "wm", updatedAt: at(1) },
    ]);
    await update(2, { metadata: { a: 1, b: 1 } });
    const { result } = await update(3, { metadata: { b: 2 } });
    const updated = {
      ...created,
      workingMemory: "wm",
      updatedAt: at(3),
      metadata: { a: 1, b: 2 },
    };
    expect(result).toMatchObject(updated);
    expect(await storedIn(db, RESOURCES)).toEqual([updated]);
  });
});

describe("documents read", () => {
  beforeEach(async () => {
    await call("batchInsert", THREADS, {
      records: [thread("t"), ...messages(40).map(({ id }) => thread(id))],
    });
    await call("batchInsert", MESSAGES, { records: messages(40) });
    await call("batchInsert", MESSAGES, {
      records: Array.from({ length: 40 }, (_, n) =>
        message(`o${n}`, { thread_id: "other" }),
      ),
    });
    await tidied(db, MESSAGES, { thread_id: "t" });
    await tidied(db, THREADS, { resourceId: "ada" });
  });

  test.each<[object, number]>([
    [{ op: "load", tableName: THREADS, keys: { id: "t" } }, 1],
    [{ op: "updateThread", tableName: THREADS, id: "t", title: "x" }, 2],
    [{ op: "count", tableName: MESSAGES, ...filter("thread_id", "t") }, 2],
    [{ op: "count", tableName: THREADS, ...filter("resourceId", "ada") }, 2],
    [
      {
        op: "queryTable",
        tableName: MESSAGES,
        ...filter("thread_id", "t"),
        orderBy: { field: "createdAt", order: "desc" },
        pageSize: 10,
      },
      10,
    ],
    // The thread, by index and before the patch, and the mark of its list. No count is read.
    [{ op: "saveMessages", tableName: MESSAGES, records: [message("n1")] }, 3],
    [{ op: "deleteMessages", tableName: MESSAGES, ids: ["m1"] }, 5],
    [
      { op: "queryTable", tableName: MESSAGES, ...filter("thread_id", "t") },
      40,
    ],
  ])("by %j are at most %i", async (request, budget) => {
    const read = await documentsRead(db, request);
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThanOrEqual(budget);
  });
});

const memory = (id: string) => ({
  id,
  lookupKey: "resource:ada",
  scope: "resource",
  activeObservations: "",
  originType: "initial",
  config: "{}",
  createdAt: "2026-01-01T00:00:00.000Z",
  updatedAt: "2026-01-01T00:00:00.000Z",
  generationCount: 0,
  pendingMessageTokens: 0,
  totalTokensObserved: 0,
  observationTokenCount: 0,
  lastBufferedAtTokens: 0,
  isObserving: false,
  isReflecting: false,
  isBufferingObservation: false,
  isBufferingReflection: false,
});
