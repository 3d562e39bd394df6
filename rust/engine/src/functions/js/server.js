// `convex/server`: registering functions, the schema, and the context that functions get.
//
// `host` is the engine: each of its methods takes and gives plain values, and works in the transaction of the call
// that this isolate is running.

import { ConvexError, asValidator, v } from "convex/values";

const host = globalThis.__host;

// --- Registration ---------------------------------------------------------------------------------------------------

function register(kind, visibility) {
  return (definition) => {
    const handler = typeof definition === "function" ? definition : definition.handler;
    const registered = (ctx, args) => handler(ctx, args);
    registered[`is${kind}`] = true;
    registered[`is${visibility}`] = true;
    registered._handler = handler;
    registered.args = definition.args === undefined ? v.any() : asValidator(definition.args);
    registered.returns =
      definition.returns === undefined || definition.returns === null ? v.any() : asValidator(definition.returns);
    return registered;
  };
}

export const queryGeneric = register("Query", "Public");
export const mutationGeneric = register("Mutation", "Public");
export const actionGeneric = register("Action", "Public");
export const internalQueryGeneric = register("Query", "Internal");
export const internalMutationGeneric = register("Mutation", "Internal");
export const internalActionGeneric = register("Action", "Internal");

/** What the engine keeps of a module: its functions, each with kind, visibility and validators. */
export async function describeModule(path) {
  const functions = [];
  for (const [name, value] of Object.entries(await import(path))) {
    const kind = ["Query", "Mutation", "Action"].find((kind) => value?.[`is${kind}`] === true);
    if (kind !== undefined && value.isPublic !== value.isInternal) {
      functions.push({
        name,
        kind,
        isPublic: value.isPublic === true,
        args: value.args.json,
        returns: value.returns.json,
      });
    }
  }
  return functions;
}

// --- Schema ---------------------------------------------------------------------------------------------------------

class TableDefinition {
  constructor(document) {
    this.validator = document;
    this.indexes = [];
    this.vectorIndexes = [];
  }
  index(indexDescriptor, given) {
    this.indexes.push({ indexDescriptor, fields: Array.isArray(given) ? given : given.fields });
    return this;
  }
  vectorIndex(indexDescriptor, { vectorField, dimensions, filterFields = [] }) {
    this.vectorIndexes.push({ indexDescriptor, vectorField, dimensions, filterFields });
    return this;
  }
  searchIndex(name) {
    throw new Error(`searchIndex("${name}"): the embedded deployment has no full-text search; a Convex deployment has it.`);
  }
}

export function defineTable(document) {
  return new TableDefinition(asValidator(document));
}

export function defineSchema(tables, { schemaValidation = true } = {}) {
  return { tables, schemaValidation };
}

const describe = (tableName, { validator, indexes, vectorIndexes }) => ({
  tableName,
  indexes,
  vectorIndexes,
  documentType: validator.json,
});

/** A schema as the engine takes it. */
export async function describeSchema(path) {
  const { tables, schemaValidation } = (await import(path)).default;
  return { schemaValidation, tables: Object.entries(tables).map(([name, table]) => describe(name, table)) };
}

/** One table, as a module's function defines it with these options. */
export async function describeTable(name, path, definer, options) {
  return describe(name, (await import(path))[definer](options));
}

// --- The context ----------------------------------------------------------------------------------------------------

class IndexRangeBuilder {
  range = [];
}
for (const type of ["eq", "gt", "gte", "lt", "lte"]) {
  IndexRangeBuilder.prototype[type] = function (fieldPath, value) {
    this.range.push({ type, fieldPath, value });
    return this;
  };
}

class Expression {
  constructor(operator, operands) {
    this.operator = operator;
    this.operands = operands;
  }
}
const expression = (given) => (given instanceof Expression ? given : new Expression("literal", [given]));
const filterBuilder = { field: (path) => new Expression("field", [path]) };
for (const operator of ["eq", "neq", "lt", "lte", "gt", "gte", "add", "sub", "mul", "div", "mod", "neg", "and", "or", "not"]) {
  filterBuilder[operator] = (...operands) => new Expression(operator, operands.map(expression));
}

class Query {
  #spec;
  constructor(spec) {
    this.#spec = spec;
  }
  #with(more) {
    return new Query({ ...this.#spec, ...more });
  }
  fullTableScan() {
    return this;
  }
  withIndex(index, range = (q) => q) {
    return this.#with({ index, range: range(new IndexRangeBuilder()).range });
  }
  withSearchIndex(name) {
    throw new Error(`withSearchIndex("${name}"): the embedded deployment has no full-text search; a Convex deployment has it.`);
  }
  order(order) {
    if (order !== "asc" && order !== "desc") throw new Error(`Invalid argument \`order\`: "asc" or "desc", not ${order}`);
    return this.#with({ order });
  }
  filter(predicate) {
    return this.#with({ filters: [...this.#spec.filters, expression(predicate(filterBuilder))] });
  }
  async collect() {
    return host.collect(this.#spec, undefined);
  }
  async take(n) {
    if (!Number.isInteger(n) || n < 0) throw new Error(`Invalid argument \`n\` for \`take\`: a non-negative integer, not ${n}`);
    return host.collect(this.#spec, n);
  }
  async first() {
    return host.collect(this.#spec, 1)[0] ?? null;
  }
  async unique() {
    const found = host.collect(this.#spec, 2);
    if (found.length > 1) {
      throw new Error(`unique() query returned more than one result from table ${this.#spec.table}: [${found.map((document) => document._id).join(", ")}]`);
    }
    return found[0] ?? null;
  }
  async paginate({ cursor, numItems }) {
    if (!Number.isInteger(numItems) || numItems < 1) {
      throw new Error(`Invalid argument \`numItems\` for \`paginate\`: a positive integer, not ${numItems}`);
    }
    return host.paginate(this.#spec, cursor, numItems);
  }
  async *[Symbol.asyncIterator]() {
    for (let cursor = null, numItems = 16, done = false; !done; numItems = Math.min(numItems * 2, 256)) {
      const { page, isDone, continueCursor } = host.paginate(this.#spec, cursor, numItems);
      yield* page;
      [cursor, done] = [continueCursor, isDone];
    }
  }
}

// Methods on a document take its id, or its table's name and its id.
const idOf = (given) => (given.length > 1 ? host.idInTable(given[0], given[1]) : given[0]);

const reader = {
  async get(...given) {
    return host.get(idOf(given));
  },
  query: (table) => new Query({ table, index: undefined, range: [], order: "asc", filters: [] }),
  normalizeId: (table, id) => host.normalizeId(table, id),
};

const writer = {
  ...reader,
  async insert(table, value) {
    return host.insert(table, value);
  },
  async patch(...given) {
    const value = given.pop();
    host.patch(idOf(given), value);
  },
  async replace(...given) {
    const value = given.pop();
    host.replace(idOf(given), value);
  },
  async delete(...given) {
    host.delete(idOf(given));
  },
};

const vectorFilterBuilder = {
  eq: (field, value) => [{ field, value }],
  or: (...conditions) => conditions.flat(),
};

async function vectorSearch(table, index, { vector, limit = 10, filter }) {
  return host.vectorSearch(table, index, vector, limit, filter === undefined ? [] : filter(vectorFilterBuilder));
}

const contexts = {
  Query: { db: reader },
  Mutation: { db: writer },
  Action: { vectorSearch },
};

const functions = new Map();

/** Runs a function; gives `{value}`, or `{thrown}` with what the engine needs to know of an error. */
export async function run(path, name, kind, args) {
  try {
    const key = `${path}:${name}`;
    let handler = functions.get(key);
    if (handler === undefined) {
      handler = (await import(path))[name]._handler;
      functions.set(key, handler);
    }
    return { value: await handler(contexts[kind], args) };
  } catch (error) {
    return { thrown: describeError(error) };
  }
}

function describeError(error) {
  if (error instanceof ConvexError) {
    return { isConvexError: true, data: error.data, message: `ConvexError: ${error.message}`, stack: error.stack };
  }
  if (error instanceof Error) {
    return { hostError: error.hostError, message: `${error.name}: ${error.message}`, stack: error.stack };
  }
  return { message: String(error) };
}

// --- Globals --------------------------------------------------------------------------------------------------------

const RealDate = Date;

/** `Date` with the clock of the call: it stands still while a query or a mutation runs. */
globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(host.now());
    else super(...given);
  }
  static now() {
    return host.now();
  }
};

Math.random = () => host.random();

const show = (value) => (typeof value === "string" ? value : JSON.stringify(value) ?? String(value));
globalThis.console = Object.fromEntries(
  [["debug", "DEBUG"], ["log", "LOG"], ["info", "INFO"], ["warn", "WARN"], ["error", "ERROR"]].map(([method, level]) => [
    method,
    (...values) => host.log(`[${level}] ${values.map(show).join(" ")}`),
  ]),
);

// --- Packed arrays --------------------------------------------------------------------------------------------------

/**
 * The handler behind a packed array: a proxy over `[]`, filled with the numbers when something but its length is first
 * looked at. Until then it is the engine's array number `packed`, and goes back to the engine as that.
 */
class PackedHandler {
  constructor(packed, length) {
    this.packed = packed;
    this.length = length;
  }
  fill(target) {
    if (this.packed !== undefined) {
      const numbers = host.numbers(this.packed);
      this.packed = undefined;
      for (let i = 0; i < numbers.length; i++) target[i] = numbers[i];
    }
    return target;
  }
  get(target, key) {
    if (key === "length" && this.packed !== undefined) return this.length;
    return Reflect.get(this.fill(target), key);
  }
}
for (const trap of ["has", "ownKeys", "getOwnPropertyDescriptor", "set", "defineProperty", "deleteProperty", "preventExtensions"]) {
  PackedHandler.prototype[trap] = function (target, ...rest) {
    if (trap === "set") rest.pop(); // the receiver is the proxy; the numbers live in the target
    return Reflect[trap](this.fill(target), ...rest);
  };
}

export function packedArray(packed, length) {
  return new Proxy([], new PackedHandler(packed, length));
}
