/** Commit timestamps: the placeholder in a document, and the snapshot's timestamp. */
import { mutation, query } from "./_generated/server";
import { v } from "convex/values";

/** Writes documents that know their commit, in and after another mutation. */
export const write = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const id = await ctx.db.insert("commits", { name, at: ctx.db.vars.commitTs, within: [ctx.db.vars.commitTs] });
    await ctx.db.patch(id, { patched: ctx.db.vars.commitTs });
    return ctx.meta.getSnapshotTs();
  },
});

export const after = query(async (ctx, { at }: { at: bigint }) => {
  const found = await ctx.db.query("commits").collect();
  return found.filter((document) => document.at > at).map((document) => document.name);
});

export const all = query(async (ctx) => {
  const found = await ctx.db.query("commits").collect();
  return found.map(({ at, within, patched }) => ({ at, within, patched }));
});

export const snapshot = query(async (ctx) => ctx.meta.getSnapshotTs());

export const returned = mutation(async (ctx) => `${ctx.db.vars.commitTs}`);
export const computed = mutation(async (ctx) => (ctx.db.vars.commitTs as unknown as number) + 1);
