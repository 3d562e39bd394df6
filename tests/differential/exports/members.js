// The exports of `convex/server` and `convex/values`, and the members of their results.

/** The names of an object's members, those of its class too. */
function members(object) {
  const names = new Set();
  for (
    let next = object;
    next !== null && next !== Object.prototype && next !== Function.prototype;
    next = Object.getPrototypeOf(next)
  ) {
    for (const key of Reflect.ownKeys(next))
      if (typeof key === "string") names.add(key);
  }
  return [...names]
    .filter((name) => !["constructor", "length", "name"].includes(name))
    .sort();
}

/** The members of all that can be made without a deployment, by what makes it. */
export function offered(server, values) {
  const { v } = values;
  const made = {
    "convex/server": server,
    "convex/values": values,
    v,
    Base64: values.Base64,
    log: server.log,
    "log.vars": server.log.vars,
    ConvexError: new values.ConvexError("x"),
    defineTable: server.defineTable({ a: v.string() }),
    defineSchema: server.defineSchema({}),
  };
  const validators = {
    id: ["notes"],
    literal: ["a"],
    array: [v.any()],
    object: [{}],
    record: [v.string(), v.any()],
    union: [v.null()],
    optional: [v.any()],
    nullable: [v.any()],
  };
  for (const name of Object.keys(v))
    made[`v.${name}`] = v[name](...(validators[name] ?? []));
  for (const kind of ["query", "mutation", "action"]) {
    const internal = `internal${kind[0].toUpperCase()}${kind.slice(1)}`;
    for (const name of [kind, internal])
      made[name] = server[`${name}Generic`]({ args: {}, handler() {} });
  }
  return Object.fromEntries(
    Object.entries(made).map(([name, object]) => [name, members(object)]),
  );
}
