// Misuses of `ctx`.

const things = (ctx: any) => ctx.db.query("things");

export const misuses: Record<string, (ctx: any) => any> = {
  "take a negative number": (ctx) => things(ctx).take(-1),
  "take half": (ctx) => things(ctx).take(1.5),
  "take nothing said": (ctx) => things(ctx).take(),
  "a page of a negative number": (ctx) =>
    things(ctx).paginate({ cursor: null, numItems: -1 }),
  "a page of no number": (ctx) => things(ctx).paginate({ cursor: null }),
  "order twice": (ctx) => things(ctx).order("asc").order("desc").collect(),
  "an index after an order": (ctx) =>
    things(ctx).order("asc").withIndex("by_a").collect(),
  "two indexes": (ctx) =>
    things(ctx).withIndex("by_a").withIndex("by_path").collect(),
  "a query used twice": async (ctx) => {
    const query = things(ctx).order("asc");
    return [await query.collect(), await query.collect()];
  },
  "a query chained twice": async (ctx) => {
    const query = things(ctx).order("asc");
    return [
      await query.filter((q: any) => q.eq(1, 1)).collect(),
      await query.collect(),
    ];
  },
  "a range used twice": (ctx) =>
    things(ctx)
      .withIndex("by_a_and_b", (q: any) => {
        q.eq("a", 1);
        return q.eq("a", 2);
      })
      .collect(),
  "two pages": async (ctx) => {
    const options = { cursor: null, numItems: 1 };
    return [
      await things(ctx).paginate(options),
      await things(ctx).paginate(options),
    ];
  },
  "read a system table as a user's": (ctx) =>
    ctx.db.query("_storage").collect(),
  "insert into a system table": (ctx) => ctx.db.insert("_storage", {}),
  "normalize a system table's id": (ctx) => ctx.db.normalizeId("_storage", "x"),
  "get a number": (ctx) => ctx.db.get(1),
  "get nothing": (ctx) => ctx.db.get(),
  "insert nothing": (ctx) => ctx.db.insert("things"),
  "insert null": (ctx) => ctx.db.insert("things", null),
  "delete nothing": (ctx) => ctx.db.delete(),
  "a filter without a predicate": (ctx) => things(ctx).filter().collect(),
  "no order": (ctx) => things(ctx).order().collect(),
  "run what is no function": (ctx) => ctx.runQuery("sequences:nothing", {}),
  "run with arguments that are a list": (ctx) =>
    ctx.runQuery("sequences:checks", []),
  "run a mutation as a query": (ctx) =>
    ctx.runQuery("sequences:mutations", { steps: [], state: {} }),
};
