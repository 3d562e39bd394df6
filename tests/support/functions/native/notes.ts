// A native vector table whose fields have names of their own.
import { defineTable } from "convex/server";
import { v } from "convex/values";

export const notesTable = defineTable({
  key: v.string(),
  vector: v.array(v.float64()),
  attributes: v.optional(v.any()),
  tenant: v.optional(v.any()),
})
  .index("by_key", ["key"])
  .vectorIndex("by_vector", {
    vectorField: "vector",
    dimensions: 2,
    filterFields: ["tenant"],
  });
