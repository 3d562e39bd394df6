import { beforeEach, expect, test } from "vitest";
import {
  deployment,
  storageOf,
  storedIn,
  type Deployment,
} from "../test.setup";

const TABLE = "mastra_notifications";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
beforeEach(() => {
  db = deployment();
  call = storageOf(db);
});

const given = (id: string, fields: object = {}) => ({
  id,
  threadId: "t",
  source: "github",
  kind: "ci",
  summary: `run ${id}`,
  createdAt: "2026",
  updatedAt: "2026",
  ...fields,
});
const stored = (id: string, fields: object = {}) => ({
  priority: "medium",
  status: "pending",
  coalescedCount: 1,
  deliveryAttempts: 0,
  ...given(id, fields),
});
const create = async (id: string, fields: object = {}) =>
  (await call("createNotification", TABLE, { record: given(id, fields) }))
    .result;

test("a notification gets the defaults of its columns", async () => {
  expect(await create("a")).toMatchObject(stored("a"));
  await create("b", { priority: "low", status: "seen" });
  const b = stored("b", { priority: "low", status: "seen" });
  expect(await storedIn(db, TABLE)).toEqual([stored("a"), b]);
});

test("a notification joins the oldest pending one of its matter", async () => {
  await create("a", { coalesceKey: "main", attributes: { a: 1, b: 1 } });
  await create("b", { dedupeKey: "sha", priority: "urgent", payload: [1] });
  const joined = await create("c", {
    coalesceKey: "main",
    dedupeKey: "sha",
    attributes: { b: 2 },
    metadata: { m: 1 },
    deliverAt: "2027",
  });
  expect(joined).toMatchObject({
    id: "a",
    summary: "run c",
    priority: "medium",
    coalescedCount: 2,
    attributes: { a: 1, b: 2 },
    metadata: { m: 1 },
    deliverAt: "2027",
    createdAt: "2026",
  });
  expect(joined.updatedAt > "2026-").toBe(true);
  const again = await create("d", { dedupeKey: "sha", payload: null });
  expect(again).toMatchObject({ id: "b", priority: "urgent", payload: [1] });
  expect(await storedIn(db, TABLE)).toHaveLength(2);
});

test.each([
  { threadId: "u" },
  { source: "mail" },
  { kind: "review" },
  { agentId: "x" },
  { resourceId: "x" },
  { coalesceKey: "other" },
  { coalesceKey: undefined },
])("a notification with %j is of another matter", async (fields) => {
  await create("a", { coalesceKey: "main" });
  expect(await create("b", { coalesceKey: "main", ...fields })).toMatchObject({
    id: "b",
    coalescedCount: 1,
  });
});

test("a notification doesn't join one that isn't pending", async () => {
  await create("a", { coalesceKey: "main", status: "seen" });
  expect((await create("b", { coalesceKey: "main" })).id).toBe("b");
});

test("merged attributes with keys that Convex refuses are JSON text", async () => {
  await create("a", { coalesceKey: "main", attributes: '{"$a":1}' });
  const joined = await create("b", {
    coalesceKey: "main",
    attributes: { b: 2 },
  });
  expect(joined.attributes).toBe('{"$a":1,"b":2}');
});

test("a notification with the same id in a thread is replaced", async () => {
  await create("a", { payload: 1 });
  await create("a", { threadId: "u" });
  await create("a", { summary: "new" });
  expect(await storedIn(db, TABLE)).toEqual([
    stored("a", { threadId: "u" }),
    stored("a", { summary: "new" }),
  ]);
});

test("notifications of a thread are updated in the order of the ids", async () => {
  for (const id of ["a", "b", "c"]) await create(id);
  await create("a", { threadId: "u" });
  const { result } = await call("updateNotifications", TABLE, {
    threadId: "t",
    ids: ["c", "none", "a", "c"],
    record: { status: "seen", seenAt: "2027" },
  });
  const seen = { status: "seen", seenAt: "2027" };
  expect(result).toMatchObject([stored("c", seen), stored("a", seen)]);
  expect(await storedIn(db, TABLE)).toEqual([
    stored("a", seen),
    stored("b"),
    stored("c", seen),
    stored("a", { threadId: "u" }),
  ]);
});

test("a notification without an id or a thread is refused", async () => {
  for (const record of [{ id: "a" }, { threadId: "t" }]) {
    const reply = await call("createNotification", TABLE, { record });
    expect(reply).toMatchObject({ ok: false, code: "InvalidRequest" });
  }
});
