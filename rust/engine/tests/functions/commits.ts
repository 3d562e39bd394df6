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

/** Makes a table with one document, in a commit of its own. */
export const makeTable = mutation(async ({ db }, { name }: { name: string }) => {
  await db.insert("commits", { name, at: db.vars.commitTs, within: [] });
  await db.insert(name as any, {});
});

/** The last table that was made, as a query sees it: its commit, its documents, and the query's snapshot. */
export const lastTable = query(async ({ db, meta }) => {
  const { name, at } = (await db.query("commits").order("desc").first())!;
  return { at, documents: (await db.query(name as any).collect()).length, snapshot: await meta.getSnapshotTs() };
});

export const snapshot = query(async (ctx) => ctx.meta.getSnapshotTs());

export const returned = mutation(async (ctx) => `${ctx.db.vars.commitTs}`);
export const computed = mutation(async (ctx) => (ctx.db.vars.commitTs as unknown as number) + 1);
