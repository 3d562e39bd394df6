import { beforeEach, describe, expect, test } from "vitest";
import {
  deployment,
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

const at = (day: number) => new Date(Date.UTC(2026, 0, day)).toISOString();
const timeOf = (day: number) => Date.UTC(2026, 0, day);

/** Repeat an operation until it is done; the sum of its numbers. */
async function erased(op: string, table: string, fields: object) {
  const sum: Record<string, number> = {};
  let hasMore = true;
  while (hasMore) {
    const reply = await call(op, table, fields);
    for (const [name, number] of Object.entries(reply.result)) {
      sum[name] = (sum[name] ?? 0) + (number as number);
    }
    hasMore = reply.hasMore;
  }
  return sum;
}

const insert = (table: string, records: object[]) =>
  call("batchInsert", table, { records });

const thread = (id: string, resourceId: string, day = 1) => ({
  id,
  resourceId,
  createdAt: at(day),
  updatedAt: at(day),
});
const message = (id: string, thread_id: string, fields: object = {}) => ({
  id,
  thread_id,
  content: "{}",
  role: "user",
  type: "v2",
  createdAt: at(1),
  ...fields,
});
const span = (traceId: string, spanId: string, fields: object = {}) => ({
  id: `${traceId}-${spanId}`,
  traceId,
  spanId,
  parentSpanId: null,
  name: "n",
  spanType: "agent_run",
  isEvent: false,
  startedAt: at(1),
  createdAt: at(1),
  ...fields,
});
const run = (run_id: string, fields: object = {}) => ({
  workflow_name: "w",
  run_id,
  snapshot: "{}",
  createdAt: at(1),
  updatedAt: at(1),
  ...fields,
});
const task = (id: string, fields: object = {}) => ({
  id,
  tool_call_id: "c",
  tool_name: "t",
  agent_id: "a",
  run_id: "r",
  thread_id: null,
  resource_id: null,
  status: "completed",
  args: "{}",
  result: null,
  error: null,
  suspend_payload: null,
  retry_count: 0,
  max_retries: 0,
  timeout_ms: 0,
  createdAt: at(1),
  startedAt: null,
  suspendedAt: null,
  completedAt: null,
  ...fields,
});

describe("a resource that is forgotten", () => {
  test("goes with all that has it as its owner, and nothing else goes", async () => {
    await insert("mastra_threads", [thread("t", "ada"), thread("u", "bob")]);
    await insert("mastra_messages", [
      ...Array.from({ length: 60 }, (_, n) => message(`m${n}`, "t")),
      message("n", "u", { resourceId: "ada" }),
      message("o", "u", { resourceId: "bob" }),
    ]);
    await insert("mastra_workflow_snapshot", [
      run("r", { resourceId: "ada" }),
      run("s", { resourceId: "bob" }),
    ]);
    await insert("mastra_background_tasks", [
      task("x", { resource_id: "ada" }),
      task("y"),
    ]);
    await call("createSpans", "mastra_ai_spans", {
      records: [
        span("T", "1"),
        span("T", "2", { parentSpanId: "1", resourceId: "ada" }),
        span("U", "1", { resourceId: "bob" }),
      ],
    });
    await call("updateResource", "mastra_resources", {
      resourceId: "ada",
      workingMemory: "tea",
    });
    const numbers = await erased("forgetResource", "mastra_resources", {
      id: "ada",
    });
    expect(numbers).toEqual({
      mastra_threads: 1,
      mastra_messages: 61,
      mastra_workflow_snapshots: 1,
      mastra_background_tasks: 1,
      mastra_ai_spans: 2,
      mastra_resources: 1,
    });
    const left = async (table: Parameters<typeof storedIn>[1]) =>
      (await storedIn(db, table)).length;
    expect(await left("mastra_messages")).toBe(1);
    expect(await left("mastra_workflow_snapshots")).toBe(1);
    expect(await left("mastra_ai_spans")).toBe(1);
    const counts = await storedIn(db, "mastra_counts");
    expect(counts.filter(({ value }) => ["ada", "t"].includes(value))).toEqual(
      [],
    );
  });

  test("leaves no ids of vectors in the changes of their index", async () => {
    const docs = "mastra_vector_docs";
    await call("createVectorIndex", "mastra_vector_indexes", {
      record: {
        id: "docs",
        indexName: "docs",
        dimension: 2,
        metric: "cosine",
        createdAt: at(1),
      },
    });
    const rows = Array.from({ length: 150 }, (_, n) => ({
      id: `ada-${n}`,
      embedding: [1, n],
      metadata: {},
    }));
    for (const row of rows) await call("batchInsert", docs, { records: [row] });
    expect(await storedIn(db, "mastra_vector_changes")).toHaveLength(150);
    await erased("forgetResource", "mastra_resources", { id: "ada" });
    expect(await storedIn(db, "mastra_vector_changes")).toMatchObject([
      { indexName: "docs", ids: [] },
    ]);
  });
});

describe("pruning", () => {
  test("deletes the oldest rows before a time, so many a call", async () => {
    await insert("mastra_threads", [thread("t", "ada", 20)]);
    await insert(
      "mastra_messages",
      [1, 2, 3, 4].map((day) =>
        message(`m${day}`, "t", { createdAt: at(day) }),
      ),
    );
    const first = await call("prune", "mastra_messages", {
      before: timeOf(3),
      limit: 1,
    });
    expect(first).toMatchObject({
      hasMore: true,
      result: { mastra_messages: 1 },
    });
    const fields = { before: timeOf(3), limit: 10 };
    expect(await erased("prune", "mastra_messages", fields)).toEqual({
      mastra_messages: 1,
    });
    const left = await storedIn(db, "mastra_messages");
    expect(left.map(({ id }) => id)).toEqual(["m3", "m4"]);
  });

  test("deletes a thread with its messages", async () => {
    await insert("mastra_threads", [thread("t", "a", 1), thread("u", "a", 9)]);
    await insert("mastra_messages", [
      ...Array.from({ length: 30 }, (_, n) => message(`m${n}`, "t")),
      message("o", "u"),
    ]);
    expect(
      await erased("prune", "mastra_threads", { before: timeOf(5) }),
    ).toEqual({ mastra_threads: 1, mastra_messages: 30 });
    expect(await storedIn(db, "mastra_messages")).toMatchObject([{ id: "o" }]);
  });

  test("leaves tasks that aren't completed, and runs that went on", async () => {
    await insert("mastra_background_tasks", [
      task("old", { completedAt: at(1) }),
      task("running", { status: "running" }),
    ]);
    await insert("mastra_workflow_snapshot", [
      run("old"),
      run("suspended", { updatedAt: at(9) }),
    ]);
    for (const table of ["mastra_background_tasks", "mastra_workflow_snapshot"])
      await erased("prune", table, { before: timeOf(5) });
    expect(await storedIn(db, "mastra_background_tasks")).toMatchObject([
      { id: "running" },
    ]);
    expect(await storedIn(db, "mastra_workflow_snapshots")).toMatchObject([
      { run_id: "suspended" },
    ]);
  });

  test("compares times in milliseconds with columns of numbers, and spans of both kinds", async () => {
    const trigger = (id: string, day: number) => ({
      id,
      schedule_id: "s",
      scheduled_fire_at: timeOf(day),
      actual_fire_at: timeOf(day),
      outcome: "published",
      trigger_kind: "schedule-fire",
    });
    await insert("mastra_schedule_triggers", [
      trigger("a", 1),
      trigger("b", 9),
    ]);
    await call("createSpans", "mastra_ai_spans", {
      records: [
        span("T", "1"),
        span("T", "2", { parentSpanId: "1" }),
        span("U", "1", { startedAt: at(9) }),
      ],
    });
    for (const table of ["mastra_schedule_triggers", "mastra_ai_spans"])
      await erased("prune", table, { before: timeOf(5) });
    expect(await storedIn(db, "mastra_schedule_triggers")).toMatchObject([
      { id: "b" },
    ]);
    expect(await storedIn(db, "mastra_ai_spans")).toMatchObject([
      { traceId: "U" },
    ]);
  });

  test("refuses tables without an age, and other requests", async () => {
    const refused = async (table: string, fields: object) =>
      (await call("prune", table, fields)).code;
    const before = timeOf(5);
    expect(await refused("mastra_schedules", { before })).toBe(
      "UnsupportedOperation",
    );
    expect(await refused("mastra_messages", {})).toBe("InvalidRequest");
    expect(await refused("mastra_messages", { before: 1e300 })).toBe(
      "InvalidRequest",
    );
    expect(await refused("mastra_messages", { before, limit: 0 })).toBe(
      "InvalidRequest",
    );
  });
});
