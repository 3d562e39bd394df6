/**
 * Writing many rows that some of their fields name.
 *
 * The embedded engine replaces this module with native code, which crosses to
 * JavaScript once for all rows: `rust/engine/src/functions/database.rs`.
 *
 * @module
 */
import type { AnyWriteCtx, StoredRow } from "./server";
import { mapInBatches } from "./batches";
import type { StorageRecord } from "./request";

/**
 * Insert rows, each in place of the one that equals it in these fields, which
 * begin the index. The order of new rows becomes their stored order.
 */
export async function upsertRows(
  { db }: AnyWriteCtx,
  table: string,
  index: string,
  fields: string[],
  rows: StorageRecord[],
): Promise<void> {
  const stored = await mapInBatches(
    rows,
    async (row): Promise<StoredRow | null> =>
      await db
        .query(table)
        // The index's type isn't known here, so nor are its fields.
        .withIndex(index as never, (q) => {
          let range = q;
          for (const field of fields) {
            range = range.eq(field as never, row[field] as never) as never;
          }
          return range;
        })
        .unique(),
  );
  for (const [position, row] of rows.entries()) {
    const before = stored[position];
    if (before) await db.replace(table, before._id, row);
    else await db.insert(table, row);
  }
}
