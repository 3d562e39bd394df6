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
  /** The values of the index's first fields. */
  equal: { field: string; value: unknown }[];
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
 */
function bestIndex(
  table: TableName,
  conditions: Condition[],
  ordering?: Ordering,
) {
  let best: Fit | undefined;
  const { indexes } = mastraTables[table].declaration;
  for (const [name, fields] of Object.entries(indexes)) {
    const covered: Condition[] = [];
    // Absent and `null` are a range, which ends what an index can cover.
    let isRange = false;
    for (const field of fields) {
      const condition = conditions.find(
        (c) => c.field === field && c.value !== undefined,
      );
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
  const silent = conditions.find((condition) => !saysSomething(condition));
  if (silent !== undefined) {
    // Every row would satisfy it.
    throw new Error(`Nothing is asked of ${table}.${silent.field}`);
  }
  const index = bestIndex(table, conditions, ordering);
  if (index === undefined) return { ...everyRow(table), others: conditions };
  const { name, fields, covered } = index;
  const bounds = BOUNDS.flatMap((bound) => {
    const value = ordering?.[bound];
    return value === undefined
      ? []
      : [{ field: ordering!.field, bound, value }];
  });
  const equal = covered.map(({ field, value }) => ({ field, value }));
  if (equal[equal.length - 1]?.value === null) {
    // Only absent and `null` are not above `null` in Convex's order.
    bounds.unshift({ ...equal.pop()!, bound: "lte", value: null });
  }
  return {
    table,
    index: name,
    fields,
    equal,
    bounds,
    order: ordering?.order ?? "asc",
    others: conditions.filter((c) => !covered.includes(c)),
  };
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
  return (
    db
      .query(table)
      // Each call returns a builder for what may follow in a known index, which
      // types cannot follow through a loop; `never` stands for the name of each.
      .withIndex(index as never, (q) => {
        let builder: RangeBuilder = q as never;
        for (const { field, value } of equal) {
          builder = builder.eq(field, value);
        }
        for (const { field, bound, value } of bounds) {
          builder = builder[bound](field, value);
        }
        return builder as never;
      })
      .order(order)
  );
}

type RangeBuilder = Record<
  Bound | "eq",
  (field: string, value: unknown) => RangeBuilder
>;
