// A user's functions, over our tables and theirs.
import { v } from "convex/values";
import { internal } from "./_generated/api";
import type { Doc } from "./_generated/dataModel";
import { mutation, query } from "./_generated/server";

const lineOf = (thread: Doc<"mastra_threads"> | null, note: string): string =>
  `${thread?.title}: ${note}`;

/** Bookmark a thread, and rename it by our own function: both happen, or none. */
export const add = mutation({
  args: { threadId: v.string(), title: v.string(), note: v.string() },
  returns: v.id("bookmarks"),
  handler: async (ctx, { threadId, title, note }) => {
    await ctx.runMutation(internal.mastra.storage.handle, {
      op: "updateThread",
      tableName: "mastra_threads",
      id: threadId,
      title,
      updatedAt: new Date().toISOString(),
    });
    const thread = await ctx.db
      .query("mastra_threads")
      .withIndex("by_record_id", (q) => q.eq("id", threadId))
      .unique();
    if (thread === null) throw new Error(`no thread ${threadId}`);
    if (note === "") throw new Error("a bookmark needs a note");
    return await ctx.db.insert("bookmarks", { threadId: thread._id, note });
  },
});

export const list = query({
  args: {},
  returns: v.array(v.string()),
  handler: async (ctx) => {
    const bookmarks = await ctx.db.query("bookmarks").collect();
    return await Promise.all(
      bookmarks.map(async ({ threadId, note }) =>
        lineOf(await ctx.db.get("mastra_threads", threadId), note),
      ),
    );
  },
});
