// Functions of a user's own, public and internal, for the server's tests.
import {
  actionGeneric as action,
  internalQueryGeneric as internalQuery,
  mutationGeneric as mutation,
  queryGeneric as query,
} from "convex/server";
import { ConvexError, v } from "convex/values";

export const add = mutation({
  args: { text: v.string() },
  returns: v.id("notes"),
  handler: async (ctx, { text }) => await ctx.db.insert("notes", { text }),
});

export const list = query({
  args: {},
  handler: async (ctx) =>
    (await ctx.db.query("notes").collect()).map((note) => note.text),
});

export const secret = internalQuery({
  args: {},
  handler: async () => "for admins",
});

export const echo = action({
  args: { value: v.any() },
  handler: async (_ctx, { value }) => value,
});

export const fail = mutation({
  args: {},
  handler: async (ctx) => {
    await ctx.db.insert("notes", { text: "never seen" });
    console.log("about to fail");
    throw new ConvexError({ reason: "on purpose", at: [1, 2.5] });
  },
});

export const crash = query({
  args: {},
  handler: async () => {
    throw new TypeError("not on purpose");
  },
});

export const spin = query({
  args: {},
  handler: async () => {
    for (;;);
  },
});

export const stuck = query({
  args: {},
  handler: async () => await new Promise(() => {}),
});

export const log = query({
  args: {},
  handler: async () => {
    console.log("one", 2);
    console.warn({ three: 3 });
    return null;
  },
});
