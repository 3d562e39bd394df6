import { beforeEach, describe, expect, test } from "vitest";
import {
  deployment,
  documentsRead,
  storageOf,
  storedIn,
  tidied,
  type Deployment,
} from "../test.setup";

const MESSAGES = "mastra_messages";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
const request = (fields: object = {}) => ({
  filters: [{ field: "thread_id", value: "t" }],
  orderBy: { field: "createdAt", order: "asc" },
  ...fields,
});
const message = (n: number, fields: object = {}) => ({
  id: `m${n}`,
  thread_id: "t",
  content: "{}",
  role: n % 2 ? "assistant" : "user",
  type: "v2",
  createdAt: new Date(n * 1000).toISOString(),
  resourceId: "ada",
  ...fields,
});
const messages = (count: number, fields: object = {}) =>
  Array.from({ length: count }, (_, n) => message(n, fields));
const idsOf = (rows: { id: string }[]) => rows.map(({ id }) => id);

/** A page as a client reads it, and in how many calls. */
async function pageOf(fields: object) {
  const asked = request(fields);
  const rows: { id: string }[] = [];
  let reply = await call("queryPage", MESSAGES, asked);
  const { total } = reply.result;
  let calls = 1;
  for (; ; calls++) {
    rows.push(...reply.result.rows);
    if (!reply.hasMore) break;
    const { orderBy, offset, limit } = reply.result;
    reply = await call("queryPage", MESSAGES, {
      ...asked,
      orderBy,
      offset,
      limit,
      cursor: reply.continuationCursor,
    });
  }
  if (reply.result.orderBy.order !== asked.orderBy.order) rows.reverse();
  return { ids: idsOf(rows), total, calls };
}

beforeEach(() => {
  db = deployment();
  call = storageOf(db);
});

describe("a page", () => {
  beforeEach(async () => {
    await call("batchInsert", MESSAGES, { records: messages(7) });
    await tidied(db, MESSAGES, { thread_id: "t" });
  });

  test("of a list whose number isn't known has it where it was read whole", async () => {
    await call("batchInsert", MESSAGES, {
      records: messages(3, { thread_id: "new" }).map((row) => ({
        ...row,
        id: `new-${row.id}`,
      })),
    });
    const filters = [{ field: "thread_id", value: "new" }];
    expect(await pageOf({ filters, offset: 1, limit: 5 })).toMatchObject({
      ids: ["new-m1", "new-m2"],
      total: 3,
    });
    expect(await pageOf({ filters, offset: 0, limit: 2 })).toMatchObject({
      total: null,
    });
  });

  test.each(["asc", "desc"])("%s is a slice of the list", async (order) => {
    const list = idsOf(messages(7));
    if (order === "desc") list.reverse();
    for (let offset = 0; offset < 9; offset++) {
      for (let limit = 0; limit < 9; limit++) {
        const orderBy = { field: "createdAt", order };
        const { ids, total } = await pageOf({ orderBy, offset, limit });
        expect([offset, limit, ids]).toEqual([
          offset,
          limit,
          list.slice(offset, offset + limit),
        ]);
        expect(total).toBe(7);
      }
    }
  });

  test("of what isn't counted is one too, its total null", async () => {
    const filters = [
      { field: "thread_id", value: "t" },
      { field: "role", value: "user" },
    ];
    expect(await pageOf({ filters, offset: 1, limit: 2 })).toMatchObject({
      ids: ["m2", "m4"],
      total: null,
    });
    const orderBy = {
      field: "createdAt",
      order: "asc",
      gte: message(2).createdAt,
    };
    expect(await pageOf({ orderBy, offset: 1, limit: 2 })).toMatchObject({
      ids: ["m3", "m4"],
      total: null,
    });
  });

  test.each([
    [{ offset: -1 }, "queryPage offset must be a non-negative integer"],
    [{ limit: 0.5 }, "queryPage limit must be a non-negative integer"],
    [{ orderBy: undefined }, "queryPage orderBy must be an object"],
    [
      { orderBy: { field: "role" } },
      "mastra_messages has no index for these filters in the order of role",
    ],
  ])("with %j is refused", async (fields, error) => {
    const asked = request({ offset: 0, limit: 1, ...fields });
    expect(await call("queryPage", MESSAGES, asked)).toEqual({
      ok: false,
      code: "InvalidRequest",
      error,
    });
  });
});

test("a page of rows too many or too large for one call takes several", async () => {
  const content = "x".repeat(900_000);
  for (const row of messages(24, { content })) {
    await db.run((ctx) => ctx.db.insert(MESSAGES, row));
  }
  const { ids, calls } = await pageOf({ offset: 11, limit: 2 });
  expect(ids).toEqual(["m11", "m12"]);
  expect(calls).toBeGreaterThan(1);
});

test("rows of which filters leave few are read within Convex's limits", async () => {
  await db.run(async (ctx) => {
    for (const row of messages(16_001)) await ctx.db.insert(MESSAGES, row);
  });
  const filters = [
    { field: "thread_id", value: "t" },
    { field: "resourceId", value: "bob" },
  ];
  const { result, hasMore } = await call("count", MESSAGES, { filters });
  expect([result, hasMore]).toEqual([0, true]);
  const page = await pageOf({ filters, offset: 0, limit: 1 });
  expect(page).toEqual({ ids: [], total: null, calls: 2 });
});

test("any page of a long list is read as any other", async () => {
  await call("batchInsert", MESSAGES, { records: messages(1300) });
  // Some that come late, move and go.
  await call("batchInsert", MESSAGES, {
    records: [
      message(9001, { createdAt: message(1150).createdAt }),
      message(1299, { createdAt: message(10).createdAt }),
      message(9002, { createdAt: "1900-01-01T00:00:00.000Z" }),
    ],
  });
  await tidied(db, MESSAGES, { thread_id: "t" });
  await call("deleteMany", MESSAGES, {
    ids: idsOf(messages(700).slice(600)),
  });
  const rows = await storedIn(db, MESSAGES);
  const list = rows
    .sort((a, b) => a.createdAt.localeCompare(b.createdAt))
    .map(({ id }) => id);
  for (const order of ["asc", "desc"]) {
    for (const offset of [0, 7, 600, 895, 905, 1100, 1192]) {
      const orderBy = { field: "createdAt", order };
      const page = request({ orderBy, offset, limit: 10 });
      const { ids, total, calls } = await pageOf(page);
      expect([offset, ids]).toEqual([offset, list.slice(offset, offset + 10)]);
      expect([total, calls]).toEqual([1202, 1]);
      const asked = { op: "queryPage", tableName: MESSAGES, ...page };
      expect(await documentsRead(db, asked)).toBeLessThan(600);
    }
    list.reverse();
  }
}, 20_000);

test("the last page is read as the first is", async () => {
  await call("batchInsert", MESSAGES, { records: messages(200) });
  await tidied(db, MESSAGES, { thread_id: "t" });
  for (const offset of [0, 190]) {
    const page = request({ offset, limit: 10 });
    const read = await documentsRead(db, {
      op: "queryPage",
      tableName: MESSAGES,
      ...page,
    });
    // The rows of the page, the mark of the count and its part.
    expect(read).toBe(12);
  }
});

test("a count within bounds reads those rows", async () => {
  await call("batchInsert", MESSAGES, { records: messages(7) });
  const orderBy = {
    field: "createdAt",
    gt: message(1).createdAt,
    lte: message(5).createdAt,
  };
  const { result } = await call("count", MESSAGES, request({ orderBy }));
  expect(result).toBe(4);
});
