// `ctx.db`.
//
// `host` is the engine: each of its methods takes and gives plain values, and works in the transaction of the call
// that this isolate is running.

import { leftOut } from "engine/left_out";
import { CommitTsPlaceholder } from "convex/values";

const host = globalThis.__host;

/** The conditions of an index range so far. They can be continued only once, since other conditions would be lost. */
class IndexRangeBuilder {
  #range;
  constructor(range) {
    this.#range = range;
  }
  use() {
    const range = this.#range;
    if (range === undefined) {
      throw new Error("IndexRangeBuilder has already been used! Chain your method calls like `q => q.eq(...).eq(...)`.");
    }
    this.#range = undefined;
    return range;
  }
}
for (const type of ["eq", "gt", "gte", "lt", "lte"]) {
  IndexRangeBuilder.prototype[type] = function (fieldPath, value) {
    const range = this.use();
    range.push({ type, fieldPath, value });
    return new IndexRangeBuilder(range);
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

/** A query of a table, without an index yet. Only this one can choose an index. */
class QueryInitializer {
  #table;
  constructor(table) {
    this.#table = table;
  }
  fullTableScan() {
    return new Query({ table: this.#table, range: [], filters: [] });
  }
  withIndex(index, range = (q) => q) {
    return new Query({ table: this.#table, index, range: range(new IndexRangeBuilder([])).use(), filters: [] });
  }
}
for (const method of ["order", "filter", "collect", "take", "first", "unique", "paginate", Symbol.asyncIterator]) {
  QueryInitializer.prototype[method] = function (...given) {
    return this.fullTableScan()[method](...given);
  };
}
QueryInitializer.prototype.withSearchIndex = leftOut("withSearchIndex");

class Query {
  #spec;
  constructor(spec) {
    this.#spec = spec;
  }
  /** The requested query; chaining or running it uses it up. */
  #use() {
    const spec = this.#spec;
    if (spec === undefined) {
      throw new Error("A query can only be chained once and can't be chained after iteration begins.");
    }
    this.#spec = undefined;
    return spec;
  }
  order(order) {
    if (order !== "asc" && order !== "desc") throw new Error(`Invalid argument \`order\`: "asc" or "desc", not ${order}`);
    const spec = this.#use();
    if (spec.order !== undefined) throw new Error("Queries may only specify order at most once");
    spec.order = order;
    return new Query(spec);
  }
  filter(predicate) {
    const spec = this.#use();
    spec.filters.push(expression(predicate(filterBuilder)));
    return new Query(spec);
  }
  async collect() {
    return host.collect(this.#use(), undefined);
  }
  async take(n) {
    if (!Number.isInteger(n) || n < 0) throw new Error(`Invalid argument \`n\` for \`take\`: a non-negative integer, not ${n}`);
    return host.collect(this.#use(), n);
  }
  async first() {
    return host.collect(this.#use(), 1)[0] ?? null;
  }
  async unique() {
    const spec = this.#use();
    const found = host.collect(spec, 2);
    if (found.length > 1) {
      throw new Error(`unique() query returned more than one result from table ${spec.table}: [${found.map((document) => document._id).join(", ")}]`);
    }
    return found[0] ?? null;
  }
  async paginate({ cursor, endCursor, numItems, maximumRowsRead, maximumBytesRead }) {
    if (typeof numItems !== "number" || numItems < 0) {
      throw new Error(`\`options.numItems\` must be a positive number. Received \`${numItems}\`.`);
    }
    if (numItems === 0) throw new Error("Must request at least 1 document while paginating");
    if (!Number.isInteger(numItems)) throw new Error(`\`options.numItems\` must be an integer. Received \`${numItems}\`.`);
    return host.paginate(this.#use(), { cursor, endCursor, numItems, maximumRowsRead, maximumBytesRead });
  }
  async *[Symbol.asyncIterator]() {
    const spec = this.#use();
    for (let cursor = null, numItems = 16, done = false; !done; numItems = Math.min(numItems * 2, 256)) {
      const { page, isDone, continueCursor } = host.nextBatch(spec, cursor, numItems);
      yield* page;
      [cursor, done] = [continueCursor, isDone];
    }
  }
}

// Methods on a document take its id, or its table's name and its id.
const idOf = (given) => (given.length > 1 ? host.idInTable(given[0], given[1]) : given[0]);

/** A user's table, by a name that can be one. */
function userTable(table, method) {
  if (String(table).startsWith("_")) throw new Error(`System tables can only be accessed from db.system.${method}().`);
  return table;
}

/** Methods on the documents of one table. */
function tableReader(table) {
  return { get: (id) => reader.get(table, id), query: () => reader.query(table) };
}

function tableWriter(table) {
  return {
    ...tableReader(table),
    insert: (value) => writer.insert(table, value),
    patch: (id, value) => writer.patch(table, id, value),
    replace: (id, value) => writer.replace(table, id, value),
    delete: (id) => writer.delete(table, id),
  };
}

export const reader = {
  table: tableReader,
  async get(...given) {
    return host.get(idOf(given));
  },
  query: (table) => new QueryInitializer(userTable(table, "query")),
  normalizeId: (table, id) => host.normalizeId(userTable(table, "normalizeId"), id),
  system: { get: leftOut("ctx.db.system.get"), query: leftOut("ctx.db.system.query") },
};

/** The placeholder that the engine replaces with the timestamp. */
export const commitTs = new CommitTsPlaceholder();

export const writer = {
  ...reader,
  table: tableWriter,
  vars: { commitTs },
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
