/**
 * Sessions of a harness, in which agents work.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

const text = v.optional(v.union(v.string(), v.null()));
const json = v.optional(v.any());

/** Sessions; `pending` is the list of what a session waits for. */
export const mastraHarnessSessionsTable = recordTable(
  "mastra_harness_sessions",
  {
    fields: {
      id: v.string(),
      ownerId: v.string(),
      resourceId: v.string(),
      threadId: v.string(),
      parentSessionId: text,
      subagentDepth: v.optional(v.union(v.number(), v.null())),
      source: json,
      origin: v.string(),
      runtimeCompatibilityGeneration: text,
      modeId: v.string(),
      modelId: v.string(),
      title: text,
      metadata: json,
      state: json,
      pending: json,
      createdAt: v.string(),
      lastActivityAt: v.string(),
      closingAt: text,
      closeDeadlineAt: text,
      closedAt: text,
      deletedAt: text,
    },
    indexes: {
      by_record_id: ["id"],
      by_resource: ["resourceId"],
      by_last_activity: ["lastActivityAt"],
    },
    owner: "resourceId",
    agedBy: "lastActivityAt",
  },
);
