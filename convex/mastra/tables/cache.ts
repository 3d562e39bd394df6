/**
 * The server cache.
 *
 * @module
 */
import { v } from "convex/values";
import { ownTable } from "./table";

/** The server cache: values, lists, counters, and keys being deleted. */
export const mastraCacheTable = ownTable("mastra_cache", {
  fields: {
    key: v.string(),
    keyPrefix: v.string(),
    kind: v.union(
      v.literal("value"),
      v.literal("list"),
      v.literal("counter"),
      v.literal("deleted"),
    ),
    value: v.optional(v.string()),
    counter: v.optional(v.number()),
    expiresAt: v.union(v.number(), v.null()),
  },
  indexes: {
    by_key: ["key"],
    by_key_prefix: ["keyPrefix"],
    by_key_prefix_and_expires_at: ["keyPrefix", "expiresAt"],
  },
});

/** The items of the cache's lists; `value` is JSON text. */
export const mastraCacheListItemsTable = ownTable("mastra_cache_list_items", {
  fields: {
    key: v.string(),
    keyPrefix: v.string(),
    index: v.number(),
    value: v.string(),
  },
  indexes: {
    by_key_prefix: ["keyPrefix"],
    by_key_index: ["key", "index"],
  },
});
