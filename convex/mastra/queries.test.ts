import { beforeEach, describe, expect, test } from "vitest";
import { makeFunctionReference } from "convex/server";
import type { StoredRow } from "./model/server";
import {
  cacheHandle,
  deployment,
  storageOf,
  tidied,
  type Deployment,
} from "../test.setup";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
const query = (name: string, args: object = {}): Promise<StoredRow> =>
  db.query(makeFunctionReference<"query">(`mastra/queries:${name}`), args);
const time = (n: number) => new Date(n * 1000).toISOString();
const ids = (rows: StoredRow[]) =>
  rows.map((row) => row.id ?? row.run_id).join(" ");

const thread = (n: number, resourceId: string) => ({
  id: `t${n}`,
  resourceId,
  title: "",
  createdAt: time(n),
  updatedAt: time(n),
});
const message = (n: number, thread_id = "t1") => ({
  id: `m${n}`,
  thread_id,
  content: "{}",
  role: "user",
  type: "v2",
  createdAt: time(n),
  resourceId: "ada",
});
const run = (n: number, workflow_name: string, resourceId: string) => ({
  workflow_name,
  run_id: `r${n}`,
  resourceId,
  snapshot: JSON.stringify({ status: "running" }),
  createdAt: time(n),
  updatedAt: time(n),
});

beforeEach(async () => {
  db = deployment();
  call = storageOf(db);
  const rows = {
    mastra_threads: [thread(2, "ada"), thread(1, "ada"), thread(3, "bob")],
    mastra_messages: [message(3), message(1), message(2), message(9, "t2")],
    mastra_resources: [
      { id: "ada", metadata: {}, createdAt: time(1), updatedAt: time(1) },
    ],
    mastra_workflow_snapshots: [
      run(1, "w1", "ada"),
      run(3, "w1", "bob"),
      run(2, "w2", "ada"),
    ],
  };
  for (const [table, records] of Object.entries(rows)) {
    expect(await call("batchInsert", table, { records })).toMatchObject({
      ok: true,
    });
  }
});

test.each([
  ["watchThread", { threadId: "t1" }, "t1"],
  ["watchResource", { resourceId: "ada" }, "ada"],
  ["watchWorkflowRun", { workflowName: "w1", runId: "r3" }, "r3"],
])("%s gives one document, or null", async (name, args, id) => {
  expect(ids([await query(name, args)])).toBe(id);
  const none = Object.fromEntries(
    Object.keys(args).map((key) => [key, "none"]),
  );
  expect(await query(name, none)).toBeNull();
});

test.each<[string, object, string]>([
  ["watchMessages", { threadId: "t1" }, "m1 m2 m3"],
  ["watchMessages", { threadId: "t1", order: "desc", limit: 2 }, "m3 m2"],
  ["watchMessages", { threadId: "t1", limit: 2 }, "m1 m2"],
  ["watchMessages", { threadId: "t1", last: 2 }, "m2 m3"],
  ["watchMessages", { threadId: "t1", last: 2, order: "desc" }, "m3 m2"],
  ["watchMessages", { threadId: "t1", last: 5000 }, "m1 m2 m3"],
  ["watchMessages", { threadId: "none", last: 2 }, ""],
  ["watchMessages", { threadId: "none" }, ""],
  ["watchThreadsByResource", { resourceId: "ada" }, "t2 t1"],
  ["watchThreadsByResource", { resourceId: "ada", order: "asc" }, "t1 t2"],
  ["watchWorkflowRuns", {}, "r3 r2 r1"],
  ["watchWorkflowRuns", { limit: 1 }, "r3"],
  ["watchWorkflowRuns", { workflowName: "w1" }, "r3 r1"],
  ["watchWorkflowRuns", { resourceId: "ada" }, "r2 r1"],
  ["watchWorkflowRuns", { resourceId: "ada", workflowName: "w1" }, "r1"],
])("%s %j gives documents in order", async (name, args, found) => {
  expect(ids(await query(name, args))).toBe(found);
});

test.each<[string, object, number]>([
  ["countMessages", { threadId: "t1" }, 3],
  ["countMessages", { threadId: "none" }, 0],
  ["countThreads", { resourceId: "ada" }, 2],
  ["countThreads", {}, 3],
  ["countWorkflowRuns", { workflowName: "w1" }, 2],
  ["countWorkflowRuns", { workflowName: "w1", resourceId: "ada" }, 1],
  ["countWorkflowRuns", {}, 3],
])("%s %j counts all of them", async (name, args, count) => {
  expect(await query(name, args)).toEqual({ count, isEstimate: false });
});

test("a kept count is exact beyond what is read", async () => {
  const records = Array.from({ length: 1100 }, (_, n) => message(n, "long"));
  for (let n = 0; n < records.length; n += 275) {
    const some = records.slice(n, n + 275).map((record, k) => ({
      ...record,
      id: `long${n + k}`,
    }));
    await call("batchInsert", "mastra_messages", { records: some });
  }
  await tidied(db, "mastra_messages", { thread_id: "long" });
  const count = await query("countMessages", { threadId: "long" });
  expect(count).toEqual({ count: 1100, isEstimate: false });
  const rows = await query("watchMessages", { threadId: "long", limit: 5000 });
  expect(rows).toHaveLength(1000);
});

describe("pages", () => {
  test.each<[string, object, string]>([
    ["paginatedMessages", { threadId: "t1" }, "m1 m2 m3"],
    ["paginatedMessages", { threadId: "t1", order: "desc" }, "m3 m2 m1"],
    ["paginatedThreads", { resourceId: "ada" }, "t2 t1"],
    ["paginatedWorkflowRuns", { workflowName: "w1" }, "r3 r1"],
    ["paginatedWorkflowRuns", {}, "r3 r2 r1"],
  ])("%s %j are the list, cut", async (name, args, found) => {
    const items: StoredRow[] = [];
    let cursor: string | null = null;
    do {
      const page = await query(name, { ...args, cursor, limit: 1 });
      expect(page.items.length).toBeLessThanOrEqual(1);
      expect(page.hasMore).toBe(page.nextCursor !== null);
      items.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(ids(items)).toBe(found);
  });

  test("rows of the same time are all there", async () => {
    const records = [4, 5, 6].map((n) => ({
      ...message(n, "same"),
      createdAt: time(0),
    }));
    await call("batchInsert", "mastra_messages", { records });
    const first = await query("paginatedMessages", {
      threadId: "same",
      limit: 2,
    });
    const second = await query("paginatedMessages", {
      threadId: "same",
      cursor: first.nextCursor,
    });
    expect(ids([...first.items, ...second.items])).toBe("m4 m5 m6");
  });
});

describe.each(["limit", "last"])("a %s", (name) => {
  test.each([0, -1, 1.5, Number.NaN])("of %d is refused", async (number) => {
    await expect(
      query("watchMessages", { threadId: "t1", [name]: number }),
    ).rejects.toThrow(new RegExp(`${name}: .*; expected a positive integer`));
  });
});

test("a limit and a last are refused together", async () => {
  await expect(
    query("watchMessages", { threadId: "t1", limit: 1, last: 1 }),
  ).rejects.toThrow(/last: 1 and limit: 1; expected one of them/);
});

describe("the latest", () => {
  const both = ["1", "0"];
  const one = (n: number, fields: object) =>
    ({ id: `${n}`, ...fields }) as { id: string };
  const agent = { agent_id: "a", tool_call_id: "c", tool_name: "t", args: "" };
  const empty = { result: null, error: null, suspend_payload: null };
  const counts = { retry_count: 0, max_retries: 0, timeout_ms: 1 };
  const none = { startedAt: null, suspendedAt: null, completedAt: null };

  test.each<[string, object, string[]]>([
    ["watchTraces", {}, both],
    ["watchTraces", { limit: 1 }, ["1"]],
    ["watchTraces", { runId: "r1" }, ["1"]],
    ["watchTraces", { threadId: "t" }, both],
    ["watchTraces", { resourceId: "ada", runId: "r0" }, ["0"]],
    ["watchTraces", { entityId: "none" }, []],
    ["watchScores", {}, both],
    ["watchScores", { scorerId: "s", limit: 1 }, ["1"]],
    ["watchScores", { runId: "r0" }, ["0"]],
    ["watchScores", { entityId: "e", entityType: "AGENT" }, both],
    ["watchTasks", {}, both],
    ["watchTasks", { limit: 1 }, ["1"]],
    ["watchTasks", { status: "pending" }, both],
    ["watchTasks", { agentId: "a", runId: "r1" }, ["1"]],
    ["watchTasks", { threadId: "t" }, both],
    ["watchTasks", { resourceId: "none" }, []],
    ["watchNotifications", { threadId: "t" }, both],
    ["watchNotifications", { threadId: "t", limit: 1 }, ["1"]],
    ["watchNotifications", { threadId: "t", status: "seen" }, ["0"]],
    ["watchNotifications", { threadId: "none" }, []],
    ["watchExperiments", {}, both],
    ["watchExperiments", { limit: 1 }, ["1"]],
    ["watchExperiments", { datasetId: "d1" }, ["1"]],
    ["watchExperiments", { status: "running" }, both],
    ["watchExperiments", { datasetId: "d1", status: "pending" }, []],
  ])("of %s %j come first", async (name, args, found) => {
    for (const n of [1, 0]) {
      const at = { createdAt: time(n) };
      const of = { runId: `r${n}`, resourceId: "ada", threadId: "t" };
      const span = { name: "", spanType: "generic", isEvent: false };
      const ids = { traceId: `${n}`, spanId: "s", parentSpanId: null };
      const times = { ...at, startedAt: time(n), endedAt: null };
      await call("createSpans", "mastra_ai_spans", {
        records: [one(n, { ...span, ...ids, ...times, ...of })],
      });
      const scorer = { scorerId: "s", scorer: {}, score: 1, output: "" };
      const entity = { source: "LIVE", entityId: "e", entityType: "AGENT" };
      await call("insert", "mastra_scorers", {
        record: one(n, { ...scorer, ...entity, ...at, ...of, updatedAt: "" }),
      });
      const named = { run_id: `r${n}`, thread_id: "t", resource_id: "ada" };
      const task = { ...agent, ...empty, ...counts, ...none, ...named, ...at };
      await call("createTask", "mastra_background_tasks", {
        record: one(n, { ...task, status: "pending" }),
      });
      const news = { threadId: "t", source: "s", kind: "k", summary: "" };
      const status = n ? "pending" : "seen";
      await call("createNotification", "mastra_notifications", {
        record: one(n, { ...news, ...at, status, updatedAt: time(n) }),
      });
      const numbers = { succeededCount: 0, failedCount: 0, skippedCount: 0 };
      const trial = { datasetId: `d${n}`, status: "running", totalItems: 1 };
      await call("createExperiment", "mastra_experiments", {
        record: one(n, { ...trial, ...numbers, ...at, updatedAt: time(n) }),
      });
    }
    const rows = (await query(name, args)) as unknown as StoredRow[];
    expect(rows.map(({ id }) => id)).toEqual(found);
  });
});

test("states of a thread come by their type", async () => {
  for (const [threadId, type] of [
    ["t", "task"],
    ["t", "goal"],
    ["u", "goal"],
  ]) {
    await call("insert", "mastra_thread_state", {
      record: { threadId, type, value: type, createdAt: "", updatedAt: "" },
    });
  }
  const states = (threadId: string) => query("watchThreadStates", { threadId });
  expect(await states("t")).toMatchObject([{ type: "goal" }, { type: "task" }]);
  expect(await states("none")).toEqual([]);
  const state = (type: string) =>
    query("watchThreadState", { threadId: "t", type });
  expect(await state("task")).toMatchObject({ threadId: "t", value: "task" });
  expect(await state("none")).toBeNull();
});

describe("a watched list of the cache", () => {
  const list = { key: "c:l", keyPrefix: "c:", expiresAt: null };
  const cache = (op: string, rest: object = {}) =>
    db.mutation(cacheHandle, { op, ...list, ...rest });
  const watch = (from = 0) => query("watchCacheList", { key: "c:l", from });

  test("gives the items from an index on", async () => {
    expect(await watch()).toBeNull();
    for (const value of ["a", "b"]) await cache("listPush", { value });
    const kind = "list";
    expect(await watch()).toMatchObject({ kind, items: ['"a"', '"b"'] });
    expect(await watch(1)).toMatchObject({ items: ['"b"'], hasMore: false });
    expect(await watch(2)).toMatchObject({ items: [] });
  });

  test("gives at most 1000 items", async () => {
    for (let value = 0; value < 1001; value++) {
      await cache("listPush", { value });
    }
    const { items, hasMore } = await watch();
    expect([items.length, hasMore]).toEqual([1000, true]);
    expect(await watch(1000)).toMatchObject({ items: ["1000"] });
  });

  test("is another one after it was deleted", async () => {
    await cache("listPush", { value: 1, expiresAt: 5 });
    const { _id, expiresAt } = await watch();
    expect(expiresAt).toBe(5);
    await cache("delete");
    expect(await watch()).toBeNull();
    await cache("listPush", { value: 1 });
    expect((await watch())._id).not.toBe(_id);
    await cache("set", { value: 1 });
    expect(await watch()).toMatchObject({ kind: "value", items: [] });
  });

  test("that is being deleted is gone", async () => {
    for (let value = 0; value < 26; value++) await cache("listPush", { value });
    expect((await cache("delete")).hasMore).toBe(true);
    expect(await watch()).toBeNull();
  });
});
