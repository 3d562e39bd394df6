import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  deployment,
  documentsRead,
  storageOf,
  storedIn,
  type Deployment,
} from "../test.setup";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
beforeEach(() => {
  db = deployment();
  call = storageOf(db);
});

const RUNS = "mastra_workflow_snapshot";
const stored = () => storedIn(db, "mastra_workflow_snapshots");

const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
const run = (workflow_name: string, run_id: string, fields: object = {}) => ({
  id: `${workflow_name}-${run_id}`,
  workflow_name,
  run_id,
  snapshot: JSON.stringify({ status: "running", context: {} }),
  createdAt: at(1),
  updatedAt: at(1),
  ...fields,
});
const snapshot = async () =>
  JSON.parse(
    (await call("load", RUNS, { keys: { run_id: "r" } })).result.snapshot,
  );

describe("a run", () => {
  test("is in the table of snapshots under both of its names", async () => {
    await call("insert", RUNS, { record: run("w", "r") });
    await call("insert", "mastra_workflow_snapshots", {
      record: run("w", "s"),
    });
    expect(await stored()).toMatchObject([run("w", "r"), run("w", "s")]);
    expect(await storedIn(db, "mastra_documents")).toEqual([]);
  });

  test("is named by workflow and run, not by its row's id", async () => {
    await call("insert", RUNS, { record: run("a-b", "c") });
    await call("insert", RUNS, { record: run("a", "b-c") });
    expect(await stored()).toMatchObject([run("a-b", "c"), run("a", "b-c")]);
    expect(
      await call("deleteWorkflowRun", RUNS, {
        workflowName: "a",
        runId: "b-c",
      }),
    ).toEqual({ ok: true, result: true });
    expect(await stored()).toMatchObject([run("a-b", "c")]);
  });

  test("keeps when it was created", async () => {
    await call("insert", RUNS, { record: run("w", "r") });
    await call("insert", RUNS, {
      record: run("w", "r", { createdAt: at(5), updatedAt: at(5) }),
    });
    expect(await stored()).toMatchObject([run("w", "r", { updatedAt: at(5) })]);
  });

  test("has its snapshot's status in a column", async () => {
    const status = async (snapshot: unknown) => {
      await call("insert", RUNS, { record: run("w", "r", { snapshot }) });
      return (await stored())[0]!.status;
    };
    expect(await status('{"status":"suspended"}')).toBe("suspended");
    expect(await status({ status: "failed" })).toBe("failed");
    expect(await status("{}")).toBe("");
    expect(await status("not JSON")).toBe("");
    await call("patch", RUNS, { id: "w-r", record: { updatedAt: at(2) } });
    await status('{"status":"running","context":{}}');
    await call("mergeWorkflowState", RUNS, {
      workflowName: "w",
      runId: "r",
      opts: '{"status":"success"}',
    });
    expect(await stored()).toMatchObject([{ status: "success" }]);
  });

  test("stored without a status gets it, 25 a call", async () => {
    await db.run(async (ctx) => {
      for (let n = 0; n < 30; n++)
        await ctx.db.insert("mastra_workflow_snapshots", run("w", `${n}`));
    });
    expect((await call("fillStatus", RUNS)).hasMore).toBe(true);
    expect((await call("fillStatus", RUNS)).hasMore).toBe(false);
    expect(
      (
        await call("count", RUNS, {
          filters: [{ field: "status", value: "running" }],
        })
      ).result,
    ).toBe(30);
    expect(await stored()).toContainEqual(
      expect.objectContaining(run("w", "0")),
    );
  });

  test("is found newest first by workflow, resource, both, or its id alone", async () => {
    await call("batchInsert", RUNS, {
      records: [
        run("w", "1", { resourceId: "ada", createdAt: at(1) }),
        run("v", "2", { resourceId: "ada", createdAt: at(2) }),
        run("w", "3", { resourceId: "bob", createdAt: at(3) }),
        run("v", "1", { resourceId: "ada", createdAt: at(4) }),
      ],
    });
    const found = async (conditions: Record<string, string>) => {
      const { result } = await call("queryTable", RUNS, {
        filters: Object.entries(conditions).map(([field, value]) => ({
          field,
          value,
        })),
        ...(!("run_id" in conditions) && {
          orderBy: { field: "createdAt", order: "desc" },
        }),
      });
      return result.map((row: { id: string }) => row.id);
    };
    expect(await found({ workflow_name: "w" })).toEqual(["w-3", "w-1"]);
    expect(await found({ resourceId: "ada" })).toEqual(["v-1", "v-2", "w-1"]);
    expect(await found({ resourceId: "ada", workflow_name: "v" })).toEqual([
      "v-1",
      "v-2",
    ]);
    expect(await found({ run_id: "1" })).toEqual(["w-1", "v-1"]);
    expect(await found({})).toEqual(["v-1", "w-3", "v-2", "w-1"]);
  });

  test("is found by Mastra's index hint", async () => {
    await call("batchInsert", RUNS, {
      records: [run("w", "1"), run("v", "1")],
    });
    const { result } = await call("queryTable", RUNS, {
      indexHint: { index: "by_workflow_run", workflowName: "v", runId: "1" },
    });
    expect(result).toMatchObject([run("v", "1")]);
  });
});

describe("mergeWorkflowStepResult", () => {
  const merge = (result: unknown, rest: object = {}) =>
    call("mergeWorkflowStepResult", RUNS, {
      workflowName: "w",
      runId: "r",
      stepId: "s",
      result: JSON.stringify(result),
      requestContext: "{}",
      ...rest,
    });
  const pending = { __mastra_pending__: true };
  const suspended = { status: "suspended", suspendedAt: 1 };
  beforeEach(() => call("insert", RUNS, { record: run("w", "r") }));

  test("replaces a step's result, merges the request context, returns all steps", async () => {
    await merge({ status: "success", output: 1 }, { stepId: "a" });
    await merge({ status: "running" }, { requestContext: '{"a":1,"b":1}' });
    const reply = await merge(
      { status: "success", output: { $schema: "x" } },
      { requestContext: '{"b":2}' },
    );
    const context = {
      a: { status: "success", output: 1 },
      s: { status: "success", output: { $schema: "x" } },
    };
    expect(JSON.parse(reply.result)).toEqual(context);
    expect(await snapshot()).toEqual({
      status: "running",
      context,
      requestContext: { a: 1, b: 2 },
    });
  });

  test.each([
    [[1, null], [null, 2], { status: "new", output: [1, 2] }],
    [[1], [null, null], { status: "new", output: [1, null] }],
    [
      [1, suspended, null],
      [9, pending, pending],
      { status: "old", output: [1, null, null] },
    ],
    [[1], [pending, pending], { status: "old", output: [1, null] }],
    [[pending], [pending, 5], { status: "old", output: [null, null] }],
    [
      [{ ...pending, a: 1 }],
      [{ ...pending, a: 2 }],
      { status: "new", output: [{ ...pending, a: 2 }] },
    ],
    [
      [{ status: "suspended" }],
      [pending],
      { status: "old", output: [{ status: "suspended" }] },
    ],
  ])("of outputs %j and %j makes %j", async (before, given, expected) => {
    await merge({ status: "old", output: before });
    await merge({ status: "new", output: given });
    expect((await snapshot()).context.s).toEqual(expected);
  });

  test("of a run that does not exist returns no steps", async () => {
    expect(await merge({}, { runId: "x" })).toEqual({ ok: true, result: "{}" });
  });

  test("of a snapshot without context is refused", async () => {
    await call("insert", RUNS, { record: run("w", "r", { snapshot: "{}" }) });
    expect(await merge({})).toEqual({
      ok: false,
      code: "InvalidSnapshot",
      error: "Snapshot for runId r is missing or has invalid context",
    });
  });
});

describe("mergeWorkflowState", () => {
  const merge = (opts: object, runId = "r") =>
    call("mergeWorkflowState", RUNS, {
      workflowName: "w",
      runId,
      opts: JSON.stringify(opts),
    });
  beforeEach(() => call("insert", RUNS, { record: run("w", "r") }));

  test("merges fields and returns the snapshot", async () => {
    const expected = { status: "failed", context: {}, error: { $a: 1 } };
    const { result } = await merge({ status: "failed", error: { $a: 1 } });
    expect(JSON.parse(result)).toEqual(expected);
    expect(await snapshot()).toEqual(expected);
    expect((await stored())[0]!.updatedAt).not.toBe(at(1));
  });

  test.each([
    ["running", true],
    [["waiting", "running"], true],
    ["waiting", false],
    [["waiting"], false],
  ])(
    "where %j is expected of a running one merges: %s",
    async (expectedStatus, merges) => {
      const { result } = await merge({ status: "success", expectedStatus });
      expect(result !== "").toBe(merges);
      expect(await snapshot()).toEqual({
        status: merges ? "success" : "running",
        context: {},
      });
    },
  );

  test("of a run that does not exist returns nothing", async () => {
    expect(await merge({}, "x")).toEqual({ ok: true, result: "" });
  });
});

describe("ownership of a run", () => {
  const OWNERS = "mastra_workflow_run_owners";
  const now = Date.parse(at(1));
  beforeEach(() => {
    vi.useFakeTimers({ now });
    return () => vi.useRealTimers();
  });
  const claim = async (ownerId: string, rest: object = {}) =>
    (
      await call("claimRunOwnership", OWNERS, {
        runId: "r",
        ownerId,
        leaseMs: 1000,
        ...rest,
      })
    ).result;
  const fence = (generation: number, ownerId: string) => ({
    fence: { runId: "r", generation, ownerId },
  });

  test("is one claimant's until the lease ends, each claim a new generation", async () => {
    expect(await claim("a")).toEqual({
      applied: true,
      claim: {
        runId: "r",
        generation: 1,
        ownerId: "a",
        leaseExpiresAt: now + 1000,
      },
      now,
    });
    expect(await claim("b")).toMatchObject({
      applied: false,
      claim: { ownerId: "a" },
    });
    vi.setSystemTime(now + 1000);
    expect(await claim("b")).toMatchObject({
      applied: true,
      claim: { generation: 2 },
    });
    expect(await claim("c", { force: true })).toMatchObject({
      claim: { generation: 3 },
    });
    expect(
      await claim("d", { force: true, expectedGeneration: 2 }),
    ).toMatchObject({ applied: false });
  });

  test("is renewed and released by its holder only", async () => {
    await claim("a");
    const op = async (name: string, of: object) =>
      (await call(name, OWNERS, { ...of, leaseMs: 5000 })).result;
    expect(await op("renewRunOwnership", fence(1, "b"))).toMatchObject({
      applied: false,
    });
    // Each transaction has a time of its own: this one's is given.
    vi.setSystemTime(now + 500);
    expect(await op("renewRunOwnership", fence(1, "a"))).toMatchObject({
      applied: true,
      claim: { leaseExpiresAt: now + 5500 },
    });
    expect(await op("releaseRunOwnership", fence(0, "a"))).toMatchObject({
      applied: false,
    });
    expect(await op("releaseRunOwnership", fence(1, "a"))).toMatchObject({
      applied: true,
    });
    expect(await op("renewRunOwnership", fence(1, "a"))).toMatchObject({
      applied: false,
    });
    expect(await claim("b")).toMatchObject({
      applied: true,
      claim: { generation: 2 },
    });
    const { result } = await call("getRunOwnership", OWNERS, { runId: "r" });
    expect(result.claim.ownerId).toBe("b");
  });

  test("fences the writes of who lost it", async () => {
    await claim("a");
    await claim("b", { force: true });
    const request = { op: "insert", tableName: RUNS, record: run("w", "r") };
    expect(await call("fenced", OWNERS, { ...fence(1, "a"), request })).toEqual(
      {
        ok: false,
        code: "STORAGE_RUN_FENCE_CONFLICT",
        error: "Run r is no longer claimed by generation 1 of a",
      },
    );
    expect(await stored()).toEqual([]);
    expect(await call("fenced", OWNERS, { ...fence(2, "b"), request })).toEqual(
      { ok: true },
    );
    expect(await stored()).toMatchObject([run("w", "r")]);
    expect(await call("fenced", OWNERS, fence(2, "b"))).toEqual({ ok: true });
    expect(
      await call("fenced", OWNERS, {
        ...fence(2, "b"),
        request: { op: "fenced" },
      }),
    ).toMatchObject({ ok: false });
  });

  test("raises a fence but never lowers it", async () => {
    const FENCES = "mastra_memory_run_fences";
    const raise = async (generation: number, ownerId: string) =>
      (await call("raiseRunFence", FENCES, fence(generation, ownerId))).result
        .applied;
    expect(await raise(2, "a")).toBe(true);
    expect(await raise(2, "a")).toBe(true);
    expect(await raise(2, "b")).toBe(false);
    expect(await raise(1, "a")).toBe(false);
    expect(await raise(3, "b")).toBe(true);
  });
});

test.each([
  [{ op: "load", keys: { workflow_name: "w", run_id: "7" } }, 1],
  [{ op: "load", keys: { run_id: "7" } }, 1],
  [{ op: "mergeWorkflowState", workflowName: "w", runId: "7", opts: "{}" }, 2],
  // The run, and what keeps the number of all runs, each read again to be written.
  [{ op: "deleteWorkflowRun", workflowName: "w", runId: "7" }, 5],
  [
    {
      op: "queryTable",
      filters: [{ field: "workflow_name", value: "w" }],
      orderBy: { field: "createdAt", order: "desc" },
      pageSize: 5,
    },
    5,
  ],
])("%j reads at most %i documents", async (request, budget) => {
  await call("batchInsert", RUNS, {
    records: Array.from({ length: 50 }, (_, n) => run("w", String(n))),
  });
  const read = await documentsRead(db, { tableName: RUNS, ...request });
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThanOrEqual(budget);
});
