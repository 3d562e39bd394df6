/**
 * The range of an index in which the rows of a request are.
 *
 * @module
 */
import { mastraTables } from "../schema";
import {
  BOUNDS,
  saysSomething,
  type Bound,
  type Condition,
  type Ordering,
} from "./conditions";
import type { AnyReadCtx, AnyRows, TableName } from "./server";

/** Rows in the order of an index, and what they must satisfy besides. */
export type Range = {
  table: string;
  /** The index and its fields; without one, all rows in stored order. */
  index: string | undefined;
  fields: readonly string[];
  /** The conditions on the index's first fields, each with a value. */
  equal: Condition[];
  /** Bounds on the field after these. */
  bounds: { field: string; bound: Bound; value: unknown }[];
  order: Ordering["order"];
  /** The conditions that no index covers. */
  others: Condition[];
};

/**
 * The index whose leading fields the most conditions name, and those conditions.
 * Of several, one without further fields, which gives the rows in stored order;
 * else the first in the table's declaration.
 *
 * Each read of a table chooses an index, so this is a loop without closures:
 * QuickJS has no compiler.
 */
function bestIndex(
  table: TableName,
  conditions: Condition[],
  ordering?: Ordering,
) {
  const asked = new Map<string, Condition>();
  for (const condition of conditions) {
    const { field, value } = condition;
    if (value !== undefined && !asked.has(field)) asked.set(field, condition);
  }
  let best: Fit | undefined;
  for (const { name, fields } of mastraTables[table].declaration.indexes) {
    const first = fields[0]!;
    if (!asked.has(first) && first !== ordering?.field) continue;
    const covered: Condition[] = [];
    // Absent and `null` are a range, which ends what an index can cover.
    let isRange = false;
    for (const field of fields) {
      const condition = asked.get(field);
      if (condition === undefined || isRange) break;
      covered.push(condition);
      isRange = condition.value === null;
    }
    const isOrdered =
      ordering === undefined ||
      (fields[covered.length] === ordering.field && !isRange);
    const used = covered.length + (ordering === undefined ? 0 : 1);
    if (!isOrdered || used === 0) continue;
    const isExact = used === fields.length;
    const fit = { name, fields, covered, isExact };
    if (best === undefined || isBetter(fit, best)) best = fit;
  }
  return best;
}

type Fit = {
  name: string;
  fields: readonly string[];
  covered: Condition[];
  isExact: boolean;
};

function isBetter(a: Fit, b: Fit): boolean {
  const difference = a.covered.length - b.covered.length;
  return difference > 0 || (difference === 0 && a.isExact && !b.isExact);
}

/** Whether some index has the rows in this order. */
export function hasOrder(
  table: TableName,
  conditions: Condition[],
  ordering: Ordering | undefined,
): boolean {
  return (
    ordering === undefined ||
    bestIndex(table, conditions, ordering) !== undefined
  );
}

/** The range of the rows that satisfy all conditions, of the index that fits best. */
export function rangeOf(
  table: TableName,
  conditions: Condition[],
  ordering?: Ordering,
): Range {
  for (const condition of conditions) {
    if (saysSomething(condition)) continue;
    // Every row would satisfy it.
    throw new Error(`Nothing is asked of ${table}.${condition.field}`);
  }
  const index = bestIndex(table, conditions, ordering);
  if (index === undefined) return { ...everyRow(table), others: conditions };
  const { name, fields, covered } = index;
  const equal = [...covered];
  const bounds = ordering === undefined ? [] : boundsOf(ordering);
  if (equal[equal.length - 1]?.value === null) {
    // Only absent and `null` are not above `null` in Convex's order.
    bounds.unshift({ field: equal.pop()!.field, bound: "lte", value: null });
  }
  return {
    table,
    index: name,
    fields,
    equal,
    bounds,
    order: ordering?.order ?? "asc",
    others:
      covered.length === conditions.length
        ? []
        : conditions.filter((c) => !covered.includes(c)),
  };
}

function boundsOf(ordering: Ordering): Range["bounds"] {
  const { field } = ordering;
  return BOUNDS.filter((bound) => ordering[bound] !== undefined).map(
    (bound) => ({ field, bound, value: ordering[bound] }),
  );
}

/** All rows of a table, in stored order. */
export function everyRow(table: string): Range {
  return {
    table,
    index: undefined,
    fields: [],
    equal: [],
    bounds: [],
    order: "asc",
    others: [],
  };
}

/** The rows in a range of an index, whatever they must satisfy besides. */
export function rowsIn(
  { db }: AnyReadCtx,
  { table, index, equal, bounds, order }: Range,
): AnyRows {
  if (index === undefined) return db.query(table);
  // Each call returns a builder for what may follow in a known index, which
  // types cannot follow through a loop; `never` stands for the name of each.
  const rows = db.query(table).withIndex(index as never, (q) => {
    let builder: RangeBuilder = q as never;
    for (const { field, value } of equal) {
      builder = builder.eq(field, value);
    }
    for (const { field, bound, value } of bounds) {
      builder = builder[bound](field, value);
    }
    return builder as never;
  });
  return order === "asc" ? rows : rows.order(order);
}

type RangeBuilder = Record<
  Bound | "eq",
  (field: string, value: unknown) => RangeBuilder
>;
