// A user's functions, over our tables and theirs.
import {
  mutationGeneric,
  queryGeneric,
  type MutationBuilder,
  type QueryBuilder,
} from "convex/server";
import { v } from "convex/values";
import type { DataModel, Doc } from "./_generated/dataModel";

const mutation: MutationBuilder<DataModel, "public"> = mutationGeneric;
const query: QueryBuilder<DataModel, "public"> = queryGeneric;

export const add = mutation({
  args: { threadId: v.string(), note: v.string() },
  returns: v.id("bookmarks"),
  handler: async (ctx, { threadId, note }) => {
    const thread = await ctx.db
      .query("mastra_threads")
      .withIndex("by_record_id", (q) => q.eq("id", threadId))
      .unique();
    if (thread === null) throw new Error(`no thread ${threadId}`);
    return await ctx.db.insert("bookmarks", { threadId: thread._id, note });
  },
});

const line = (thread: Doc<"mastra_threads"> | null, note: string): string =>
  `${thread?.title}: ${note}`;

export const list = query({
  args: {},
  returns: v.array(v.string()),
  handler: async (ctx) => {
    const bookmarks = await ctx.db.query("bookmarks").collect();
    return await Promise.all(
      bookmarks.map(async ({ threadId, note }) =>
        line(await ctx.db.get(threadId), note),
      ),
    );
  },
});
