/**
 * Messages of threads.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** Messages; `content` is JSON text. */
export const mastraMessagesTable = recordTable("mastra_messages", {
  fields: {
    id: v.string(),
    thread_id: v.string(),
    content: v.string(),
    role: v.string(),
    type: v.string(),
    createdAt: v.string(),
    resourceId: v.optional(v.string()),
  },
  indexes: {
    by_thread_created: ["thread_id", "createdAt"],
    by_record_id: ["id"],
    by_thread: ["thread_id"],
    by_resource: ["resourceId"],
    by_resource_and_created_at: ["resourceId", "createdAt"],
    by_created: ["createdAt"],
  },
  clearedByNull: ["resourceId"],
  owner: "resourceId",
  agedBy: "createdAt",
  counted: { by: ["thread_id", "resourceId"] },
});
