import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
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

const SCHEDULES = "mastra_schedules";
const TRIGGERS = "mastra_schedule_triggers";
const schedule = (id: string, fields: object = {}) => ({
  id,
  target: "{}",
  cron: "* * * * *",
  status: "active",
  next_fire_at: 10,
  created_at: 1,
  updated_at: 1,
  ...fields,
});
const trigger = (id: string, actual_fire_at: number, fields: object = {}) => ({
  id,
  schedule_id: "s",
  scheduled_fire_at: actual_fire_at,
  actual_fire_at,
  outcome: "published",
  trigger_kind: "schedule-fire",
  ...fields,
});
const ids = (reply: { result: { id: string }[] }) =>
  reply.result.map((row) => row.id);

test.each([
  ["createSchedule", SCHEDULES, schedule("s"), "Schedule"],
  ["recordScheduleTrigger", TRIGGERS, trigger("s", 1), "Schedule trigger"],
])("%s inserts once", async (op, table, record, noun) => {
  expect(await call(op, table, { record })).toEqual({ ok: true });
  expect(await call(op, table, { record })).toEqual({
    ok: false,
    code: "AlreadyExists",
    error: `${noun} with id "s" already exists`,
  });
  expect(await call(op, table, { record: {} })).toMatchObject({
    error: `${noun} is missing an id`,
  });
  expect(await storedIn(db, table)).toEqual([record]);
});

describe("schedules", () => {
  test("are due in the order of their time, active ones only", async () => {
    await call("batchInsert", SCHEDULES, {
      records: [
        schedule("later", { next_fire_at: 21 }),
        schedule("second", { next_fire_at: 20 }),
        schedule("first", { next_fire_at: 5 }),
        schedule("paused", { next_fire_at: 5, status: "paused" }),
      ],
    });
    const due = (rest: object = {}) =>
      call("listDueSchedules", SCHEDULES, { now: 20, ...rest });
    expect(ids(await due())).toEqual(["first", "second"]);
    expect(ids(await due({ limit: 1.9 }))).toEqual(["first"]);
    expect(ids(await due({ limit: -1 }))).toEqual([]);
  });

  test("are fired by one of two", async () => {
    await call("insert", SCHEDULES, { record: schedule("s") });
    const fire = async () =>
      (
        await call("updateScheduleNextFire", SCHEDULES, {
          id: "s",
          expectedNextFireAt: 10,
          newNextFireAt: 20,
          lastFireAt: 11,
          lastRunId: "r",
        })
      ).result;
    expect(await fire()).toBe(true);
    expect(await fire()).toBe(false);
    expect(await storedIn(db, SCHEDULES)).toMatchObject([
      { next_fire_at: 20, last_fire_at: 11, last_run_id: "r" },
    ]);
    await call("updateSchedule", SCHEDULES, {
      id: "s",
      patch: { status: "paused", next_fire_at: 10 },
    });
    expect(await fire()).toBe(false);
  });

  test("update in part", async () => {
    await call("insert", SCHEDULES, {
      record: schedule("s", { timezone: "UTC" }),
    });
    const patch = { id: "other", timezone: null, cron: "0 * * * *" };
    const { result } = await call("updateSchedule", SCHEDULES, {
      id: "s",
      patch,
    });
    const expected = schedule("s", { timezone: null, cron: "0 * * * *" });
    expect(result).toMatchObject(expected);
    expect(await storedIn(db, SCHEDULES)).toEqual([expected]);
    expect(await call("updateSchedule", SCHEDULES, { id: "x", patch })).toEqual(
      {
        ok: false,
        code: "NotFound",
        error: "Schedule x not found",
      },
    );
  });

  test("without an owner are found whether the column is null or absent", async () => {
    await call("batchInsert", SCHEDULES, {
      records: [
        schedule("null", { owner_type: null }),
        schedule("owned", { owner_type: "user" }),
        schedule("absent"),
      ],
    });
    const reply = await call("queryTable", SCHEDULES, {
      filters: [{ field: "owner_type", value: null }],
    });
    expect(ids(reply).sort()).toEqual(["absent", "null"]);
  });

  test("are deleted with their triggers, 25 a call", async () => {
    await call("insert", SCHEDULES, { record: schedule("s") });
    await call("batchInsert", TRIGGERS, {
      records: [
        ...Array.from({ length: 30 }, (_, n) => trigger(`t${n}`, n)),
        trigger("other", 1, { schedule_id: "o" }),
      ],
    });
    expect((await call("deleteSchedule", SCHEDULES, { id: "s" })).hasMore).toBe(
      true,
    );
    expect(await storedIn(db, SCHEDULES)).toHaveLength(1);
    expect(await storedIn(db, TRIGGERS)).toHaveLength(6);
    expect((await call("deleteSchedule", SCHEDULES, { id: "s" })).hasMore).toBe(
      false,
    );
    expect(await storedIn(db, SCHEDULES)).toEqual([]);
    expect(await storedIn(db, TRIGGERS)).toMatchObject([{ id: "other" }]);
  });
});

describe("triggers", () => {
  beforeEach(() =>
    call("batchInsert", TRIGGERS, {
      records: Array.from({ length: 120 }, (_, n) => trigger(`t${n}`, n)),
    }),
  );

  test("are listed newest first, from a time to before another", async () => {
    const list = async (rest: object = {}) =>
      ids(
        await call("listScheduleTriggers", TRIGGERS, {
          scheduleId: "s",
          ...rest,
        }),
      );
    expect(await list({ fromActualFireAt: 3, toActualFireAt: 6 })).toEqual([
      "t5",
      "t4",
      "t3",
    ]);
    expect(await list({ limit: 2 })).toEqual(["t119", "t118"]);
    expect(await list()).toHaveLength(100);
    expect(await list({ scheduleId: "x" })).toEqual([]);
  });

  test("are deleted by 25", async () => {
    const rest = { scheduleId: "s" };
    expect(await call("deleteScheduleTriggers", TRIGGERS, rest)).toEqual({
      ok: true,
      hasMore: true,
    });
    expect(await storedIn(db, TRIGGERS)).toHaveLength(95);
  });

  test.each([
    [
      {
        op: "listScheduleTriggers",
        tableName: TRIGGERS,
        scheduleId: "s",
        limit: 3,
      },
      3,
    ],
    [
      { op: "deleteScheduleTriggers", tableName: TRIGGERS, scheduleId: "s" },
      51,
    ],
  ])("by %j are read at most %i times", async (request, budget) => {
    const read = await documentsRead(db, request);
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThanOrEqual(budget);
  });
});

describe("a firing", () => {
  const FIRES = "mastra_schedule_fires";
  const fire = async (op: string, rest: object = {}) =>
    (await call(op, FIRES, rest)).result;
  const claim = (ownerId: string, rest: object = {}) =>
    fire("claimFire", {
      scheduleId: "s",
      scheduledFireAt: 10,
      nextFireAt: 50000,
      ownerId,
      leaseMs: 1000,
      ...rest,
    });
  const finish = (ownerId: string, rest: object = {}) => {
    const outcome = { outcome: "succeeded", trigger_kind: "schedule-fire" };
    const trigger = { id: "t", ...outcome, ...rest };
    return fire("finishFire", { id: "sched_s_10", ownerId, trigger });
  };
  const due = async () => {
    const { now, fires } = await fire("dueFires");
    expect(Math.abs(Date.now() - now)).toBeLessThan(10);
    return fires.map(
      (one: { schedule: { id: string }; scheduledFireAt: number }) =>
        `${one.schedule.id} ${one.scheduledFireAt}`,
    );
  };

  beforeEach(async () => {
    vi.useFakeTimers({ now: 1000 });
    await call("insert", SCHEDULES, { record: schedule("s") });
  });
  afterEach(() => void vi.useRealTimers());

  test("is claimed by one, which moves its schedule", async () => {
    expect(await due()).toEqual(["s 10"]);
    const { id, schedule } = await claim("a");
    expect(id).toBe("sched_s_10");
    expect(schedule).toMatchObject({
      next_fire_at: 50000,
      last_run_id: id,
    });
    expect(schedule.last_fire_at).toBeCloseTo(1000, -2);
    expect(schedule.updated_at).toBe(schedule.last_fire_at);
    expect(await claim("b")).toBeNull();
    expect(await claim("a")).toMatchObject({ id });
    expect(await storedIn(db, SCHEDULES)).toMatchObject([
      { next_fire_at: 50000 },
    ]);
    expect(await storedIn(db, FIRES)).toHaveLength(1);
    expect(await due()).toEqual([]);
  });

  test("is recorded once, by its owner", async () => {
    await claim("a");
    expect(await finish("b", { id: "b" })).toBe(false);
    vi.setSystemTime(1500);
    expect(await finish("a", { error: "no" })).toBe(true);
    expect(await finish("a")).toBe(true);
    expect(await storedIn(db, TRIGGERS)).toEqual([
      {
        id: "t",
        schedule_id: "s",
        run_id: "sched_s_10",
        scheduled_fire_at: 10,
        actual_fire_at: expect.closeTo(1000, -2),
        outcome: "succeeded",
        trigger_kind: "schedule-fire",
        error: "no",
      },
    ]);
    expect(await storedIn(db, FIRES)).toEqual([]);
    expect(await claim("b")).toBeNull();
  });

  test("is another's after the lease, unless it is renewed", async () => {
    await claim("a");
    vi.setSystemTime(1900);
    expect(await claim("b")).toBeNull();
    const renew = (ownerId: string) =>
      fire("renewFire", { id: "sched_s_10", ownerId, leaseMs: 1000 });
    expect([await renew("b"), await renew("a")]).toEqual([false, true]);
    vi.setSystemTime(2500);
    expect([await due(), await claim("b")]).toEqual([[], null]);
    vi.setSystemTime(3000);
    expect(await due()).toEqual(["s 10"]);
    expect(await claim("b")).toMatchObject({
      schedule: { next_fire_at: 50000 },
    });
    expect([await renew("a"), await finish("a")]).toEqual([false, false]);
    expect(await finish("b", { id: "b" })).toBe(true);
    expect(await storedIn(db, TRIGGERS)).toMatchObject([
      { id: "b", actual_fire_at: expect.closeTo(3000, -2) },
    ]);
  });

  test.each([
    ["updateSchedule", { id: "s", patch: { status: "paused" } }],
    ["deleteSchedule", { id: "s" }],
  ])("can't be claimed again after %s", async (op, rest) => {
    await claim("a");
    await call(op, SCHEDULES, rest);
    vi.setSystemTime(9000);
    expect([await due(), await claim("b")]).toEqual([[], null]);
  });

  test("goes with its schedule", async () => {
    await claim("a");
    await call("deleteSchedule", SCHEDULES, { id: "s" });
    expect(await storedIn(db, FIRES)).toEqual([]);
    expect(await finish("a")).toBe(false);
    expect(await storedIn(db, TRIGGERS)).toEqual([]);
  });

  test("is due by its time, the abandoned ones first", async () => {
    await claim("a");
    await call("batchInsert", SCHEDULES, {
      records: [
        schedule("later", { next_fire_at: 2900 }),
        schedule("second", { next_fire_at: 9 }),
        schedule("first", { next_fire_at: 8 }),
        schedule("paused", { next_fire_at: 8, status: "paused" }),
      ],
    });
    vi.setSystemTime(2500);
    expect(await due()).toEqual(["s 10", "first 8", "second 9"]);
    const early = { scheduleId: "later", scheduledFireAt: 2500 };
    expect(await claim("a", early)).toBeNull();
    expect(await claim("a", { scheduleId: "none" })).toBeNull();
  });
});
