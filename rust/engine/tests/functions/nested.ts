import { internal } from "./_generated/api";
import { action, internalAction, internalMutation, internalQuery, mutation, query } from "./_generated/server";
import { ConvexError, v } from "convex/values";

const { nested } = internal as any;

/** A call of another function of this module; `catch` gives its error as a value. */
type Step = { run: "Query" | "Mutation" | "Action"; name: string; args?: any; catch?: boolean } | { insert: string };

async function perform(ctx: any, steps: Step[]) {
  const results = [];
  for (const step of steps) {
    if ("insert" in step) {
      results.push(await ctx.db.insert("counters", { name: step.insert, value: 0 }));
      continue;
    }
    try {
      results.push(await ctx[`run${step.run}`](nested[step.name], step.args ?? {}));
    } catch (error: any) {
      if (step.catch !== true) throw error;
      results.push({ message: error.message.split("\n")[0], ...(error instanceof ConvexError && { data: error.data }) });
    }
  }
  return results;
}

const steps = { steps: v.array(v.any()) };
export const queries = query({ args: steps, handler: (ctx, { steps }) => perform(ctx, steps) });
export const mutations = mutation({ args: steps, handler: (ctx, { steps }) => perform(ctx, steps) });
export const actions = action({ args: steps, handler: (ctx, { steps }) => perform(ctx, steps) });

/** The inserted documents, in order. */
export const names = internalQuery({
  args: {},
  returns: v.array(v.string()),
  handler: async (ctx) => (await ctx.db.query("counters").collect()).map((counter: any) => counter.name),
});
export const add = internalMutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    console.log("adds", name);
    await ctx.db.insert("counters", { name, value: 1 });
  },
});
/** Inserts, calls in turn, and fails. */
export const addAndFail = internalMutation({
  args: { name: v.string(), data: v.optional(v.any()), table: v.optional(v.string()) },
  handler: async (ctx, { name, data, table = "counters" }) => {
    await ctx.db.insert(table as any, { name, value: 1 });
    await ctx.runMutation(nested.add, { name: `${name} within` });
    throw data === undefined ? new Error("on purpose") : new ConvexError(data);
  },
});
export const badReturn = internalMutation({
  args: {},
  returns: v.string(),
  handler: async (ctx): Promise<any> => {
    await ctx.db.insert("counters", { name: "bad", value: 1 });
    return 1;
  },
});
export const writesInQuery = internalQuery({
  args: {},
  handler: async (ctx: any) => await ctx.runMutation(nested.add, { name: "q" }),
});
export const down: any = internalQuery({
  args: { levels: v.number() },
  handler: async (ctx, { levels }): Promise<number> =>
    levels === 0 ? 0 : 1 + (await ctx.runQuery(nested.down, { levels: levels - 1 })),
});
export const forever = internalQuery({
  args: {},
  handler: () => {
    for (;;);
  },
});
export const chance = internalQuery({ args: {}, handler: () => [Math.random(), Date.now()] });
export const whoWithin = internalAction({ args: {}, handler: (ctx) => ctx.runQuery(nested.who, {}) });
export const who = query({ args: {}, handler: (ctx) => ctx.auth.getUserIdentity() });

/** Features that the embedded deployment leaves out, used as an app would. */
const uses: Record<string, (ctx: any) => unknown> = {
  scheduler: (ctx) => ctx.scheduler.runAfter(0, nested.add, {}),
  storage: (ctx) => ctx.storage.getUrl("x"),
  search: (ctx) => ctx.db.query("counters").withSearchIndex("search_name", (q: any) => q),
  system: (ctx) => ctx.db.system.query("_storage"),
  fetch: () => fetch("https://example.com"),
  timers: () => setTimeout(() => {}, 1),
};
export const leftOut = mutation({
  args: { use: v.string() },
  handler: async (ctx, { use }) => {
    await uses[use]?.(ctx);
  },
});
