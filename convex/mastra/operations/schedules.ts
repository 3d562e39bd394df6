/**
 * Schedules and the outcomes of their firings. Times are epoch milliseconds.
 *
 * @module
 */
import { read, write, type Operations } from "./operation";
import { insertOnly } from "./records";
import { deleteRows, findRecord, patchRow } from "../model/records";
import {
  numberField,
  optional,
  recordField,
  textField,
  type StorageRequest,
} from "../model/request";
import { firstOf, rowsWhere } from "../model/rows";
import type { WriteCtx } from "../model/server";

type Schedules = "mastra_schedules";
type Triggers = "mastra_schedule_triggers";

/** Mastra's default number of rows. */
const DEFAULT_LIMIT = 100;

function limitOf({ limit }: StorageRequest): number {
  return typeof limit === "number" && Number.isFinite(limit)
    ? Math.max(0, Math.floor(limit))
    : DEFAULT_LIMIT;
}

/** Active schedules that should have fired by `now`, the longest due first. */
const listDueSchedules = read({
  args: (request) => ({
    now: numberField(request, "now"),
    limit: limitOf(request),
  }),
  handler: async ({ db }, table: Schedules, { now, limit }) => ({
    ok: true,
    result: await db
      .query(table)
      .withIndex("by_status_next_fire_at", (q) =>
        q.eq("status", "active").lte("next_fire_at", now),
      )
      .take(limit),
  }),
});

/**
 * Record a firing, unless the schedule is no longer active or due at the time
 * expected: of two that would fire it, one gets true.
 */
const updateScheduleNextFire = write({
  args: (request) => ({
    id: textField(request, "id"),
    expected: numberField(request, "expectedNextFireAt"),
    fields: {
      next_fire_at: numberField(request, "newNextFireAt"),
      last_fire_at: numberField(request, "lastFireAt"),
      last_run_id: textField(request, "lastRunId"),
    },
  }),
  handler: async (ctx, table: Schedules, { id, expected, fields }) => {
    const schedule = await findRecord(ctx, table, id);
    const isExpected =
      schedule?.status === "active" && schedule.next_fire_at === expected;
    if (schedule === null || !isExpected) return { ok: true, result: false };
    await patchRow(ctx, table, schedule, { ...fields, updated_at: Date.now() });
    return { ok: true, result: true };
  },
});

/** Update the given fields; returns the schedule. */
const updateSchedule = write({
  args: (request) => {
    const fields = { ...recordField(request, "patch") };
    delete fields.id;
    return { id: textField(request, "id"), fields };
  },
  handler: async (ctx, table: Schedules, { id, fields }) => {
    const schedule = await findRecord(ctx, table, id);
    if (schedule === null) {
      return {
        ok: false,
        code: "NotFound",
        error: `Schedule ${id} not found`,
      };
    }
    return { ok: true, result: await patchRow(ctx, table, schedule, fields) };
  },
});

/** Firings of a schedule, newest first, from one time to before another. */
const listScheduleTriggers = read({
  args: (request) => ({
    scheduleId: textField(request, "scheduleId"),
    from: optional(numberField, request, "fromActualFireAt"),
    to: optional(numberField, request, "toActualFireAt"),
    limit: limitOf(request),
  }),
  handler: async (ctx, table: Triggers, { scheduleId, from, to, limit }) => ({
    ok: true,
    result: await rowsWhere(
      ctx,
      table,
      [{ field: "schedule_id", value: scheduleId }],
      { field: "actual_fire_at", order: "desc", gte: from, lt: to },
    ).take(limit),
  }),
});

/** Delete some of a schedule's triggers; the client repeats while `hasMore`. */
const deleteScheduleTriggers = write({
  args: (request) => ({ scheduleId: textField(request, "scheduleId") }),
  handler: async (ctx, _table: Triggers, { scheduleId }) => ({
    ok: true,
    hasMore: await deleteSomeTriggers(ctx, scheduleId),
  }),
});

const deleteSomeTriggers = (ctx: WriteCtx, scheduleId: string) =>
  deleteSome(ctx, "mastra_schedule_triggers", scheduleId);

/** Delete some of a schedule's rows in a table; whether there are more. */
async function deleteSome(
  ctx: WriteCtx,
  table: Triggers | "mastra_schedule_fires",
  scheduleId: string,
) {
  const rows = rowsWhere(ctx, table, [
    { field: "schedule_id", value: scheduleId },
  ]);
  const { some, hasMore } = await firstOf(rows);
  await deleteRows(ctx, table, some);
  return hasMore;
}

/** Delete a schedule with its triggers and claims, some a call, itself with the last of them. */
const deleteSchedule = write({
  args: (request) => ({ id: textField(request, "id") }),
  handler: async (ctx, table: Schedules, { id }) => {
    const hasMore =
      (await deleteSomeTriggers(ctx, id)) ||
      (await deleteSome(ctx, "mastra_schedule_fires", id));
    if (hasMore) return { ok: true, hasMore };
    const schedule = await findRecord(ctx, table, id);
    if (schedule !== null) await deleteRows(ctx, table, [schedule]);
    return { ok: true, hasMore };
  },
});

export const schedules: Operations<Schedules> = {
  createSchedule: insertOnly("Schedule"),
  listDueSchedules,
  updateScheduleNextFire,
  updateSchedule,
  deleteSchedule,
};

export const triggers: Operations<Triggers> = {
  recordScheduleTrigger: insertOnly("Schedule trigger"),
  listScheduleTriggers,
  deleteScheduleTriggers,
};
