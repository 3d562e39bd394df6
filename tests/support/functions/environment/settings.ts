// Functions that read environment variables, when they run and when their module loads.
import { actionGeneric as action, queryGeneric as query } from "convex/server";
import { v } from "convex/values";

const AT_LOAD = process.env.GREETING ?? null;

export const read = query({
  args: { name: v.string() },
  handler: async (_ctx, { name }) => process.env[name] ?? null,
});

export const all = action({
  args: {},
  handler: async () => ({ atLoad: AT_LOAD, now: { ...process.env } }),
});
