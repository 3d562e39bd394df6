import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  /** Values of any type, for orders and ranges. */
  free: defineTable(v.any()).index("by_a_b", ["a", "b"]).index("by_deep", ["o.x"]),
  strict: defineTable({
    name: v.string(),
    tags: v.optional(v.array(v.string())),
    friend: v.optional(v.id("strict")),
    kind: v.optional(v.union(v.literal("x"), v.literal("y"))),
    counts: v.optional(v.record(v.string(), v.number())),
  }),
  vectors: defineTable({ group: v.string(), embedding: v.optional(v.any()), lang: v.optional(v.any()) })
    .index("by_group", ["group"])
    .vectorIndex("by_embedding", { vectorField: "embedding", dimensions: 3, filterFields: ["lang", "group"] }),
  counters: defineTable({ name: v.string(), value: v.number() }).index("by_name", ["name"]),
});
