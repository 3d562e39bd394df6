import { beforeEach, expect, test, vi } from "vitest";
import {
  deployment,
  documentsRead,
  storageOf,
  storedIn,
  tidied,
  type Deployment,
} from "../test.setup";

const THREADS = "mastra_threads";
const SPANS = "mastra_ai_spans";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
const thread = (n: number) => ({
  id: `t${n}`,
  resourceId: `r${n}`,
  title: "",
  metadata: {},
  createdAt: new Date(n * 1000).toISOString(),
  updatedAt: new Date(n * 1000).toISOString(),
});
const threads = (count: number) =>
  Array.from({ length: count }, (_, n) => thread(n));
const total = async (table = THREADS, filters: object[] = []) => {
  const { result, hasMore } = await call("count", table, { filters });
  return [result, hasMore];
};
const byDate = { field: "createdAt", order: "asc" };

beforeEach(() => {
  db = deployment();
  call = storageOf(db);
});

test("the number of all rows follows inserts, replacements and deletes", async () => {
  expect(await total()).toEqual([0, false]);
  await call("batchInsert", THREADS, { records: threads(60) });
  await call("batchInsert", THREADS, { records: threads(61) });
  expect(await total()).toEqual([61, false]);
  await call("deleteThread", THREADS, { id: "t0" });
  await call("deleteMany", THREADS, { ids: ["t1", "t2"] });
  expect(await total()).toEqual([58, false]);
  await call("clearTable", THREADS);
  expect(await total()).toEqual([33, false]);
});

test("a long list is counted, and its last page found, by few documents", async () => {
  await call("batchInsert", THREADS, { records: threads(300) });
  await tidied(db, THREADS);
  const count = { op: "count", tableName: THREADS };
  // The list's mark, and its one part.
  expect(await documentsRead(db, count)).toBe(2);
  const page = { orderBy: byDate, offset: 295, limit: 10 };
  const { result, hasMore } = await call("queryPage", THREADS, page);
  expect([result.total, hasMore]).toEqual([300, false]);
  expect(result.rows.map(({ id }: { id: string }) => id)).toEqual(
    // From the end, which is nearer.
    ["t299", "t298", "t297", "t296", "t295"],
  );
  const request = { op: "queryPage", tableName: THREADS, ...page };
  expect(await documentsRead(db, request)).toBeLessThanOrEqual(2 + 6);
});

test("rows of other functions are counted too, some a transaction", async () => {
  await db.run(async (ctx) => {
    for (const row of threads(2500)) await ctx.db.insert(THREADS, row);
  });
  // Meanwhile rows come and go among those that are counted, and among the others.
  const tidy = () => call("tidy", THREADS, { filters: [] });
  expect(await tidy()).toEqual({ ok: true, hasMore: true });
  const late = [
    { ...thread(3000), createdAt: thread(5).createdAt },
    { ...thread(3001), createdAt: thread(2400).createdAt },
  ];
  await call("batchInsert", THREADS, { records: late });
  await call("deleteMany", THREADS, { ids: ["t1", "t2", "t2300"] });
  expect(await total()).toEqual([1000, true]);
  await tidied(db, THREADS);
  expect(await total()).toEqual([2499, false]);
  await call("deleteMany", THREADS, { ids: ["t3"] });
  expect(await total()).toEqual([2498, false]);
}, 20_000);

test("a count is exact while differences wait to be folded", async () => {
  await tidied(db, THREADS);
  for (let n = 0; n < 40; n++) {
    await call("insert", THREADS, { record: thread(n) });
  }
  await call("deleteMany", THREADS, { ids: ["t0", "t7"] });
  const { result, isUntidy } = await call("count", THREADS);
  expect([result, isUntidy]).toEqual([38, true]);
  await tidied(db, THREADS);
  expect(await call("count", THREADS)).toEqual({
    ok: true,
    result: 38,
    hasMore: false,
    isUntidy: false,
  });
});

test("differences of every list are folded once they are old", async () => {
  vi.useFakeTimers({ now: Date.now() });
  await tidied(db, THREADS);
  await call("insert", THREADS, { record: thread(0) });
  await tidied(db, THREADS, { resourceId: "r0" });
  await call("insert", THREADS, {
    record: { ...thread(1), resourceId: "r0" },
  });
  await call("insert", THREADS, { record: thread(2) });
  await call("tidy", THREADS);
  expect(await differences()).toHaveLength(4);
  vi.advanceTimersByTime(5000);
  expect(await call("tidy", THREADS)).toEqual({ ok: true, hasMore: false });
  expect(await differences()).toEqual([]);
  expect(await total()).toEqual([3, false]);
  vi.useRealTimers();
});

test("only of counted lists do writers record differences", async () => {
  await call("batchInsert", THREADS, { records: threads(120) });
  expect(await total()).toEqual([120, false]);
  expect(await storedIn(db, "mastra_counts")).toEqual([]);
  await tidied(db, THREADS);
  await call("insert", THREADS, { record: thread(120) });
  const [difference, ...others] = await differences();
  expect([difference?.field, others]).toEqual(["", []]);
  expect(await total()).toEqual([121, false]);
});

test("parts and differences of a list without a mark aren't trusted", async () => {
  await call("batchInsert", THREADS, { records: threads(3) });
  await db.run(async (ctx) => {
    const list = { table: THREADS, field: "", value: "" };
    const part = { ...list, from: "", to: thread(2).createdAt, count: 2 };
    await ctx.db.insert("mastra_counts", part);
    // More of them than one transaction drops.
    for (let n = 0; n < 201; n++) {
      const moves = [{ at: thread(n).createdAt, difference: 1 }];
      const difference = { ...list, from: "~", to: "", count: 1, moves };
      await ctx.db.insert("mastra_counts", difference);
    }
  });
  expect(await total()).toEqual([3, false]);
  await tidied(db, THREADS);
  expect(await total()).toEqual([3, false]);
  expect(await storedIn(db, "mastra_counts")).toHaveLength(2);
});

test("a part of the date that marks have is a part", async () => {
  const dated = (n: number, createdAt: string) => ({
    ...thread(n),
    createdAt,
  });
  const first = Array.from({ length: 1000 }, (_, n) => dated(n, ` ${n}`));
  await call("batchInsert", THREADS, { records: first.slice(0, 500) });
  await call("batchInsert", THREADS, { records: first.slice(500) });
  await tidied(db, THREADS);
  await call("insert", THREADS, { record: dated(1000, "!") });
  await tidied(db, THREADS);
  await call("insert", THREADS, { record: dated(1001, "2026") });
  expect(await total()).toEqual([1002, false]);
}, 20_000);

async function differences() {
  return (await storedIn(db, "mastra_counts")).filter(({ moves }) => moves);
}

test("bounds are counted by reading", async () => {
  await call("batchInsert", THREADS, { records: threads(7) });
  const orderBy = { ...byDate, gte: thread(5).createdAt };
  expect((await call("count", THREADS, { orderBy })).result).toBe(2);
  expect(await total(THREADS, [{ field: "resourceId", value: "r1" }])).toEqual([
    1,
    false,
  ]);
  expect(await total()).toEqual([7, false]);
});

test("traces are counted by their roots", async () => {
  const roots = [{ field: "isRoot", value: true }];
  const span = (traceId: string, parentSpanId: string | null) => ({
    id: `${traceId}-${parentSpanId}`,
    traceId,
    spanId: String(parentSpanId),
    parentSpanId,
    name: "agent",
    spanType: "agent_run",
    isEvent: false,
    startedAt: byDate.field,
    createdAt: byDate.field,
  });
  const records = Array.from({ length: 20 }, (_, n) => [
    span(`t${n}`, null),
    span(`t${n}`, "root"),
  ]);
  await call("createSpans", SPANS, { records: records.flat() });
  expect(await total(SPANS, roots)).toEqual([20, false]);
  // A span that turns out to have a parent is no root any more.
  const update = { traceId: "t0", spanId: "null", parentSpanId: "other" };
  await call("updateSpans", SPANS, { records: [update] });
  await call("deleteTraces", SPANS, { traceIds: ["t1"] });
  expect(await total(SPANS, roots)).toEqual([18, false]);
  await tidied(db, SPANS, { isRoot: true });
  const request = { op: "count", tableName: SPANS, filters: roots };
  expect(await documentsRead(db, request)).toBe(2);
});
