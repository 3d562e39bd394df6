import { defineSchema, defineTable } from "convex/server";
import { v } from "convex/values";

export default defineSchema({
  messages: defineTable({ room: v.string(), text: v.string() }).index(
    "by_room",
    ["room"],
  ),
  presence: defineTable({ room: v.string(), user: v.string() }).index(
    "by_room",
    ["room", "user"],
  ),
  counters: defineTable({ name: v.string(), count: v.number() }).index(
    "by_name",
    ["name"],
  ),
});
