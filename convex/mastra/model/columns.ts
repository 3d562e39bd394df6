/**
 * Columns of records by the rules of their tables.
 *
 * @module
 */
import { mastraTables } from "../schema";
import type { RecordRules } from "../tables/table";
import type { StorageRecord } from "./request";
import type { RecordTable } from "./server";

/** The rules that a table's declaration gives. */
export function rulesOf(table: RecordTable): RecordRules {
  return mastraTables[table].declaration.rules;
}

/** The row of a record that isn't stored yet. */
export function newRow(
  table: RecordTable,
  record: StorageRecord,
): StorageRecord {
  return fieldsOf(table, { ...rulesOf(table).defaults, ...record });
}

/** The fields of a stored row that a record changes. */
export function changedFields(
  table: RecordTable,
  record: StorageRecord,
): StorageRecord {
  const fields = fieldsOf(table, record);
  for (const kept of rulesOf(table).keptOnUpdate ?? []) delete fields[kept];
  return fields;
}

/** Without Convex's own fields, which clients send back as they read them. */
function fieldsOf(table: RecordTable, record: StorageRecord): StorageRecord {
  const { derived, clearedByNull = [] } = rulesOf(table);
  const fields = { ...record, ...derived?.(record) };
  delete fields._id;
  delete fields._creationTime;
  for (const name of clearedByNull) {
    if (fields[name] === null) fields[name] = undefined;
  }
  return fields;
}
