// Transactions on lists of numbers, for histories.
import {
  mutationGeneric as mutation,
  queryGeneric as query,
} from "convex/server";
import { v } from "convex/values";

const find = (ctx: any, key: number) =>
  ctx.db
    .query("lists")
    .withIndex("by_key", (q: any) => q.eq("key", key))
    .unique();

const read = async (ctx: any, key: number) =>
  (await find(ctx, key))?.values ?? [];

async function append(ctx: any, key: number, value: number) {
  const list = await find(ctx, key);
  if (list === null) await ctx.db.insert("lists", { key, values: [value] });
  else await ctx.db.patch(list._id, { values: [...list.values, value] });
}

/** Reads (`[key]`) and appends (`[key, value]`) in order; fails in the end if it is told to. Returns what was read. */
export const transact = mutation({
  args: { steps: v.array(v.array(v.number())), fails: v.boolean() },
  handler: async (ctx, { steps, fails }) => {
    const found = [];
    for (const [key, value] of steps as [number, number?][]) {
      if (value === undefined) found.push(await read(ctx, key));
      else await append(ctx, key, value);
    }
    if (fails) throw new Error("on purpose");
    return found;
  },
});

export const look = query({
  args: { keys: v.array(v.number()) },
  handler: async (ctx, { keys }) => {
    const found = [];
    for (const key of keys) found.push(await read(ctx, key));
    return found;
  },
});
