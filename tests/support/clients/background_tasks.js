// Background tasks of `ConvexStore`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexStore } from "@mastra/convex";
import { at, deployment } from "./deployment.js";

const tasks = await new ConvexStore(deployment).getStore("backgroundTasks");

const task = (id, rest = {}) => ({
  id,
  status: "pending",
  toolName: "search",
  toolCallId: `call-${id}`,
  args: { query: "trains", $limit: 3 },
  agentId: "agent",
  threadId: "t1",
  resourceId: "ada",
  runId: "run",
  result: undefined,
  error: undefined,
  suspendPayload: undefined,
  retryCount: 0,
  maxRetries: 2,
  timeoutMs: 1000,
  createdAt: at(0),
  startedAt: undefined,
  suspendedAt: undefined,
  completedAt: undefined,
  ...rest,
});

test("a task comes back as it was created, and as it was updated", async () => {
  await tasks.createTask(task("a"));
  assert.deepEqual(await tasks.getTask("a"), task("a"));
  const begun = { status: "running", startedAt: at(5), retryCount: 1 };
  await tasks.updateTask("a", begun);
  assert.deepEqual(await tasks.getTask("a"), task("a", begun));
  const done = { status: "completed", result: { $n: 1 }, completedAt: at(9) };
  await tasks.updateTask("a", { ...done, startedAt: undefined });
  assert.deepEqual(
    await tasks.getTask("a"),
    task("a", { ...begun, ...done, startedAt: undefined }),
  );
  assert.equal(await tasks.getTask("none"), null);
  await tasks.updateTask("none", done);
  assert.equal(await tasks.getTask("none"), null);
});

test("tasks are listed by every filter, in order and in pages", async () => {
  const agentId = "lister";
  const rows = [
    task("l1", { agentId, createdAt: at(1), status: "running" }),
    task("l2", { agentId, createdAt: at(2), toolName: "mail" }),
    task("l3", { agentId, createdAt: at(3), threadId: "t9", runId: "r9" }),
    task("l4", { agentId, createdAt: at(4), status: "failed" }),
  ];
  for (const row of rows) await tasks.createTask(row);
  const list = async (filter) => {
    const { tasks: found, total } = await tasks.listTasks({
      agentId,
      ...filter,
    });
    return [found.map(({ id }) => id).join(" "), total];
  };
  assert.deepEqual(await list({}), ["l1 l2 l3 l4", 4]);
  assert.deepEqual((await tasks.listTasks({ agentId })).tasks[1], rows[1]);
  const desc = { orderDirection: "desc" };
  assert.deepEqual(await list(desc), ["l4 l3 l2 l1", 4]);
  assert.deepEqual(await list({ status: "running" }), ["l1", 1]);
  const ended = { status: ["failed", "running"] };
  assert.deepEqual(await list(ended), ["l1 l4", 2]);
  assert.deepEqual(await list({ toolName: "mail" }), ["l2", 1]);
  assert.deepEqual(await list({ toolCallId: "call-l3" }), ["l3", 1]);
  assert.deepEqual(await list({ threadId: "t9", runId: "r9" }), ["l3", 1]);
  assert.deepEqual(await list({ resourceId: "bob" }), ["", 0]);
  const dates = { fromDate: at(2), toDate: at(4) };
  assert.deepEqual(await list(dates), ["l2 l3", 2]);
  assert.deepEqual(await list({ perPage: 3, page: 1 }), ["l4", 4]);
});

test("running tasks are counted; a filter deletes, an empty one doesn't", async () => {
  for (const id of ["c1", "c2", "c3"]) {
    const status = id === "c3" ? "pending" : "running";
    await tasks.createTask(task(id, { agentId: "counter", status }));
  }
  assert.equal(await tasks.getRunningCountByAgent("counter"), 2);
  assert.ok((await tasks.getRunningCount()) >= 2);
  await tasks.deleteTasks({});
  await tasks.deleteTask("c1");
  assert.equal(await tasks.getRunningCountByAgent("counter"), 1);
  await tasks.deleteTasks({ agentId: "counter", status: ["running"] });
  const { tasks: left } = await tasks.listTasks({ agentId: "counter" });
  assert.deepEqual(
    left.map(({ id }) => id),
    ["c3"],
  );
});
