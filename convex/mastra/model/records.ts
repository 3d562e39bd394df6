/**
 * Finding and writing records: rows named by `id`, or by several columns.
 *
 * @module
 */
import { findInBatches, mapInBatches } from "./batches";
import { changedFields, newRow, rulesOf } from "./columns";
import { countChanges, type Change } from "./counts/counts";
import type { StorageRecord } from "./request";
import { rowsWhere } from "./rows";
import type { AnyReadCtx, AnyWriteCtx, RecordTable, StoredRow } from "./server";

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

export async function findRecord(
  ctx: AnyReadCtx,
  table: RecordTable,
  id: unknown,
) {
  return await rowsWhere(ctx, table, [{ field: "id", value: id }]).unique();
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
  const merged = records.length > 1 ? mergedByName(table, records) : records;
  const existing = await mapInBatches(merged, (record) =>
    rowsWhere(ctx, table, nameOf(table, record)).unique(),
  );
  const changes: Change[] = [];
  for (const [position, record] of merged.entries()) {
    const before = existing[position] ?? null;
    if (before === null) {
      const after = newRow(table, record);
      await ctx.db.insert(table, after);
      changes.push({ before, after: after as StoredRow });
    } else {
      changes.push(await updateRow(ctx, table, before, record));
    }
  }
  await countChanges(ctx, table, changes);
  return changes;
}

/** Of records with one name the merged one. */
function mergedByName(
  table: RecordTable,
  records: StorageRecord[],
): StorageRecord[] {
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
