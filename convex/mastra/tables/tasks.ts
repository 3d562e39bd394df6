/**
 * Background tasks.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** Tool calls that run beside a conversation; arguments and results are JSON text. */
export const mastraBackgroundTasksTable = recordTable(
  "mastra_background_tasks",
  {
    fields: {
      id: v.string(),
      tool_call_id: v.string(),
      tool_name: v.string(),
      agent_id: v.string(),
      run_id: v.string(),
      thread_id: v.union(v.string(), v.null()),
      resource_id: v.union(v.string(), v.null()),
      status: v.union(
        v.literal("pending"),
        v.literal("running"),
        v.literal("suspended"),
        v.literal("completed"),
        v.literal("failed"),
        v.literal("cancelled"),
        v.literal("timed_out"),
      ),
      args: v.string(),
      result: v.union(v.string(), v.null()),
      error: v.union(v.string(), v.null()),
      suspend_payload: v.union(v.string(), v.null()),
      retry_count: v.number(),
      max_retries: v.number(),
      timeout_ms: v.number(),
      createdAt: v.string(),
      startedAt: v.union(v.string(), v.null()),
      suspendedAt: v.union(v.string(), v.null()),
      completedAt: v.union(v.string(), v.null()),
      // The worker that runs the task, and the time until which no other may
      // take it over.
      owner_id: v.optional(v.union(v.string(), v.null())),
      leaseExpiresAt: v.optional(v.union(v.string(), v.null())),
    },
    indexes: {
      by_agent_status: ["agent_id", "status"],
      by_status_created: ["status", "createdAt"],
      by_record_id: ["id"],
      by_agent_and_status_and_created_at: ["agent_id", "status", "createdAt"],
      by_agent_and_created_at: ["agent_id", "createdAt"],
      by_run_and_created_at: ["run_id", "createdAt"],
      by_thread_and_created_at: ["thread_id", "createdAt"],
      by_resource_and_created_at: ["resource_id", "createdAt"],
      by_tool_call: ["tool_call_id"],
      by_tool: ["tool_name"],
      by_created: ["createdAt"],
      by_started: ["startedAt"],
      by_suspended: ["suspendedAt"],
      by_completed: ["completedAt"],
    },
    owner: "resource_id",
    // Tasks that aren't completed have no age.
    agedBy: "completedAt",
    counted: { where: {} },
  },
);
