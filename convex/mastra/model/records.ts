/**
 * Finding and writing records: rows named by `id`, or by several columns.
 *
 * @module
 */
import { mastraTables } from "../schema";
import { findInBatches, mapInBatches } from "./batches";
import { changedFields, newRow, rulesOf } from "./columns";
import { countChanges, type Change } from "./counts/counts";
import { rangeOf } from "./ranges";
import type { StorageRecord } from "./request";
import { rowsWhere } from "./rows";
import type { AnyReadCtx, AnyWriteCtx, RecordTable, StoredRow } from "./server";

/** The tables of records. */
export const recordTables = Object.values(mastraTables)
  .filter(({ declaration }) => declaration.isRecords)
  .map(({ declaration }) => declaration.name as RecordTable);

/** Whether a record has the columns that name it. */
export function isNamedIn(table: RecordTable, record: StorageRecord): boolean {
  return nameOf(table, record).every(({ value }) => value);
}

/** The conditions that name one row. */
export function nameOf(table: RecordTable, record: StorageRecord) {
  const composite = rulesOf(table).names;
  const fields = composite?.every((field) => record[field])
    ? composite
    : ["id"];
  return fields.map((field) => ({ field, value: record[field] }));
}

/** The index that finds a record of each table by its id: most calls begin with that. */
const indexesOfIds = new Map(
  recordTables.map((table) => [
    table,
    rangeOf(table, [{ field: "id", value: "" }]).index,
  ]),
);

export async function findRecord(
  { db }: AnyReadCtx,
  table: RecordTable,
  id: unknown,
): Promise<StoredRow | null> {
  // The index's type isn't known here, so nor is its field.
  return await db
    .query(table)
    .withIndex(indexesOfIds.get(table) as never, (q) =>
      q.eq("id" as never, id as never),
    )
    .unique();
}

/**
 * Insert the records, or update those that exist: fields not given stay. Of
 * records with one name the fields are merged, later ones winning.
 */
export async function writeRecords(
  ctx: AnyWriteCtx,
  table: RecordTable,
  records: StorageRecord[],
): Promise<Change[]> {
  return await writeOver(ctx, table, await findStored(ctx, table, records));
}

/** A record, and the row that it would update; null if it is new. */
export type Found = { record: StorageRecord; stored: StoredRow | null };

/** The stored rows of records, which are merged as `writeRecords` merges them. */
export async function findStored(
  ctx: AnyReadCtx,
  table: RecordTable,
  records: StorageRecord[],
): Promise<Found[]> {
  return await mapInBatches(mergedByName(table, records), async (record) => ({
    record,
    stored: await rowsWhere(ctx, table, nameOf(table, record)).unique(),
  }));
}

/** As `writeRecords`, of records with different names whose rows were read. */
export async function writeOver(
  ctx: AnyWriteCtx,
  table: RecordTable,
  found: Found[],
): Promise<Change[]> {
  const changes: Change[] = [];
  for (const { record, stored } of found) {
    if (stored === null) {
      const after = newRow(table, record);
      await ctx.db.insert(table, after);
      changes.push({ before: null, after: after as StoredRow });
    } else {
      changes.push(await updateRow(ctx, table, stored, record));
    }
  }
  await countChanges(ctx, table, changes);
  return changes;
}

/** Of records with one name the merged one. */
export function mergedByName(
  table: RecordTable,
  records: StorageRecord[],
): StorageRecord[] {
  if (records.length < 2) return records;
  const byName = new Map<string, StorageRecord>();
  for (const record of records) {
    const name = JSON.stringify(nameOf(table, record));
    byName.set(name, { ...byName.get(name), ...record });
  }
  return [...byName.values()];
}

async function updateRow(
  { db }: AnyWriteCtx,
  table: RecordTable,
  before: StoredRow,
  record: StorageRecord,
): Promise<Change> {
  const fields = changedFields(table, record);
  await db.patch(table, before._id, fields);
  return { before, after: { ...before, ...fields } };
}

/** Update a stored row, and return the new row. */
export async function patchRow(
  ctx: AnyWriteCtx,
  table: RecordTable,
  row: StoredRow,
  fields: StorageRecord,
): Promise<StoredRow> {
  const change = await updateRow(ctx, table, row, fields);
  await countChanges(ctx, table, [change]);
  return change.after!;
}

export async function deleteRows(
  ctx: AnyWriteCtx,
  table: RecordTable,
  rows: StoredRow[],
): Promise<void> {
  for (const row of rows) await ctx.db.delete(table, row._id);
  const changes = rows.map((before) => ({ before, after: null }));
  await countChanges(ctx, table, changes);
}

/** The records that exist among ids, in the order of the ids. */
export async function findRecords(
  ctx: AnyReadCtx,
  table: RecordTable,
  ids: string[],
) {
  return await findInBatches(ids, (id) => findRecord(ctx, table, id));
}

/** Whether the row has these values; a field it lacks counts as null. */
export function isAsExpected(
  row: StorageRecord,
  expected: StorageRecord,
): boolean {
  return Object.entries(expected).every(
    ([field, value]) => (row[field] ?? null) === (value ?? null),
  );
}
