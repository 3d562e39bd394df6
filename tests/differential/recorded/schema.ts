import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
export default defineSchema({
  notes: defineTable({
    text: v.string(),
    n: v.optional(v.number()),
    tags: v.optional(v.array(v.string())),
    who: v.optional(v.id("people")),
    kind: v.optional(v.union(v.literal("a"), v.literal("b"))),
    any: v.optional(v.any()),
  })
    .index("by_n", ["n"])
    .index("by_text", ["text", "n"]),
  people: defineTable({ name: v.string() }),
  vecs: defineTable({
    e: v.array(v.float64()),
    k: v.optional(v.string()),
  }).vectorIndex("by_e", {
    vectorField: "e",
    dimensions: 3,
    filterFields: ["k"],
  }),
});
