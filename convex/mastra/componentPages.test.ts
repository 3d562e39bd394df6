/**
 * The pages of a component hold the rows that reading the range at once gives.
 *
 * @module
 */
import { expect, test } from "vitest";
import { deployment } from "../test.setup";
import { componentPage, type PageOptions } from "./model/componentPages";
import type { Condition, Ordering } from "./model/conditions";
import { rangeOf } from "./model/ranges";
import { rowsOf } from "./model/rows";
import type { AnyReadCtx, TableName } from "./model/server";

const RUNS = "mastra_workflow_snapshots";
const NO_LIMITS = { maximumBytesRead: Infinity, maximumRowsRead: Infinity };

/** Runs whose columns are equal, different or absent, and their vectors. */
async function stored() {
  const db = deployment();
  await db.run(async (ctx) => {
    for (let n = 0; n < 24; n++) {
      await ctx.db.insert(RUNS, {
        workflow_name: `w${n % 2}`,
        run_id: String(n),
        snapshot: { n, x: ["x".repeat(n), null] },
        createdAt: `2026-0${1 + (n % 3)}`,
        updatedAt: "",
        ...(n % 4 > 0 && { status: ["", "running", "failed"][(n % 4) - 1]! }),
      });
      await ctx.db.insert("mastra_vectors", {
        id: String(n),
        indexName: "docs",
        embedding: [n],
        metadata: [null, {}, { thread_id: n % 5 }, { thread_id: null }][n % 4],
      });
    }
  });
  return db;
}

async function pages(
  ctx: AnyReadCtx,
  range: ReturnType<typeof rangeOf>,
  options: Omit<PageOptions, "cursor">,
) {
  const found = [];
  let cursor: string | null = null;
  for (let isDone = false; !isDone;) {
    const page: Awaited<ReturnType<typeof componentPage>> = await componentPage(
      ctx,
      range,
      { ...options, cursor },
    );
    expect(page.page.length).toBeLessThanOrEqual(options.numItems);
    found.push(...page.page);
    cursor = page.continueCursor;
    isDone = page.isDone;
  }
  return found;
}

const created = (order: "asc" | "desc", bounds: Partial<Ordering> = {}) => ({
  field: "createdAt",
  order,
  ...bounds,
});
const RANGES: [TableName, Condition[], Ordering?][] = [
  [RUNS, []],
  [RUNS, [], created("asc")],
  [RUNS, [], created("desc")],
  [RUNS, [], created("desc", { gte: "2026-02" })],
  [RUNS, [], created("asc", { gt: "2026-01", lte: "2026-02" })],
  [RUNS, [], created("desc", { gt: "2026-01", lt: "2026-03" })],
  [RUNS, [{ field: "workflow_name", value: "w1" }]],
  [RUNS, [{ field: "workflow_name", value: "w1" }], created("desc")],
  [RUNS, [{ field: "status", value: null }]],
  [RUNS, [{ field: "status", values: ["", "failed"] }], created("desc")],
  [RUNS, [{ field: "run_id", gte: "12", lt: "3" }]],
  [RUNS, [{ field: "snapshot.n", value: 7 }]],
  [
    "mastra_vectors",
    [
      { field: "indexName", value: "docs" },
      { field: "metadata.thread_id", value: null },
    ],
  ],
  [
    "mastra_vectors",
    [{ field: "indexName", value: "docs" }],
    { field: "metadata.thread_id", order: "desc" },
  ],
];

test.each(RANGES)("pages of %s where %j by %j", async (...request) => {
  const db = await stored();
  await db.run(async (ctx) => {
    const range = rangeOf(...request);
    const whole = await rowsOf(ctx, range).collect();
    expect(whole.length).toBeGreaterThan(0);
    for (const numItems of [1, 2, 3, 7, 100]) {
      const found = await pages(ctx, range, { ...NO_LIMITS, numItems });
      expect(found).toEqual(whole);
    }
    for (const limits of [{ maximumRowsRead: 2 }, { maximumBytesRead: 500 }]) {
      const options = { ...NO_LIMITS, ...limits, numItems: 100 };
      expect(await pages(ctx, range, options)).toEqual(whole);
    }
  });
});

// The filters of convex-test compare with null as JavaScript does.
test.each<Condition>([
  { field: "status", value: null },
  { field: "status", values: [null, "none"] },
])("absent columns satisfy %j", async (condition) => {
  const db = await stored();
  const found = await db.run((ctx) => {
    const range = rangeOf(RUNS, [condition], created("asc"));
    return pages(ctx, range, { ...NO_LIMITS, numItems: 2 });
  });
  expect(found.map((row) => row.snapshot.n)).toEqual([0, 12, 4, 16, 8, 20]);
});

test("a page ends at what it read, and the next goes on with what was added", async () => {
  const db = await stored();
  const range = rangeOf(RUNS, [{ field: "snapshot.n", gte: 20 }]);
  const read = (options: Partial<PageOptions>) =>
    db.run(
      async (ctx) =>
        await componentPage(ctx, range, {
          cursor: null,
          numItems: 100,
          ...NO_LIMITS,
          ...options,
        }),
    );
  // Rows that the filter leaves out were read too.
  const none = await read({ maximumRowsRead: 20 });
  expect(none).toMatchObject({ page: [], isDone: false });
  const two = await read({ cursor: none.continueCursor, numItems: 2 });
  expect(two.page.map((row) => row.snapshot.n)).toEqual([20, 21]);
  await db.run(async (ctx) => {
    await ctx.db.delete(RUNS, two.page[1]!._id as never);
    const { _id, _creationTime, ...row } = two.page[0]!;
    await ctx.db.insert(RUNS, { ...row, run_id: "new" } as never);
  });
  const rest = await read({ cursor: two.continueCursor });
  expect(rest.page.map((row) => row.run_id)).toEqual(["22", "23", "new"]);
  expect(rest.isDone).toBe(true);
  const end = await read({ cursor: rest.continueCursor });
  expect(end).toMatchObject({ page: [], isDone: true });
});

test.each(["", "x", "[]", "[[],[],[]]", '[["a"]', "[1,2]", '[[{"$a":1}],[]]'])(
  "%j is no cursor",
  async (cursor) => {
    const db = deployment();
    const range = rangeOf(RUNS, []);
    const options = { ...NO_LIMITS, cursor, numItems: 1 };
    await expect(
      db.run((ctx) => componentPage(ctx, range, options)),
    ).rejects.toMatchObject({ data: { code: "InvalidRequest" } });
  },
);
