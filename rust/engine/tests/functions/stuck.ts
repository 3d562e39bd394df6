import { makeFunctionReference, mutationGeneric as mutation, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

/** Stays in one built-in method, for a time that grows with the square of the length. */
const stay = (length: number) => "a".repeat(2 * length).indexOf("a".repeat(length) + "b");

const args = { length: v.number() };

export const search = query({ args, handler: (_, { length }) => stay(length) });

/** The write comes before the method that doesn't end. */
export const write = mutation({
  args,
  handler: async ({ db }, { length }) => {
    await db.insert("free", { a: "stuck" });
    return stay(length);
  },
});

/** Calls `write`, and goes on if it fails. */
export const within = mutation({
  args,
  handler: async (ctx, args) => {
    await ctx.db.insert("free", { a: "around" });
    await ctx.runMutation(makeFunctionReference<"mutation">("stuck:write"), args).catch(() => null);
    return null;
  },
});

/** Stays in the method, and then writes. */
export const late = mutation({
  args,
  handler: async ({ db }, { length }) => {
    try {
      stay(length);
    } finally {
      await db.insert("free", { a: "late" });
    }
  },
});

/** Reads at its snapshot, and never ends. */
export const reads = query({
  args: {},
  handler: async ({ db }) => {
    await db.query("counters").collect();
    for (;;);
  },
});
