/**
 * Notifications of agents' threads.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

const text = v.optional(v.union(v.string(), v.null()));
const json = v.optional(v.any());

/** News for agents between their turns, and how it was delivered. */
export const mastraNotificationsTable = recordTable("mastra_notifications", {
  fields: {
    id: v.string(),
    threadId: v.string(),
    source: v.string(),
    kind: v.string(),
    priority: v.string(),
    status: v.string(),
    summary: v.string(),
    payload: json,
    resourceId: text,
    agentId: text,
    sourceId: text,
    dedupeKey: text,
    coalesceKey: text,
    coalescedCount: v.number(),
    attributes: json,
    createdAt: v.string(),
    updatedAt: v.string(),
    deliveredAt: text,
    seenAt: text,
    dismissedAt: text,
    archivedAt: text,
    discardedAt: text,
    deliverAt: text,
    summaryAt: text,
    deliveryReason: text,
    deliveryAttempts: v.number(),
    lastDeliveryAttemptAt: text,
    lastDeliveryError: text,
    deliveredSignalId: text,
    summarySignalId: text,
    metadata: json,
  },
  indexes: {
    by_thread_and_id: ["threadId", "id"],
    by_record_id: ["id"],
    by_thread_and_updated_at: ["threadId", "updatedAt"],
    by_thread_and_status_and_updated_at: ["threadId", "status", "updatedAt"],
    by_thread_and_dedupe_key: ["threadId", "dedupeKey", "status"],
    by_thread_and_coalesce_key: ["threadId", "coalesceKey", "status"],
    by_status_and_deliver_at: ["status", "deliverAt", "updatedAt"],
    by_status_and_summary_at: ["status", "summaryAt", "updatedAt"],
    by_resource: ["resourceId"],
    by_created: ["createdAt"],
  },
  names: ["threadId", "id"],
  defaults: {
    priority: "medium",
    status: "pending",
    coalescedCount: 1,
    deliveryAttempts: 0,
  },
  keptOnUpdate: ["createdAt"],
  owner: "resourceId",
  thread: "threadId",
  agedBy: "createdAt",
});
