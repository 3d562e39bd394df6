/**
 * Finding the rows of any table, by index, and deleting them, within what one
 * call may read.
 *
 * @module
 */
import type { StorageReply } from "../validators";
import { isComponent } from "./component";
import { componentPage } from "./componentPages";
import { holding, type Condition, type Ordering } from "./conditions";
import { hasOrder, rangeOf, rowsIn, type Range } from "./ranges";
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

/** The rows of a range, by an index as far as there is one. */
export function rowsOf(ctx: AnyReadCtx, range: Range): AnyRows {
  return satisfying(rowsIn(ctx, range), range.others);
}

/** The rows that satisfy all conditions, through the index that fits best. */
export function rowsWhere(
  ctx: AnyReadCtx,
  table: TableName,
  conditions: Condition[],
  ordering?: Ordering,
): AnyRows {
  return rowsOf(ctx, rangeOf(table, conditions, ordering));
}

/** Of some rows those that satisfy conditions. */
export function satisfying(rows: AnyRows, conditions: Condition[]): AnyRows {
  if (conditions.length === 0) return rows;
  // Only for conditions that no index covers.
  // eslint-disable-next-line @convex-dev/no-filter-in-query
  return rows.filter((q) => holding(q as never, conditions));
}

/** The reply to a request in an order that no index has. */
export function refusedOrder(
  table: TableName,
  conditions: Condition[],
  ordering: Ordering | undefined,
): StorageReply | undefined {
  if (hasOrder(table, conditions, ordering)) return undefined;
  return {
    ok: false,
    code: "InvalidRequest",
    error: `${table} has no index for these filters in the order of ${ordering!.field}`,
  };
}

/** Up to `numItems` rows, fewer where they are large or the filters leave few. */
export async function pageOf(
  ctx: AnyReadCtx,
  range: Range,
  cursor: string | null,
  numItems: number,
  {
    maximumBytesRead = MAX_BYTES_READ,
    maximumRowsRead = MAX_DOCUMENTS_READ,
  } = {},
) {
  const options = { cursor, numItems, maximumBytesRead, maximumRowsRead };
  const { page, isDone, continueCursor } = isComponent
    ? await componentPage(ctx, range, options)
    : await rowsOf(ctx, range).paginate(options);
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
