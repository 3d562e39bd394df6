// Schedules and their triggers of `ConvexStore`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexStore } from "@mastra/convex";
import { deployment } from "./deployment.js";

const schedules = await new ConvexStore(deployment).getStore("schedules");

const schedule = (id, rest = {}) => ({
  id,
  target: { type: "workflow", workflowId: "nightly", inputData: { $a: 1 } },
  cron: "0 3 * * *",
  status: "active",
  nextFireAt: 1000,
  createdAt: 1,
  updatedAt: 1,
  ...rest,
});

const ids = (records) => records.map(({ id }) => id);
/** Without the keys whose value is undefined, which upstream adds. */
const defined = (record) => JSON.parse(JSON.stringify(record));

test("a schedule comes back as it was created, once", async () => {
  const made = schedule("s1", {
    timezone: "Europe/Zurich",
    metadata: { by: "ada" },
    ownerType: "agent",
    ownerId: "a1",
  });
  await schedules.createSchedule(made);
  assert.deepEqual(defined(await schedules.getSchedule("s1")), made);
  await assert.rejects(
    schedules.createSchedule(made),
    /Schedule with id "s1" already exists/,
  );
  assert.equal(await schedules.getSchedule("none"), null);
});

test("an update clears what is null and leaves what is absent", async () => {
  const metadata = { a: 1 };
  await schedules.createSchedule(schedule("s2", { metadata, timezone: "UTC" }));
  const target = { type: "agent", agentId: "x", prompt: "go" };
  const update = { cron: "* * * * *", timezone: undefined, target };
  const updated = defined(await schedules.updateSchedule("s2", update));
  const { updatedAt, ...rest } = updated;
  assert.ok(updatedAt > 1);
  const expected = schedule("s2", { cron: "* * * * *", target, metadata });
  delete expected.updatedAt;
  assert.deepEqual(rest, expected);
  await assert.rejects(
    schedules.updateSchedule("none", { cron: "* * * * *" }),
    /Schedule none not found/,
  );
});

test("schedules are listed by status, workflow and owner", async () => {
  const target = { type: "workflow", workflowId: "listed" };
  const owner = { ownerType: "team", ownerId: "blue" };
  const rows = [
    schedule("l1", { target, createdAt: 3, status: "paused" }),
    schedule("l2", { target, createdAt: 2, ...owner }),
    schedule("l3", { createdAt: 1, ...owner }),
  ];
  for (const row of rows) await schedules.createSchedule(row);
  const list = async (filter) => ids(await schedules.listSchedules(filter));
  assert.deepEqual(await list({ workflowId: "listed" }), ["l2", "l1"]);
  assert.deepEqual(await list({ ...owner }), ["l3", "l2"]);
  const paused = { workflowId: "listed", status: "paused" };
  assert.deepEqual(await list(paused), ["l1"]);
});

test("one of several callers that fire a due schedule wins", async () => {
  const far = 4e15;
  await schedules.createSchedule(schedule("d1", { nextFireAt: 500 }));
  await schedules.createSchedule(schedule("d2", { nextFireAt: 400 }));
  await schedules.createSchedule(schedule("d3", { nextFireAt: far }));
  const due = ids(await schedules.listDueSchedules(500));
  assert.deepEqual(due, ["d2", "d1"]);
  assert.deepEqual(ids(await schedules.listDueSchedules(500, 1)), ["d2"]);
  const fire = (run) =>
    schedules.updateScheduleNextFire("d1", 500, far, 501, run);
  const wins = await Promise.all(["a", "b", "c", "d"].map(fire));
  assert.equal(wins.filter(Boolean).length, 1);
  const fired = await schedules.getSchedule("d1");
  const winner = ["a", "b", "c", "d"][wins.indexOf(true)];
  assert.deepEqual(
    [fired.nextFireAt, fired.lastFireAt, fired.lastRunId],
    [far, 501, winner],
  );
});

test("triggers are listed newest first, and go with their schedule", async () => {
  await schedules.createSchedule(schedule("t1"));
  const trigger = (number) => ({
    id: `trigger${number}`,
    scheduleId: "t1",
    runId: `run${number}`,
    scheduledFireAt: number,
    actualFireAt: number,
    outcome: "published",
    triggerKind: "manual",
    metadata: { $n: number },
  });
  for (const number of [1, 3, 2]) {
    await schedules.recordTrigger(trigger(number));
  }
  const all = await schedules.listTriggers("t1");
  assert.deepEqual(all.map(defined), [3, 2, 1].map(trigger));
  const range = { fromActualFireAt: 1, toActualFireAt: 3, limit: 1 };
  const some = await schedules.listTriggers("t1", range);
  assert.deepEqual(ids(some), ["trigger2"]);
  await schedules.deleteSchedule("t1");
  assert.equal(await schedules.getSchedule("t1"), null);
  assert.deepEqual(await schedules.listTriggers("t1"), []);
});
