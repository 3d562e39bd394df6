/**
 * The lists whose rows are counted, as the tables' declarations name them.
 *
 * @module
 */
import { rulesOf } from "../columns";
import {
  isBounded,
  satisfies,
  type Condition,
  type Ordering,
} from "../conditions";
import type { RecordTable, StoredRow } from "../server";

/** The rows of `table` with `value` in `field`; both are "" for the whole list. */
export type List = { table: RecordTable; field: string; value: string };

/** The column by which the lists of a table are ordered. */
export function orderOf(table: RecordTable): string {
  return rulesOf(table).counted?.order ?? "createdAt";
}

/** The conditions that the rows of a whole list satisfy; none where it isn't counted. */
function wholeList(table: RecordTable): Condition[] | undefined {
  const { where } = rulesOf(table).counted ?? {};
  return (
    where && Object.entries(where).map(([field, value]) => ({ field, value }))
  );
}

/** The conditions that the rows of a list satisfy. */
export function conditionsFor({ table, field, value }: List): Condition[] {
  return field === "" ? (wholeList(table) ?? []) : [{ field, value }];
}

/** The lists that a row is in. */
export function listsWith(table: RecordTable, row: StoredRow): List[] {
  const lists: List[] = [];
  const whole = wholeList(table);
  if (whole !== undefined && satisfies(row, whole)) {
    lists.push({ table, field: "", value: "" });
  }
  for (const field of rulesOf(table).counted?.by ?? []) {
    const value = row[field];
    if (typeof value === "string") lists.push({ table, field, value });
  }
  return lists;
}

/** The counted list that these conditions ask for, if the order leaves out none of its rows. */
export function listOf(
  table: RecordTable,
  conditions: Condition[],
  ordering: Ordering | undefined,
): List | undefined {
  if (isBounded(ordering)) return undefined;
  if (JSON.stringify(conditions) === JSON.stringify(wholeList(table))) {
    return { table, field: "", value: "" };
  }
  const [only, ...others] = conditions;
  if (only === undefined || others.length > 0) return undefined;
  const { field, value } = only;
  const isCounted = rulesOf(table).counted?.by?.includes(field);
  return isCounted && typeof value === "string"
    ? { table, field, value }
    : undefined;
}
