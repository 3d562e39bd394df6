/**
 * Values by namespace and key, which stores of agent frameworks keep.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** One value each: JSON text, or bytes; beyond what a document holds, a blob. */
export const mastraItemsTable = recordTable("mastra_items", {
  fields: {
    id: v.string(),
    namespace: v.string(),
    key: v.string(),
    value: v.optional(v.union(v.string(), v.bytes())),
    blob: v.optional(v.string()),
    // Counts the writes to the item.
    revision: v.number(),
    createdAt: v.string(),
    updatedAt: v.string(),
    // Milliseconds: for how long a read or a write keeps it, and until when.
    ttl: v.optional(v.number()),
    expiresAt: v.optional(v.number()),
  },
  indexes: {
    by_record_id: ["id"],
    by_namespace_and_key: ["namespace", "key"],
    by_expires: ["expiresAt"],
    by_updated: ["updatedAt"],
  },
  names: ["namespace", "key"],
  keptOnUpdate: ["createdAt"],
  clearedByNull: ["value", "blob", "ttl", "expiresAt"],
});
