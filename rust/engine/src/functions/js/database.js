// `ctx.db`.
//
// `host` is the engine: each of its methods takes and gives plain values, and works in the transaction of the call
// that this isolate is running.

import { leftOut } from "engine/left_out";

const host = globalThis.__host;

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
  async paginate({ cursor, endCursor, numItems, maximumRowsRead, maximumBytesRead }) {
    if (!Number.isInteger(numItems) || numItems < 1) {
      throw new Error(`Invalid argument \`numItems\` for \`paginate\`: a positive integer, not ${numItems}`);
    }
    return host.paginate(this.#spec, { cursor, endCursor, numItems, maximumRowsRead, maximumBytesRead });
  }
  async *[Symbol.asyncIterator]() {
    for (let cursor = null, numItems = 16, done = false; !done; numItems = Math.min(numItems * 2, 256)) {
      const { page, isDone, continueCursor } = host.nextBatch(this.#spec, cursor, numItems);
      yield* page;
      [cursor, done] = [continueCursor, isDone];
    }
  }
}

Query.prototype.withSearchIndex = leftOut("withSearchIndex");

// Methods on a document take its id, or its table's name and its id.
const idOf = (given) => (given.length > 1 ? host.idInTable(given[0], given[1]) : given[0]);

export const reader = {
  async get(...given) {
    return host.get(idOf(given));
  },
  query: (table) => new Query({ table, index: undefined, range: [], order: "asc", filters: [] }),
  normalizeId: (table, id) => host.normalizeId(table, id),
  system: { get: leftOut("ctx.db.system.get"), query: leftOut("ctx.db.system.query") },
};

export const writer = {
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
