import { beforeEach, expect, test } from "vitest";
import { deployment, storageOf } from "../test.setup";

const CHECKPOINTS = "mastra_checkpoints";
const WRITES = "mastra_checkpoint_writes";
let call: ReturnType<typeof storageOf>;
beforeEach(() => {
  call = storageOf(deployment());
});

const bytes = (text: string) => new TextEncoder().encode(text).buffer;
const put = (checkpoint_id: string, namespace = "") =>
  call("insert", CHECKPOINTS, {
    record: {
      id: JSON.stringify(["t", namespace, checkpoint_id]),
      thread_id: "t",
      namespace,
      checkpoint_id,
      metadata: "{}",
      type: "msgpack",
      value: bytes(checkpoint_id),
      createdAt: "2026-01-01T00:00:00.000Z",
    },
  });
const written = (position: number, text: string) => ({
  id: `c1 task ${position}`,
  thread_id: "t",
  namespace: "",
  checkpoint_id: "c1",
  task_id: "task",
  task_path: "",
  position,
  channel: "a",
  type: "msgpack",
  value: bytes(text),
});
const load = async (fields: object = {}) => {
  const where = { threadId: "t", namespace: "", ...fields };
  return (await call("loadCheckpoint", CHECKPOINTS, where)).result;
};

test("the newest checkpoint of a namespace is loaded, or the one that is named", async () => {
  expect(await load()).toBe(null);
  for (const id of ["c1", "c3", "c2"]) await put(id);
  await put("c9", "child");
  expect((await load()).checkpoint).toMatchObject({ checkpoint_id: "c3" });
  const named = await load({ checkpointId: "c1" });
  expect(named.checkpoint).toMatchObject({ checkpoint_id: "c1" });
  expect(await load({ checkpointId: "c9" })).toBe(null);
});

test("a task's writes stay as they were first kept, but for those below zero", async () => {
  await put("c1");
  await call("putWrites", WRITES, {
    records: [written(0, "first"), written(-1, "error")],
  });
  await call("putWrites", WRITES, {
    records: [written(0, "again"), written(-1, "other"), written(1, "more")],
  });
  const { writes } = await load();
  const texts = writes.map(
    ({ position, value }: { position: number; value: ArrayBuffer }) => [
      position,
      new TextDecoder().decode(value),
    ],
  );
  expect(texts.sort()).toEqual([
    [-1, "other"],
    [0, "first"],
    [1, "more"],
  ]);
});
