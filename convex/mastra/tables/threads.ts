/**
 * Threads of conversations.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** Conversation threads. */
export const mastraThreadsTable = recordTable("mastra_threads", {
  fields: {
    id: v.string(),
    resourceId: v.string(),
    title: v.string(),
    metadata: v.optional(v.any()),
    createdAt: v.string(),
    updatedAt: v.string(),
  },
  indexes: {
    by_record_id: ["id"],
    by_resource: ["resourceId"],
    by_resource_and_created_at: ["resourceId", "createdAt"],
    by_resource_and_updated_at: ["resourceId", "updatedAt"],
    by_created: ["createdAt"],
    by_updated: ["updatedAt"],
  },
  // Mastra's threads need no title, its table does.
  defaults: { title: "" },
  owner: "resourceId",
  agedBy: "createdAt",
  counted: { where: {}, by: ["resourceId"] },
});
