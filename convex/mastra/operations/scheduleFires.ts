/**
 * Firings of schedules, each of which one of several runners claims. Times are
 * epoch milliseconds by the deployment's clock, which all runners share.
 *
 * A claim moves its schedule to the next firing, and is a row until the runner
 * has finished. Where the runner dies, its lease ends, and another one claims
 * the same firing.
 *
 * @module
 */
import { findInBatches } from "../model/batches";
import {
  deleteRows,
  findRecord,
  patchRow,
  writeRecords,
} from "../model/records";
import { numberField, recordField, textField } from "../model/request";
import type { ReadCtx } from "../model/server";
import { read, write, type Operations } from "./operation";

type Fires = "mastra_schedule_fires";
const TRIGGERS = "mastra_schedule_triggers";

/** The most schedules, and the most abandoned firings, that a call returns. */
const MAX_DUE = 100;

/** An active schedule, or null. */
async function findActive(ctx: ReadCtx, id: string) {
  const schedule = await findRecord(ctx, "mastra_schedules", id);
  return schedule?.status === "active" ? schedule : null;
}

/**
 * The firings of active schedules that a runner may claim, the abandoned ones
 * first, then the longest due; and the time.
 */
const dueFires = read({
  args: () => ({}),
  handler: async (ctx, table: Fires) => {
    const now = Date.now();
    const abandoned = await ctx.db
      .query(table)
      .withIndex("by_lease_expires_at", (q) => q.lte("lease_expires_at", now))
      .take(MAX_DUE);
    const again = await findInBatches(abandoned, async (fire) => {
      const schedule = await findActive(ctx, fire.schedule_id);
      return schedule && { schedule, scheduledFireAt: fire.scheduled_fire_at };
    });
    const due = await ctx.db
      .query("mastra_schedules")
      .withIndex("by_status_next_fire_at", (q) =>
        q.eq("status", "active").lte("next_fire_at", now),
      )
      .take(MAX_DUE);
    const first = due.map((schedule) => ({
      schedule,
      scheduledFireAt: schedule.next_fire_at,
    }));
    return { ok: true, result: { now, fires: [...again, ...first] } };
  },
});

/**
 * Claim a firing: one that is due, or one whose runner let its lease end. A
 * runner that asks again for its own gets it again. Returns the firing's id and
 * its schedule; null if another runner has it, or had it.
 */
const claimFire = write({
  args: (request) => ({
    scheduleId: textField(request, "scheduleId"),
    scheduledFireAt: numberField(request, "scheduledFireAt"),
    nextFireAt: numberField(request, "nextFireAt"),
    ownerId: textField(request, "ownerId"),
    leaseMs: numberField(request, "leaseMs"),
  }),
  handler: async (
    ctx,
    table: Fires,
    { scheduleId, scheduledFireAt, nextFireAt, ownerId, leaseMs },
  ) => {
    const schedule = await findActive(ctx, scheduleId);
    if (schedule === null) return { ok: true, result: null };
    // The name that Mastra's own scheduler gives to a firing's run.
    const id = `sched_${scheduleId}_${scheduledFireAt}`;
    const now = Date.now();
    const claim = {
      actual_fire_at: now,
      owner_id: ownerId,
      lease_expires_at: now + leaseMs,
    };
    const fire = await findRecord(ctx, table, id);
    if (fire !== null) {
      const isFree = fire.owner_id === ownerId || fire.lease_expires_at <= now;
      if (!isFree) return { ok: true, result: null };
      await patchRow(ctx, table, fire, claim);
      return { ok: true, result: { id, schedule } };
    }
    if (schedule.next_fire_at !== scheduledFireAt) {
      return { ok: true, result: null };
    }
    const record = {
      id,
      schedule_id: scheduleId,
      scheduled_fire_at: scheduledFireAt,
      ...claim,
    };
    await writeRecords(ctx, table, [record]);
    const fired = await patchRow(ctx, "mastra_schedules", schedule, {
      next_fire_at: nextFireAt,
      last_fire_at: now,
      last_run_id: id,
      updated_at: now,
    });
    return { ok: true, result: { id, schedule: fired } };
  },
});

/** A claimed firing, if it is this runner's. */
async function findOwn(ctx: ReadCtx, table: Fires, id: string, owner: string) {
  const fire = await findRecord(ctx, table, id);
  return fire?.owner_id === owner ? fire : null;
}

/** Begin the lease anew; false if the firing is no longer this runner's. */
const renewFire = write({
  args: (request) => ({
    id: textField(request, "id"),
    ownerId: textField(request, "ownerId"),
    leaseMs: numberField(request, "leaseMs"),
  }),
  handler: async (ctx, table: Fires, { id, ownerId, leaseMs }) => {
    const fire = await findOwn(ctx, table, id, ownerId);
    if (fire === null) return { ok: true, result: false };
    const lease_expires_at = Date.now() + leaseMs;
    await patchRow(ctx, table, fire, { lease_expires_at });
    return { ok: true, result: true };
  },
});

/**
 * Record the outcome of a firing, as a trigger, and give up the claim; false if
 * it is no longer this runner's. A runner that asks again gets the same answer.
 */
const finishFire = write({
  args: (request) => ({
    id: textField(request, "id"),
    ownerId: textField(request, "ownerId"),
    trigger: recordField(request, "trigger"),
  }),
  handler: async (ctx, table: Fires, { id, ownerId, trigger }) => {
    const fire = await findOwn(ctx, table, id, ownerId);
    if (fire === null) {
      const done = await findRecord(ctx, TRIGGERS, trigger.id);
      return { ok: true, result: done !== null };
    }
    const { schedule_id, scheduled_fire_at, actual_fire_at } = fire;
    const times = { scheduled_fire_at, actual_fire_at };
    const record = { ...trigger, schedule_id, run_id: id, ...times };
    await writeRecords(ctx, TRIGGERS, [record]);
    await deleteRows(ctx, table, [fire]);
    return { ok: true, result: true };
  },
});

export const fires: Operations<Fires> = {
  dueFires,
  claimFire,
  renewFire,
  finishFire,
};
