// A user's schema: our tables, and one of their own.
import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";
import { mastraTables } from "./mastra/schema";

export default defineSchema({
  ...mastraTables,
  bookmarks: defineTable({
    threadId: v.id("mastra_threads"),
    note: v.string(),
  }).index("by_thread", ["threadId"]),
});
