import { beforeEach, describe, expect, test } from "vitest";
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

const TASKS = "mastra_background_tasks";
const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
const task = (id: string, fields: object = {}) => ({
  id,
  tool_call_id: "call",
  tool_name: "search",
  agent_id: "agent",
  run_id: "run",
  thread_id: null,
  resource_id: null,
  status: "pending",
  args: "{}",
  result: null,
  error: null,
  suspend_payload: null,
  retry_count: 0,
  max_retries: 0,
  timeout_ms: 1000,
  createdAt: at(1),
  startedAt: null,
  suspendedAt: null,
  completedAt: null,
  ...fields,
});
const legacy = (id: string, fields: object = {}) =>
  db.run((ctx) =>
    ctx.db.insert("mastra_documents", {
      table: TASKS,
      primaryKey: id,
      record: { id, status: "pending", agentId: "agent", ...fields },
    }),
  );
const ids = (rows: { id: string }[]) => rows.map((row) => row.id);

test("a task is created once", async () => {
  await call("createTask", TASKS, { record: task("a") });
  expect(
    await call("createTask", TASKS, {
      record: task("a", { status: "failed" }),
    }),
  ).toEqual({
    ok: false,
    code: "AlreadyExists",
    error: 'Background task with id "a" already exists',
  });
  expect(await storedIn(db, TASKS)).toEqual([task("a")]);
});

test("an update applies only to a task of the expected status and owner", async () => {
  await call("insert", TASKS, { record: task("a", { status: "running" }) });
  const update = async (expected: object) =>
    (
      await call("patch", TASKS, {
        id: "a",
        record: { error: '"x"' },
        expected,
      })
    ).result;
  expect(await update({ status: "pending" })).toBe(false);
  expect(await update({ status: "running", owner_id: "me" })).toBe(false);
  expect((await storedIn(db, TASKS))[0]!.error).toBe(null);
  expect(await update({ status: "running", owner_id: null })).toBe(true);
});

describe("claimTask", () => {
  const claim = async (rest: object = {}) =>
    (await call("claimTask", TASKS, { ownerId: "me", ...rest })).result;

  test("gives the oldest pending task to one claimant", async () => {
    await call("batchInsert", TASKS, {
      records: [
        task("new", { createdAt: at(3) }),
        task("old", { createdAt: at(2) }),
        task("running", { status: "running" }),
      ],
    });
    expect(await claim({ leaseExpiresAt: at(5) })).toMatchObject({
      id: "old",
      status: "running",
      owner_id: "me",
      leaseExpiresAt: at(5),
    });
    expect((await claim()).id).toBe("new");
    expect(await claim()).toBe(null);
  });

  test("takes a task by id or agent", async () => {
    await call("batchInsert", TASKS, {
      records: [task("a"), task("b"), task("c", { agent_id: "other" })],
    });
    expect((await claim({ id: "b" })).id).toBe("b");
    expect(await claim({ id: "b" })).toBe(null);
    expect((await claim({ agentId: "other" })).id).toBe("c");
    expect((await claim({ agentId: "agent" })).id).toBe("a");
  });
});

describe("a task kept as a document", () => {
  test("is claimed after the rows, and stays where it is", async () => {
    await legacy("a");
    await legacy("b", { status: "running" });
    await call("insert", TASKS, { record: task("row") });
    const claim = async () =>
      (await call("claimTask", TASKS, { ownerId: "me" })).result;
    expect((await claim()).id).toBe("row");
    expect(await claim()).toMatchObject({ id: "a", owner_id: "me" });
    expect(await claim()).toBe(null);
    expect(await storedIn(db, "mastra_documents")).toMatchObject([
      { record: { id: "a", status: "running", agent_id: "agent" } },
      { record: { id: "b" } },
    ]);
  });

  test("is not among rows in an order", async () => {
    await legacy("a");
    await call("insert", TASKS, { record: task("b") });
    const request = { orderBy: { field: "createdAt" } };
    const { result } = await call("queryTable", TASKS, request);
    expect(ids(result)).toEqual(["b"]);
  });

  test("is listed by cursor, by filters, unless a row hides it", async () => {
    for (const [id, createdAt] of [
      ["a", at(1)],
      ["b", at(2)],
      ["c", at(3)],
      ["d", undefined],
    ] as const)
      await legacy(id, { createdAt });
    await call("insert", TASKS, { record: task("b") });
    const list = async (...filters: object[]) =>
      ids((await call("listLegacyTasks", TASKS, { filters })).result.tasks);
    expect(await list()).toEqual(["a", "c", "d"]);
    expect(await list({ field: "createdAt", gt: at(1), lte: at(3) })).toEqual([
      "c",
    ]);
    expect(await list({ field: "createdAt", gte: at(1), lt: at(3) })).toEqual([
      "a",
    ]);
    expect(await list({ field: "createdAt", values: [at(3), null] })).toEqual([
      "c",
      "d",
    ]);
    expect(await list({ field: "agent_id", value: "other" })).toEqual([]);
  });

  test("is read with the columns of a row, unless a row hides it", async () => {
    await legacy("a", { toolName: "search" });
    await legacy("b", { agentId: "other" });
    await legacy("c", { status: "failed" });
    await call("insert", TASKS, { record: task("c", { agent_id: "new" }) });
    expect((await call("load", TASKS, { keys: { id: "a" } })).result).toEqual({
      id: "a",
      status: "pending",
      agent_id: "agent",
      tool_name: "search",
    });
    expect(
      ids((await call("loadMany", TASKS, { ids: ["b", "a", "c"] })).result),
    ).toEqual(["b", "a", "c"]);
    const where = async (field: string, value: string, rest: object = {}) =>
      ids(
        (
          await call("queryTable", TASKS, {
            filters: [{ field, value }],
            ...rest,
          })
        ).result,
      );
    expect(await where("status", "pending")).toEqual(["c", "a", "b"]);
    expect(await where("status", "pending", { limit: 2 })).toEqual(["c", "a"]);
    expect(
      await where("status", "pending", { pageSize: 5, cursor: null }),
    ).toEqual(["c", "a", "b"]);
    expect(await where("agent_id", "other")).toEqual(["b"]);
    expect(await where("status", "failed")).toEqual([]);
  });

  test("is updated where it is, and gone once its row is", async () => {
    await legacy("a");
    expect(
      await call("patch", TASKS, {
        id: "a",
        record: { status: "running" },
        expected: { agent_id: "agent" },
      }),
    ).toEqual({ ok: true, result: true });
    expect(
      (await call("load", TASKS, { keys: { id: "a" } })).result.status,
    ).toBe("running");
    await call("insert", TASKS, { record: task("a") });
    await call("patch", TASKS, { id: "a", record: { status: "completed" } });
    expect(await storedIn(db, "mastra_documents")).toEqual([]);
    expect((await storedIn(db, TASKS))[0]!.status).toBe("completed");
  });

  test("is deleted by id and cleared with the rows", async () => {
    for (const id of ["a", "b"]) await legacy(id);
    await call("insert", TASKS, { record: task("a") });
    await call("deleteMany", TASKS, { ids: ["a"] });
    expect(await storedIn(db, TASKS)).toEqual([]);
    expect(await storedIn(db, "mastra_documents")).toHaveLength(1);
    await call("insert", TASKS, { record: task("c") });
    while ((await call("clearTable", TASKS)).hasMore);
    expect(await storedIn(db, TASKS)).toEqual([]);
    expect(await storedIn(db, "mastra_documents")).toEqual([]);
  });
});

test.each([
  [{ op: "load", keys: { id: "7" } }, 1],
  [{ op: "patch", id: "7", record: { error: "1" } }, 2],
  [{ op: "claimTask", ownerId: "me" }, 2],
  [{ op: "count", filters: [{ field: "status", value: "running" }] }, 2],
])("%j reads at most %i documents", async (request, budget) => {
  await call("batchInsert", TASKS, {
    records: Array.from({ length: 50 }, (_, n) =>
      task(String(n), { status: n < 2 ? "running" : "pending" }),
    ),
  });
  const read = await documentsRead(db, { tableName: TASKS, ...request });
  expect(read).toBeGreaterThan(0);
  expect(read).toBeLessThanOrEqual(budget);
});
