import { beforeEach, expect, test } from "vitest";
import {
  deployment,
  storageOf,
  storedIn,
  type Deployment,
} from "../test.setup";

const TABLE = "mastra_thread_state";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
beforeEach(() => {
  db = deployment();
  call = storageOf(db);
});

const state = (threadId: string, type: string, fields: object = {}) => ({
  threadId,
  type,
  value: [],
  createdAt: "2026",
  updatedAt: "2026",
  ...fields,
});

test("a thread has one value of each type, which is replaced", async () => {
  await call("insert", TABLE, { record: state("t", "task") });
  await call("insert", TABLE, { record: state("t", "goal") });
  const later = { value: { a: 1 }, createdAt: "2027", updatedAt: "2027" };
  await call("insert", TABLE, { record: state("t", "task", later) });
  expect(await storedIn(db, TABLE)).toEqual([
    state("t", "task", { value: { a: 1 }, updatedAt: "2027" }),
    state("t", "goal"),
  ]);
});

test("a value is deleted by its thread and type, whatever its id", async () => {
  await call("insert", TABLE, { record: state("t", "task", { id: "odd" }) });
  await call("insert", TABLE, { record: state("t", "goal") });
  await call("deleteState", TABLE, { threadId: "t", type: "task" });
  await call("deleteState", TABLE, { threadId: "t", type: "task" });
  expect(await storedIn(db, TABLE)).toEqual([state("t", "goal")]);
});

test("a thread's state is deleted with the thread", async () => {
  const thread = { id: "t", resourceId: "r", createdAt: "2026" };
  await call("insert", "mastra_threads", {
    record: { ...thread, updatedAt: "2026" },
  });
  const records = [state("t", "task"), state("t", "goal"), state("u", "task")];
  await call("batchInsert", TABLE, { records });
  await call("deleteThread", "mastra_threads", { id: "t" });
  expect(await storedIn(db, TABLE)).toEqual([state("u", "task")]);
});
