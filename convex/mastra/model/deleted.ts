/**
 * Deleting rows, and how many of each table were deleted.
 *
 * @module
 */
import { deleteRows } from "./records";
import { firstOf } from "./rows";
import type { AnyRows, AnyWriteCtx, RecordTable, StoredRow } from "./server";

/** The numbers of rows that a call deleted, by table. */
export type Deleted = Map<string, number>;

/** Add to a number. Tables of which nothing was deleted stay absent. */
export function tally(deleted: Deleted, table: string, number: number) {
  if (number > 0) deleted.set(table, (deleted.get(table) ?? 0) + number);
}

/** Delete rows, and count them. */
export async function deleteCounted(
  ctx: AnyWriteCtx,
  table: RecordTable,
  rows: StoredRow[],
  deleted: Deleted,
) {
  await deleteRows(ctx, table, rows);
  tally(deleted, table, rows.length);
}

/** Delete the first of these rows, and count them; true if there are more. */
export async function deleteSome(
  ctx: AnyWriteCtx,
  table: RecordTable,
  rows: AnyRows,
  deleted: Deleted,
  limit?: number,
): Promise<boolean> {
  const { some, hasMore } = await firstOf(rows, limit);
  await deleteCounted(ctx, table, some, deleted);
  return hasMore;
}
