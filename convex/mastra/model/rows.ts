/**
 * Finding the rows of any table, by index, and deleting them, within what one
 * call may read.
 *
 * @module
 */
import { mastraTables } from "../schema";
import type { StorageReply } from "../validators";
import {
  BOUNDS,
  saysSomething,
  type Bound,
  type Condition,
  type Ordering,
} from "./conditions";
import type {
  AnyReadCtx,
  AnyRows,
  AnyWriteCtx,
  StoredRow,
  TableName,
} from "./server";

/** Mastra's number of rows one call clears; the client repeats while `hasMore`. */
export const ROWS_CLEARED_PER_CALL = 25;

/** Rows that one call counts by reading them. */
export const ROWS_COUNTED_PER_CALL = 1000;

/** Half of the 16 MiB a transaction may read: https://docs.convex.dev/production/state/limits */
const MAX_BYTES_READ = 8 * 1024 * 1024;

/** Half of the 32,000 documents a transaction may read. Documents that a filter skips count too. */
const MAX_DOCUMENTS_READ = 16_000;

/** Mastra's bound on a read without pages; Convex's own is 32,000 a transaction. */
export const MAX_ROWS_READ = 10_000;

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
    const fit = { name, covered, isExact: used === fields.length };
    if (best === undefined || isBetter(fit, best)) best = fit;
  }
  return best;
}

type Fit = { name: string; covered: Condition[]; isExact: boolean };

function isBetter(a: Fit, b: Fit): boolean {
  const difference = a.covered.length - b.covered.length;
  return difference > 0 || (difference === 0 && a.isExact && !b.isExact);
}

/** The rows that satisfy all conditions, through the index that fits best. */
export function rowsWhere(
  { db }: AnyReadCtx,
  table: TableName,
  conditions: Condition[],
  ordering?: Ordering,
): AnyRows {
  const silent = conditions.find((condition) => !saysSomething(condition));
  if (silent !== undefined) {
    // Every row would satisfy it.
    throw new Error(`Nothing is asked of ${table}.${silent.field}`);
  }
  const index = bestIndex(table, conditions, ordering);
  if (index === undefined) return satisfying(db.query(table), conditions);
  const range = db
    .query(table)
    // Each call returns a builder for what may follow in a known index, which
    // types cannot follow through a loop; `never` stands for the name of each.
    .withIndex(index.name as never, (q) => {
      let builder: RangeBuilder = q as never;
      for (const { field, value } of index.covered) {
        // Only absent and `null` are not above `null` in Convex's order.
        builder =
          value === null ? builder.lte(field, null) : builder.eq(field, value);
      }
      for (const bound of BOUNDS) {
        const value = ordering?.[bound];
        if (value !== undefined)
          builder = builder[bound](ordering!.field, value);
      }
      return builder as never;
    })
    .order(ordering?.order ?? "asc");
  return satisfying(
    range,
    conditions.filter((c) => !index.covered.includes(c)),
  );
}

type RangeBuilder = Record<
  Bound | "eq",
  (field: string, value: unknown) => RangeBuilder
>;

/** Of some rows those that satisfy conditions. */
export function satisfying(rows: AnyRows, conditions: Condition[]): AnyRows {
  if (conditions.length === 0) return rows;
  // Only for conditions that no index covers.
  // eslint-disable-next-line @convex-dev/no-filter-in-query
  return rows.filter((q) =>
    q.and(
      ...conditions.map((condition) => {
        const field = q.field(condition.field);
        const equals = (value: unknown) =>
          value === null ? q.lte(field, null) : q.eq(field, value as never);
        if (condition.value !== undefined) return equals(condition.value);
        if (condition.values) return q.or(...condition.values.map(equals));
        const bounds = BOUNDS.filter((bound) => condition[bound] !== undefined);
        return q.and(
          q.gt(field, null),
          ...bounds.map((bound) => q[bound](field, condition[bound] as never)),
        );
      }),
    ),
  );
}

/** The reply to a request in an order that no index has. */
export function refusedOrder(
  table: TableName,
  conditions: Condition[],
  ordering: Ordering | undefined,
): StorageReply | undefined {
  if (
    ordering === undefined ||
    bestIndex(table, conditions, ordering) !== undefined
  ) {
    return undefined;
  }
  return {
    ok: false,
    code: "InvalidRequest",
    error: `${table} has no index for these filters in the order of ${ordering.field}`,
  };
}

/** Up to `numItems` rows, fewer where they are large or the filters leave few. */
export async function pageOf(
  rows: AnyRows,
  cursor: string | null,
  numItems: number,
  maximumBytesRead = MAX_BYTES_READ,
) {
  const { page, isDone, continueCursor } = await rows.paginate({
    cursor,
    numItems,
    maximumBytesRead,
    maximumRowsRead: MAX_DOCUMENTS_READ,
  });
  return {
    ok: true as const,
    result: page,
    hasMore: !isDone,
    continuationCursor: continueCursor,
  };
}

/** Delete the first of these rows; true if there are more of them. */
export async function clearSome(
  { db }: AnyWriteCtx,
  table: string,
  rows: AnyRows,
): Promise<boolean> {
  const { some, hasMore } = await firstOf(rows);
  for (const row of some) await db.delete(table, row._id);
  return hasMore;
}

/** The first rows, few enough to delete in one call, and whether there are more. */
export async function firstOf(rows: AnyRows, limit = ROWS_CLEARED_PER_CALL) {
  const some: StoredRow[] = [];
  let bytes = 0;
  for await (const row of rows) {
    // Deleting a row reads it again.
    if (some.length === limit || bytes > MAX_BYTES_READ / 2) {
      return { some, hasMore: true };
    }
    some.push(row);
    bytes += sizeOf(row);
  }
  return { some, hasMore: false };
}

/**
 * The approximate size of a row in bytes, rather more than less. The size of an
 * embedding is small beside the limit of 25 rows, so it isn't read.
 */
function sizeOf(row: object): number {
  let bytes = 0;
  const text = JSON.stringify(row, (name, value) => {
    if (name === "embedding") return undefined;
    if (value instanceof ArrayBuffer) bytes += value.byteLength;
    return typeof value === "bigint" ? String(value) : value;
  });
  return (
    bytes + (/[^\u0000-\u007f]/.test(text) ? 3 * text.length : text.length)
  );
}
