// A query that logs each run, and fails if a thread has a title; and one that returns its caller.
import { v } from "convex/values";
import { query } from "./_generated/server";

export const watch = query({
  args: { title: v.string() },
  handler: async (ctx, { title }) => {
    console.log("ran");
    const rows = await ctx.db
      .query("mastra_threads")
      .withIndex("by_record_id", (q) => q.eq("id", "t1"))
      .collect();
    if (rows.some((row) => row.title === title)) {
      throw new Error("not that title");
    }
    return rows.length;
  },
});

export const who = query({
  args: {},
  handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? null,
});
