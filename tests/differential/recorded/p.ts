import {
  query,
  mutation,
  action,
  internalQuery,
  internalMutation,
} from "./_generated/server";
import { api, internal } from "./_generated/api";
import { v, ConvexError } from "convex/values";
const any = { x: v.any() };
const q = (f: any) =>
  query({
    args: { x: v.optional(v.any()) },
    handler: async (ctx: any, { x }: any) => await f(ctx, x),
  });
const m = (f: any) =>
  mutation({
    args: { x: v.optional(v.any()) },
    handler: async (ctx: any, { x }: any) => await f(ctx, x),
  });
const a = (f: any) =>
  action({
    args: { x: v.optional(v.any()) },
    handler: async (ctx: any, { x }: any) => await f(ctx, x),
  });
export const ins = m((c: any, x: any) => c.db.insert("notes", x));
export const insPerson = m((c: any, x: any) => c.db.insert("people", x));
export const insNo = m((c: any, x: any) => c.db.insert("nope", x));
export const insVec = m((c: any, x: any) => c.db.insert("vecs", x));
export const get = q((c: any, x: any) => c.db.get(x));
export const get2 = q((c: any, x: any) => c.db.get("notes", x));
export const patch = m(async (c: any, x: any) => {
  await c.db.patch(x.id, x.v);
  return await c.db.get(x.id);
});
export const replace = m(async (c: any, x: any) => {
  await c.db.replace(x.id, x.v);
  return await c.db.get(x.id);
});
export const del = m((c: any, x: any) => c.db.delete(x));
export const norm = q((c: any, x: any) => c.db.normalizeId("notes", x));
export const sys = q((c: any) => c.db.system.query("_storage").collect());
export const undersc = q((c: any) => c.db.query("_tables").collect());
export const unknownTable = q((c: any) => c.db.query("nope").collect());
export const unknownIndex = q((c: any) =>
  c.db.query("notes").withIndex("by_nope").collect(),
);
export const badRange = q((c: any) =>
  c.db
    .query("notes")
    .withIndex("by_text", (q: any) => q.eq("n", 1))
    .collect(),
);
export const twoBounds = q((c: any) =>
  c.db
    .query("notes")
    .withIndex("by_n", (q: any) => q.gt("n", 1).gt("n", 2))
    .collect(),
);
export const emptyRange = q((c: any) =>
  c.db
    .query("notes")
    .withIndex("by_n", (q: any) => q.gt("n", 5).lt("n", 1))
    .collect(),
);
export const unique = q((c: any) => c.db.query("notes").unique());
export const firstNone = q((c: any) => c.db.query("people").first());
export const takeNeg = q((c: any) => c.db.query("notes").take(-1));
export const takeBig = q(
  async (c: any) => (await c.db.query("notes").take(1e6)).length,
);
export const order2 = q((c: any) =>
  c.db.query("notes").order("asc").order("desc").collect(),
);
export const reuse = q(async (c: any) => {
  const z = c.db.query("notes");
  await z.collect();
  return await z.collect();
});
export const page = q(async (c: any, x: any) => {
  const r = await c.db.query("notes").withIndex("by_n").paginate(x);
  return { ...r, page: r.page.map((d: any) => d.text) };
});
export const page2 = q(async (c: any) => {
  await c.db.query("notes").paginate({ cursor: null, numItems: 1 });
  return await c.db.query("notes").paginate({ cursor: null, numItems: 1 });
});
export const filt = q(async (c: any, x: any) =>
  (
    await c.db
      .query("notes")
      .filter((q: any) => q.eq(q.field("n"), x))
      .collect()
  ).map((d: any) => d.text),
);
export const filtCmp = q(async (c: any, x: any) =>
  (
    await c.db
      .query("notes")
      .filter((q: any) => q.gt(q.field("any"), x))
      .collect()
  ).map((d: any) => d.text),
);
export const ordAny = q(async (c: any) =>
  (await c.db.query("notes").withIndex("by_n").collect()).map((d: any) => [
    d.text,
    d.n ?? null,
  ]),
);
export const cerr = q(() => {
  throw new ConvexError({ code: "X", n: 1n });
});
export const cerrS = q(() => {
  throw new ConvexError("plain");
});
export const err = q(() => {
  throw new Error("boom\nsecond line");
});
export const errObj = q(() => {
  throw { a: 1 };
});
export const errNull = q(() => {
  throw null;
});
export const errCause = q(() => {
  throw new Error("outer", { cause: new Error("inner") });
});
export const errNested = a(async (c: any) => await c.runQuery(api.p.err));
export const cerrNested = a(async (c: any) => await c.runQuery(api.p.cerr));
export const caught = m(async (c: any) => {
  try {
    await c.runMutation(internal.p.failing);
  } catch (e: any) {
    return [
      e.message.replace(/Request ID: [0-9a-f]+/, ""),
      e.name,
      e.data ?? null,
    ];
  }
});
export const failing = internalMutation({
  args: {},
  handler: async (c: any) => {
    await c.db.insert("people", { name: "ghost" });
    throw new Error("rolled back");
  },
});
export const ghosts = q(
  async (c: any) => (await c.db.query("people").collect()).length,
);
export const hidden = internalQuery({
  args: {},
  handler: async () => "hidden",
});
export const runHidden = q((c: any) => c.runQuery(internal.p.hidden));
export const log = q(() => {
  console.log(
    "a",
    1,
    { b: [1, "x", null, undefined, 2n] },
    [1, 2],
    new Map([[1, 2]]),
    new Error("e"),
    Symbol("s"),
    () => 1,
    new Date(0),
    /re/,
  );
  console.warn("w");
  console.error("e");
  console.info("i");
  console.debug("d");
  console.table([{ a: 1 }]);
  console.log("%s and %d", "fmt", 3);
  console.log(undefined);
  console.log();
  return null;
});
export const retDate = q(() => new Date(0));
export const retMap = q(() => new Map([[1, 2]]));
export const retSet = q(() => new Set([1]));
export const retFn = q(() => () => 1);
export const retSym = q(() => Symbol("a"));
export const retUndefField = q(() => ({ a: undefined, b: 1 }));
export const retUndefArr = q(() => [undefined, 1]);
export const retBuf = q(() => new Uint8Array([1, 2, 3]).buffer);
export const retU8 = q(() => new Uint8Array([1, 2, 3]));
export const retClass = q(
  () =>
    new (class A {
      b = 1;
    })(),
);
export const retBig = q(() => 2n ** 64n);
export const retNull = q(() => null);
export const retProto = q(() => Object.create({ a: 1 }));
export const retCyc = q(() => {
  const o: any = {};
  o.o = o;
  return o;
});
export const retDeep = q((c: any, x: any) => {
  let o: any = 1;
  for (let i = 0; i < x; i++) o = [o];
  return o;
});
export const retEmptyKey = q(() => ({ "": 1 }));
export const retUnderscore = q(() => ({ _a: 1 }));
export const retUnicode = q(() => ({ é: 1 }));
export const retLong = q((c: any, x: any) => "x".repeat(x));
export const retArr = q((c: any, x: any) => new Array(x).fill(1));
export const retLone = q(() => "\ud800");
export const loop = q(() => {
  for (;;);
});
export const mem = q(() => {
  const a: any[] = [];
  for (;;) a.push(new Array(1000).fill(a.length));
});
export const stack = q(() => {
  const f = (): any => f() + 1;
  return f();
});
export const never = q(() => new Promise(() => {}));
export const time = q(() => [
  typeof Date.now(),
  Date.now() - new Date().getTime(),
  typeof performance,
]);
export const rand = q(() => typeof Math.random());
export const fetchQ = q(() => fetch("http://127.0.0.1:1/"));
export const timeoutQ = q(() => new Promise((r) => setTimeout(r, 1)));
export const env = q(() => [
  typeof process,
  typeof process?.env,
  process?.env?.NOPE ?? null,
]);
export const crypto1 = q(async () => [
  typeof crypto,
  typeof crypto?.subtle,
  typeof crypto?.randomUUID,
]);
export const digest = q(async () =>
  Array.from(
    new Uint8Array(
      await crypto.subtle.digest("SHA-256", new TextEncoder().encode("a")),
    ),
  ).slice(0, 4),
);
export const url = q(() => [
  new URL("https://a.b/c?d=1#e").searchParams.get("d"),
  new URLSearchParams("a=1&b=2").toString(),
]);
export const blob = q(async () => await new Blob(["ab"]).text());
export const sc = q(() => structuredClone({ a: new Date(0) }).a.getTime());
export const atob1 = q(() => [btoa("hi"), atob("aGk=")]);
export const intl = q(() => [
  typeof Intl,
  (1234.5).toLocaleString(),
  new Date(0).toLocaleDateString("en-US"),
]);
export const re = q(() => [
  "aBc".match(/(?<x>B)/u)?.groups?.x,
  "a1b2".replaceAll(/\d/g, "#"),
  /\p{L}/u.test("é"),
]);
export const sortStable = q(() => [3, 1, 2].toSorted());
export const dateTz = q(() => [
  new Date(0).getTimezoneOffset(),
  new Date(2020, 0, 1).toISOString(),
]);
export const parseDate = q(() => [
  Date.parse("2020-01-01"),
  Date.parse("2020-01-01T00:00:00"),
  Date.parse("Jan 1, 2020"),
]);
export const dynImport = q(
  async () => typeof (await import("./_generated/api")).api,
);
export const identity = q((c: any) => c.auth.getUserIdentity());
export const vs = a((c: any, x: any) =>
  c.vectorSearch(
    "vecs",
    "by_e",
    x.filter
      ? {
          vector: x.vector,
          limit: x.limit,
          filter: (q: any) => q.eq("k", x.filter),
        }
      : { vector: x.vector, limit: x.limit },
  ),
);
export const vsNo = a((c: any) =>
  c.vectorSearch("vecs", "nope", { vector: [1, 2, 3], limit: 1 }),
);
export const vsOr = a((c: any) =>
  c.vectorSearch("vecs", "by_e", {
    vector: [1, 0, 0],
    limit: 10,
    filter: (q: any) => q.or(q.eq("k", "a"), q.eq("k", "b")),
  }),
);
export const sched = m((c: any) => c.scheduler.runAfter(0, api.p.retNull, {}));
export const args1 = query({
  args: {
    s: v.string(),
    n: v.optional(v.number()),
    u: v.optional(v.union(v.literal("a"), v.null())),
    id: v.optional(v.id("notes")),
    arr: v.optional(v.array(v.boolean())),
    rec: v.optional(v.record(v.string(), v.number())),
    b: v.optional(v.bytes()),
    i: v.optional(v.int64()),
  },
  handler: async (_, x) => x,
});
export const rets = query({
  args: { x: v.any() },
  returns: v.object({ a: v.string() }),
  handler: async (_, { x }) => x,
});
export const conflict = m(async (c: any, x: any) => {
  const p = await c.db.query("people").first();
  await c.db.patch(p._id, { name: String(Number(p.name) + 1) });
});
export const many = m(async (c: any, x: any) => {
  for (let i = 0; i < x; i++) await c.db.insert("people", { name: "p" });
  return x;
});
export const bigdoc = m((c: any, x: any) =>
  c.db.insert("notes", { text: "x".repeat(x) }),
);
export const manyReads = q(async (c: any, x: any) => {
  for (let i = 0; i < x; i++)
    await c.db.query("people").withIndex("by_creation_time").first();
  return x;
});
export const depth = a(async (c: any, x: any): Promise<any> =>
  x === 0 ? 0 : 1 + (await c.runAction(api.p.depth, { x: x - 1 })),
);
export const qdepth = q(async (c: any, x: any): Promise<any> =>
  x === 0 ? 0 : 1 + (await c.runQuery(api.p.qdepth, { x: x - 1 })),
);
export const meta = q(async (c: any) => {
  const f = await c.meta.getFunctionMetadata();
  return f;
});
export const metrics = q(async (c: any) => {
  await c.db.query("people").first();
  return await c.meta.getTransactionMetrics();
});
export const creation = m(async (c: any) => {
  const a = await c.db.insert("people", { name: "t" });
  const b = await c.db.insert("people", { name: "t" });
  const [x, y] = [await c.db.get(a), await c.db.get(b)];
  return [
    x._creationTime < y._creationTime,
    typeof x._creationTime,
    Number.isInteger(x._creationTime),
    Math.abs(x._creationTime - Date.now()) < 1000,
  ];
});
