// A table with a type for each field, and one that takes anything; a third, `loose`, is in no schema.
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  notes: defineTable({
    title: v.string(),
    rank: v.number(),
    count: v.int64(),
    done: v.boolean(),
    tags: v.optional(v.array(v.string())),
    meta: v.optional(
      v.object({
        kind: v.union(v.literal("a"), v.literal("b"), v.null()),
        at: v.optional(v.number()),
        data: v.optional(v.bytes()),
      }),
    ),
    parent: v.optional(v.id("notes")),
    thing: v.optional(v.id("things")),
  })
    .index("by_title", ["title"])
    .index("by_rank_and_count", ["rank", "count"])
    .index("by_kind_and_title", ["meta.kind", "title"])
    .index("by_parent", ["parent"]),
  things: defineTable(v.any())
    .index("by_a", ["a"])
    .index("by_a_and_b", ["a", "b"])
    .index("by_path", ["a.b", "c"]),
});
