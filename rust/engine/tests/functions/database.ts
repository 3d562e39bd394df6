import { actionGeneric as action, internalQueryGeneric as internalQuery } from "convex/server";
import { mutationGeneric as mutation, queryGeneric as query } from "convex/server";
import { ConvexError, v } from "convex/values";

type Bound = { type: "eq" | "gt" | "gte" | "lt" | "lte"; field: string; value?: any };
type Filter = { type: string; field: string; value?: any };
type Request = { table: string; index?: string; range?: Bound[]; order?: "asc" | "desc"; filters?: Filter[] };

function build(db: any, { table, index, range = [], order = "asc", filters = [] }: Request) {
  let query = db.query(table);
  if (index !== undefined) {
    query = query.withIndex(index, (q: any) => range.reduce((q, { type, field, value }) => q[type](field, value), q));
  }
  query = query.order(order);
  for (const { type, field, value } of filters) query = query.filter((q: any) => q[type](q.field(field), value));
  return query;
}

export const collect = query({ args: v.any(), handler: (ctx, request: any) => build(ctx.db, request).collect() });
export const first = query({ args: v.any(), handler: (ctx, request: any) => build(ctx.db, request).first() });
export const unique = query({ args: v.any(), handler: (ctx, request: any) => build(ctx.db, request).unique() });
export const take = query({ args: v.any(), handler: (ctx, request: any) => build(ctx.db, request).take(request.n) });
export const paginate = query({
  args: v.any(),
  handler: (ctx, request: any) =>
    build(ctx.db, request).paginate({ cursor: request.cursor ?? null, numItems: request.numItems }),
});
export const iterate = query({
  args: v.any(),
  handler: async (ctx, request: any) => {
    const found = [];
    for await (const document of build(ctx.db, request)) {
      if (found.push(document) === request.n) break;
    }
    return found;
  },
});
export const get = query({ args: { id: v.string() }, handler: (ctx, { id }) => ctx.db.get(id as any) });
export const normalize = query({
  args: { table: v.string(), id: v.string() },
  handler: (ctx, { table, id }) => ctx.db.normalizeId(table, id),
});

type Write =
  | { op: "insert"; table: string; value: any }
  | { op: "patch" | "replace"; id: any; value: any; unset?: string[] }
  | { op: "delete"; id: any };

async function apply(db: any, write: Write) {
  switch (write.op) {
    case "insert":
      return await db.insert(write.table, write.value);
    case "patch":
      return await db.patch(write.id, {
        ...write.value,
        ...Object.fromEntries((write.unset ?? []).map((name) => [name, undefined])),
      });
    case "replace":
      return await db.replace(write.id, write.value);
    case "delete":
      return await db.delete(write.id);
  }
}

/** Does the writes in order, in one transaction. Returns the ids of inserted documents. */
export const write = mutation({
  args: v.any(),
  handler: async ({ db }, { writes, thenThrow }: { writes: Write[]; thenThrow?: string }) => {
    const results = [];
    for (const write of writes) results.push((await apply(db, write)) ?? null);
    if (thenThrow !== undefined) throw new Error(thenThrow);
    return results;
  },
});

/** Does the writes one by one, and continues if one fails. Returns the messages of the failures. */
export const tryEach = mutation({
  args: v.any(),
  handler: async ({ db }, { writes }: { writes: Write[] }) => {
    const messages = [];
    for (const write of writes) {
      try {
        await apply(db, write);
        messages.push(null);
      } catch (error: any) {
        messages.push(error.message);
      }
    }
    return messages;
  },
});

/** Writes an invalid value to a document that doesn't exist. */
export const writeTwiceWrong = mutation({
  args: { op: v.string() },
  handler: async (ctx: any, { op }) => ctx.db[op]("nonsense", { a: { $b: 1 } }),
});
export const insertMany = mutation({
  args: { table: v.string(), count: v.number(), bytes: v.optional(v.number()) },
  handler: async ({ db }, { table, count, bytes = 0 }) => {
    for (let i = 0; i < count; i++) await db.insert(table, { a: i, text: "x".repeat(bytes) });
    return null;
  },
});

/** Reads a table, and returns how much of its limits the query has used. */
export const metrics = query({
  args: { table: v.string() },
  handler: async (ctx, { table }) => {
    await ctx.db.query(table as any).collect();
    return await ctx.meta.getTransactionMetrics();
  },
});

export const makeTable = mutation({
  args: { table: v.string() },
  returns: v.any(),
  handler: async ({ db }, { table }) => await db.insert(table, {}),
});
export const makeFriend = mutation({
  args: {},
  returns: v.id("made_on_the_way"),
  handler: async ({ db }) => (await db.insert("made_on_the_way", {})) as any,
});

export const increment = mutation({
  args: { name: v.string() },
  returns: v.number(),
  handler: async ({ db }, { name }) => {
    const found: any = await db.query("counters").withIndex("by_name", (q: any) => q.eq("name", name)).unique();
    if (found === null) {
      await db.insert("counters", { name, value: 1 });
      return 1;
    }
    await db.patch(found._id, { value: found.value + 1 });
    return found.value + 1;
  },
});
/** Two documents that every mutation changes together. */
export const move = mutation({
  args: { amount: v.number() },
  handler: async ({ db }, { amount }) => {
    const accounts: any[] = await db.query("counters").collect();
    await db.patch(accounts[0]._id, { value: accounts[0].value - amount });
    await db.patch(accounts[1]._id, { value: accounts[1].value + amount });
    return null;
  },
});
export const total = query({
  args: {},
  returns: v.number(),
  handler: async ({ db }) => (await db.query("counters").collect()).reduce((sum: number, { value }: any) => sum + value, 0),
});

/** The handler doesn't await this write, which still is part of its transaction. */
export const writeLate = mutation({
  args: {},
  handler: async ({ db }) => {
    void Promise.resolve()
      .then(() => null)
      .then(() => db.insert("free", { a: "late" }));
    return null;
  },
});

export const searchVectors = action({
  args: v.any(),
  handler: (ctx: any, { table = "vectors", index = "by_embedding", vector, limit, any: conditions }: any) =>
    ctx.vectorSearch(table, index, {
      vector,
      limit,
      filter:
        conditions &&
        ((q: any) => q.or(...conditions.map(({ field, value }: any) => q.eq(field, value)))),
    }),
});

export const secret = internalQuery({ args: {}, handler: () => "secret" });
export const typed = query({
  args: { n: v.number(), name: v.optional(v.string()) },
  returns: v.object({ n: v.number() }),
  handler: (_, { n }) => (n === 13 ? ({ n: "thirteen" } as any) : { n }),
});
export const fail = query({
  args: { data: v.any() },
  handler: (_, { data }) => {
    throw new ConvexError(data);
  },
});
export const paginateTwice = query({
  args: {},
  handler: async (ctx) => {
    const options = { cursor: null, numItems: 1 };
    await ctx.db.query("free").paginate(options);
    return await ctx.db.query("free").paginate(options);
  },
});
