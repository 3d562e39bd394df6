/**
 * Schedules, their firings, and the outcomes of these.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** Schedules; `target` and `metadata` are JSON text, times are epoch milliseconds. */
export const mastraSchedulesTable = recordTable("mastra_schedules", {
  fields: {
    id: v.string(),
    target: v.string(),
    cron: v.string(),
    timezone: v.optional(v.union(v.string(), v.null())),
    status: v.string(),
    next_fire_at: v.number(),
    last_fire_at: v.optional(v.union(v.number(), v.null())),
    last_run_id: v.optional(v.union(v.string(), v.null())),
    created_at: v.number(),
    updated_at: v.number(),
    metadata: v.optional(v.union(v.string(), v.null())),
    owner_type: v.optional(v.union(v.string(), v.null())),
    owner_id: v.optional(v.union(v.string(), v.null())),
    workflow_id: v.optional(v.union(v.string(), v.null())),
  },
  indexes: {
    by_workflow_status: ["workflow_id", "status"],
    by_workflow_id: ["workflow_id"],
    by_owner: ["owner_type", "owner_id"],
    by_owner_id: ["owner_id"],
    by_status_next_fire_at: ["status", "next_fire_at"],
    by_record_id: ["id"],
    by_created: ["created_at"],
  },
});

/** The outcome of each firing of a schedule. */
export const mastraScheduleTriggersTable = recordTable(
  "mastra_schedule_triggers",
  {
    fields: {
      id: v.string(),
      schedule_id: v.string(),
      run_id: v.optional(v.union(v.string(), v.null())),
      scheduled_fire_at: v.number(),
      actual_fire_at: v.number(),
      outcome: v.string(),
      error: v.optional(v.union(v.string(), v.null())),
      trigger_kind: v.string(),
      parent_trigger_id: v.optional(v.union(v.string(), v.null())),
      metadata: v.optional(v.union(v.string(), v.null())),
    },
    indexes: {
      by_schedule_actual: ["schedule_id", "actual_fire_at"],
      by_record_id: ["id"],
      by_parent_trigger: ["parent_trigger_id"],
      by_actual: ["actual_fire_at"],
    },
    agedBy: "actual_fire_at",
  },
);

/** Firings that a runner has claimed and not finished, each until its lease ends. */
export const mastraScheduleFiresTable = recordTable("mastra_schedule_fires", {
  fields: {
    id: v.string(),
    schedule_id: v.string(),
    scheduled_fire_at: v.number(),
    actual_fire_at: v.number(),
    owner_id: v.string(),
    lease_expires_at: v.number(),
  },
  indexes: {
    by_record_id: ["id"],
    by_schedule: ["schedule_id"],
    by_lease_expires_at: ["lease_expires_at"],
  },
});
