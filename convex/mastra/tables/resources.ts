/**
 * Resources: users and other owners of threads.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** Working memory and metadata of users and other owners of threads. */
export const mastraResourcesTable = recordTable("mastra_resources", {
  fields: {
    id: v.string(),
    workingMemory: v.optional(v.string()),
    metadata: v.optional(v.any()),
    createdAt: v.string(),
    updatedAt: v.string(),
  },
  indexes: {
    by_record_id: ["id"],
    by_updated: ["updatedAt"],
    by_created: ["createdAt"],
  },
  clearedByNull: ["workingMemory"],
  owner: "id",
  agedBy: "createdAt",
});
