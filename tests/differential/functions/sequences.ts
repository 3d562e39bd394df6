// Performs sequences of operations, and returns the outcome of each.
//
// Documents have labels: the text "@a" is the id of the document "a", "^a" its creation time, wherever a value stands;
// results have the labels again, since ids and times differ from deployment to deployment.
import { ConvexError, v } from "convex/values";
import { api } from "./_generated/api";
import { action, mutation, query } from "./_generated/server";
import { misuses } from "./misuses";
import { unsupported } from "./unsupported";

/** The state that a sequence keeps between calls. */
type State = {
  ids: Record<string, string>;
  times: Record<string, number>;
  cursors: Record<string, string>;
};

/** Replaces labels in a value of any depth. The label of a document that isn't stored becomes a deleted id. */
function resolve(value: any, state: State): any {
  if (typeof value === "string") {
    const known = { "@": state.ids, "^": state.times }[value[0] ?? ""];
    return known?.[value.slice(1)] ?? known?.gone ?? value;
  }
  if (Array.isArray(value)) return value.map((item) => resolve(item, state));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, resolve(field, state)]),
  );
}

/** The inverse: a result with labels. */
function labelled(value: any, labels: Map<string, string>): any {
  if (typeof value === "string") return labels.get(value) ?? value;
  if (Array.isArray(value)) return value.map((item) => labelled(item, labels));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== "_creationTime")
      .map(([name, field]) => [name, labelled(field, labels)]),
  );
}

const isObject = (value: any) =>
  typeof value === "object" &&
  value !== null &&
  !(value instanceof ArrayBuffer);

/** A filter from nested lists: `["gt", ["field", "rank"], ["literal", 1]]`; a literal without a value is undefined. */
function expression(q: any, [operator, ...operands]: any[]): any {
  if (operator === "field") return q.field(operands[0]);
  if (operator === "literal") return operands[0];
  return q[operator](...operands.map((operand) => expression(q, operand)));
}

/** A query, without the method that runs it. */
function begin(ctx: any, step: any) {
  let query = ctx.db.query(step.table);
  if (step.index !== undefined) {
    query = query.withIndex(step.index, (q: any) =>
      step.range.reduce(
        (range: any, { type, field, value }: any) => range[type](field, value),
        q,
      ),
    );
  }
  if (step.order !== undefined) query = query.order(step.order);
  for (const filter of step.filters) {
    query = query.filter((q: any) => expression(q, filter));
  }
  return query;
}

async function page(ctx: any, step: any, { cursors }: State) {
  const { from, until, to, numItems, maximumRowsRead } = step.page;
  const found = await begin(ctx, step).paginate({
    cursor: cursors[from] ?? null,
    endCursor: cursors[until] ?? null,
    numItems,
    maximumRowsRead,
  });
  if (to !== undefined) cursors[to] = found.continueCursor;
  // With a given end, `isDone` of convex-test differs.
  return until === undefined
    ? { page: found.page, isDone: found.isDone }
    : { page: found.page };
}

/** The arguments of a method on a document: its table, if it is named, and its id. */
const place = ({ table, id }: any) =>
  table === undefined ? [id] : [table, id];

/** The value that a step writes, with undefined fields and one that no deployment can store. */
const written = (step: any) => ({
  ...step.value,
  ...Object.fromEntries(
    (step.unset ?? []).map((name: string) => [name, undefined]),
  ),
  ...(step.unsupported && { strange: unsupported[step.unsupported]!() }),
});

const operations: Record<string, (ctx: any, step: any, state: State) => any> = {
  async insert(ctx, step, state) {
    const id = await ctx.db.insert(step.table, written(step));
    state.ids[step.label] = id;
    state.times[step.label] = (await ctx.db.get(id))._creationTime;
    return id;
  },
  patch: (ctx, step) => ctx.db.patch(...place(step), written(step)),
  replace: (ctx, step) => ctx.db.replace(...place(step), written(step)),
  delete: (ctx, step) => ctx.db.delete(...place(step)),
  get: (ctx, step) => ctx.db.get(...place(step)),
  normalizeId: (ctx, { table, id }) => ctx.db.normalizeId(table, id),

  collect: (ctx, step) => begin(ctx, step).collect(),
  first: (ctx, step) => begin(ctx, step).first(),
  unique: (ctx, step) => begin(ctx, step).unique(),
  take: (ctx, step) => begin(ctx, step).take(step.n),
  async iterate(ctx, step) {
    const found = [];
    for await (const document of begin(ctx, step)) {
      found.push(document);
      if (found.length === step.n) break;
    }
    return found;
  },
  page,
  /** All pages, each in a call of its own, as a function may ask for one only. */
  async pages(ctx, step) {
    const found = [];
    for (let cursors = {}, isDone = false; !isDone;) {
      const given = {
        ...step,
        op: "page",
        page: { ...step.page, from: "c", to: "c" },
      };
      const state = { ids: {}, times: {}, cursors };
      const reply = await ctx.runQuery(api.sequences.queries, {
        steps: [given],
        state,
      });
      const [{ value, error }] = reply.outcomes;
      if (error !== undefined) throw new Error(error.message);
      found.push(...value.page);
      ({ isDone } = value);
      ({ cursors } = reply.state);
    }
    return found;
  },

  async run(ctx, { kind, steps }, state) {
    const run = { queries: ctx.runQuery, mutations: ctx.runMutation }[
      kind as string
    ]!;
    const reply = await run(api.sequences[kind], { steps, state });
    Object.assign(state, reply.state);
    return reply.outcomes;
  },
  arguments: (ctx, { value }) => ctx.runQuery(api.sequences.checks, value),
  returns: (ctx, { value }) => ctx.runQuery(api.sequences.returned, { value }),
  misuse: (ctx, { name }) => misuses[name]!(ctx),
  throw(_, { message, ...given }) {
    throw "data" in given ? new ConvexError(given.data) : new Error(message);
  },
};

async function perform(
  ctx: any,
  { steps, state: given }: { steps: any[]; state: State },
) {
  const state: State = structuredClone(given);
  const outcomes = [];
  const label = (value: any) =>
    labelled(
      value,
      new Map(
        Object.entries(state.ids).map(([label, id]) => [id, `@${label}`]),
      ),
    );
  for (const step of steps) {
    try {
      const value = await operations[step.op]!(
        ctx,
        resolve(step, state),
        state,
      );
      outcomes.push({ value: label(value) ?? null });
    } catch (error: any) {
      if (step.uncaught === true) throw error;
      const data =
        error instanceof ConvexError ? { data: label(error.data) } : {};
      outcomes.push({ error: { message: error.message, ...data } });
    }
  }
  return { outcomes, state };
}

const args = { steps: v.array(v.any()), state: v.any() };
export const queries = query({ args, handler: perform });
export const mutations = mutation({ args, handler: perform });
export const actions = action({ args, handler: perform });

/** Deletes a part of the sequences' data. True if there is more. */
export const clear = mutation({
  args: {},
  handler: async (ctx: any) => {
    let deleted = 0;
    for (const table of ["notes", "things", "loose"]) {
      for (const { _id } of await ctx.db.query(table).take(500)) {
        await ctx.db.delete(_id);
        deleted += 1;
      }
    }
    return deleted > 0;
  },
});

const fields = v.object({
  text: v.string(),
  number: v.optional(v.number()),
  list: v.optional(v.array(v.union(v.int64(), v.null()))),
  record: v.optional(v.record(v.string(), v.number())),
});
export const checks = query({ args: fields, handler: (_, given) => given });
export const returned = query({
  args: { value: v.any() },
  returns: fields,
  handler: (_, { value }) => value,
});
