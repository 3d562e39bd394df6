// The functions that users' clients call. A component sees no user, so they
// decide who may, and say which resource's data it is.
import { v } from "convex/values";
import { action, mutation, query, type QueryCtx } from "./_generated/server";
import { components } from "./_generated/api";

const { queries, storage, vectors } = components.mastra.mastra;

/** The name of the user who calls. */
async function userOf({ auth }: Pick<QueryCtx, "auth">): Promise<string> {
  const user = await auth.getUserIdentity();
  if (user === null) throw new Error("sign in first");
  return user.subject;
}

/** Save a message of the user, in a thread of their own. */
export const send = mutation({
  args: { threadId: v.string(), text: v.string() },
  handler: async (ctx, { threadId, text }) => {
    const resourceId = await userOf(ctx);
    const thread = await ctx.runQuery(queries.watchThread, { threadId });
    if (thread !== null && thread.resourceId !== resourceId) {
      throw new Error(`no thread ${threadId}`);
    }
    const now = new Date().toISOString();
    const dates = { createdAt: now, updatedAt: now };
    if (thread === null) {
      await ctx.runMutation(storage.handle, {
        op: "insert",
        tableName: "mastra_threads",
        record: { id: threadId, resourceId, ...dates },
      });
    }
    const content = { format: 2, parts: [{ type: "text", text }] };
    const saved = await ctx.runMutation(storage.handle, {
      op: "saveMessages",
      tableName: "mastra_messages",
      records: [
        {
          id: crypto.randomUUID(),
          thread_id: threadId,
          role: "user",
          type: "v2",
          content: JSON.stringify(content),
          createdAt: now,
        },
      ],
    });
    if (!saved.ok) throw new Error(saved.error);
  },
});

/** The newest messages of a thread of the user's. Clients can subscribe to it. */
export const messages = query({
  args: { threadId: v.string() },
  handler: async (ctx, { threadId }) => {
    const resourceId = await userOf(ctx);
    const thread = await ctx.runQuery(queries.watchThread, { threadId });
    if (thread?.resourceId !== resourceId) return [];
    return await ctx.runQuery(queries.watchMessages, { threadId, last: 50 });
  },
});

/** The documents most similar to a vector, for every user. */
export const search = action({
  args: { vector: v.array(v.float64()) },
  handler: async (ctx, { vector }) => {
    await userOf(ctx);
    const args = { indexName: "docs", vector, topK: 5 };
    const { hits } = await ctx.runAction(vectors.searchAll, args);
    return hits;
  },
});
