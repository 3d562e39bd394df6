import { beforeEach, expect, test } from "vitest";
import {
  deployment,
  storageOf,
  storedIn,
  type Deployment,
} from "../test.setup";

const TABLE = "mastra_harness_sessions";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
beforeEach(async () => {
  db = deployment();
  call = storageOf(db);
  await call("insert", TABLE, { record: session });
});

const session = {
  id: "s",
  ownerId: "o",
  resourceId: "r",
  threadId: "t",
  origin: "top-level",
  modeId: "build",
  modelId: "m",
  createdAt: "2026",
  lastActivityAt: "2026",
};
const item = (id: string, fields: object = {}) => ({
  id,
  kind: "question",
  status: "pending",
  ...fields,
});
const change = (op: string, fields: object, id = "s") =>
  call(op, TABLE, { id, lastActivityAt: "2027", ...fields });
const stored = async () => (await storedIn(db, TABLE))[0]!;

test("an update is an activity", async () => {
  const { result } = await change("updateSession", {
    record: { title: "New" },
  });
  const updated = { ...session, title: "New", lastActivityAt: "2027" };
  expect(result).toMatchObject(updated);
  expect(await stored()).toEqual(updated);
});

test("items are appended, updated and removed", async () => {
  await change("appendPendingItem", { item: item("a") });
  await change("appendPendingItem", { item: item("b") });
  expect(await stored()).toMatchObject({
    pending: [item("a"), item("b")],
    lastActivityAt: "2027",
  });
  const again = await change("appendPendingItem", { item: item("a") });
  expect(again).toMatchObject({
    code: "AlreadyExists",
    error: 'Harness pending item "a" already exists on session "s"',
  });
  const fields = { status: "responded", response: { ok: true } };
  await change("updatePendingItem", { itemId: "a", fields });
  const { result } = await change("removePendingItem", { itemId: "b" });
  expect(result.pending).toEqual([item("a", fields)]);
  await change("removePendingItem", { itemId: "b" });
  expect((await stored()).pending).toEqual([item("a", fields)]);
});

test("items with keys that Convex refuses make the list JSON text", async () => {
  const text = JSON.stringify(item("a", { payload: { $a: 1 } }));
  await change("appendPendingItem", { item: item("b") });
  await change("appendPendingItem", { item: text });
  expect((await stored()).pending).toBe(
    `[${JSON.stringify(item("b"))},${text}]`,
  );
  await change("updatePendingItem", { itemId: "b", fields: '{"$b":1}' });
  await change("removePendingItem", { itemId: "a" });
  expect((await stored()).pending).toBe(JSON.stringify([item("b", { $b: 1 })]));
});

test("a missing session or item changes nothing", async () => {
  const missing = { code: "NotFound" };
  for (const [op, fields] of [
    ["updateSession", { record: {} }],
    ["appendPendingItem", { item: item("a") }],
    ["updatePendingItem", { itemId: "a", fields: {} }],
    ["removePendingItem", { itemId: "a" }],
  ] as const) {
    expect(await change(op, fields, "none")).toMatchObject(missing);
  }
  expect(
    await change("updatePendingItem", { itemId: "a", fields: {} }),
  ).toMatchObject({
    ...missing,
    error: 'Harness pending item "a" was not found on session "s"',
  });
  expect(await change("appendPendingItem", { item: "[1]" })).toMatchObject({
    code: "InvalidRequest",
  });
  expect(await stored()).toEqual(session);
});
