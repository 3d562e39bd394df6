/**
 * Numbers of rows, kept in the transactions that change them.
 *
 * A thread's messages, and a resource's threads and messages, are counted in
 * `mastra_counts`, one document for each thread or resource: writers of one
 * thread already meet at its `updatedAt`, so no others wait for each other.
 * A count that more writers share (all runs of a workflow, all threads) would
 * make them conflict; those are counted by reading an index, page by page.
 *
 * A count begins with the first row, or when all rows that other functions
 * left have been counted in one page, and ends with the last.
 *
 * @module
 */
import { operation } from "./operation";
import { optional } from "./request";
import {
  conditionsOf,
  cursorOf,
  isBounded,
  orderingField,
  pageOf,
  refusedOrder,
  ROWS_COUNTED_PER_CALL,
  rowsWhere,
  type Condition,
  type Ordering,
} from "./rows";
import type {
  AnyReadCtx,
  AnyWriteCtx,
  RecordTable,
  StoredRow,
  WriteCtx,
} from "./server";

/** Which fields of a table have their rows counted by value. */
const countedFields: { [T in RecordTable]?: string[] } = {
  mastra_threads: ["resourceId"],
  mastra_messages: ["thread_id", "resourceId"],
};

/** A row before and after a write; null where there is none. */
export type Change = { before: StoredRow | null; after: StoredRow | null };

async function findCount(
  { db }: Pick<WriteCtx, "db">,
  table: string,
  field: string,
  value: string,
) {
  return await db
    .query("mastra_counts")
    .withIndex("by_table_and_field_and_value", (q) =>
      q.eq("table", table).eq("field", field).eq("value", value),
    )
    .unique();
}

/** Bring the counts in step with changes that are already written. */
export async function countChanges(
  ctx: AnyWriteCtx,
  table: RecordTable,
  changes: Change[],
): Promise<void> {
  for (const field of countedFields[table] ?? []) {
    const differences = new Map<string, number>();
    for (const { before, after } of changes) {
      if (before?.[field] === after?.[field]) continue;
      for (const [row, difference] of [
        [before, -1],
        [after, 1],
      ] as const) {
        const value = row?.[field];
        if (typeof value !== "string") continue;
        differences.set(value, (differences.get(value) ?? 0) + difference);
      }
    }
    for (const [value, difference] of differences) {
      if (difference !== 0) {
        await changeCount(ctx as never, table, field, value, difference);
      }
    }
  }
}

async function changeCount(
  ctx: WriteCtx,
  table: RecordTable,
  field: string,
  value: string,
  difference: number,
) {
  const stored = await findCount(ctx, table, field, value);
  if (stored !== null) {
    const count = stored.count + difference;
    if (count > 0) await ctx.db.patch("mastra_counts", stored._id, { count });
    else await ctx.db.delete("mastra_counts", stored._id);
    return;
  }
  if (difference < 0) return;
  // Without older rows these are all there are.
  const rows = rowsWhere(ctx as AnyReadCtx, table, [{ field, value }]);
  const found = await rows.take(difference + 1);
  if (found.length > difference) return;
  await ctx.db.insert("mastra_counts", {
    table,
    field,
    value,
    count: difference,
  });
}

/**
 * The value of the field whose rows are counted, where these conditions ask for
 * no fewer of them.
 */
function countedValue(
  table: RecordTable,
  conditions: Condition[],
  ordering: Ordering | undefined,
): { field: string; value: string } | undefined {
  const [only, ...others] = conditions;
  if (only === undefined || others.length > 0) return undefined;
  const { field, value } = only;
  if (!countedFields[table]?.includes(field)) return undefined;
  if (typeof value !== "string" || isBounded(ordering)) return undefined;
  return { field, value };
}

/** How many rows satisfy the conditions, where that number is kept. */
export async function keptCount(
  ctx: WriteCtx,
  table: RecordTable,
  conditions: Condition[],
  ordering: Ordering | undefined,
): Promise<number | null> {
  const counted = countedValue(table, conditions, ordering);
  if (counted === undefined) return null;
  const stored = await findCount(ctx, table, counted.field, counted.value);
  return stored === null ? null : stored.count;
}

/**
 * How many rows are equal in the filters' fields and within the bounds of
 * `orderBy`: `result`, to which the counts of further calls are added while
 * `hasMore`.
 */
export const count = operation({
  args: (request) => ({
    conditions: conditionsOf(request, "filters"),
    ordering: optional(orderingField, request, "orderBy"),
    cursor: cursorOf(request),
  }),
  handler: async (
    ctx,
    table: RecordTable,
    { conditions, ordering, cursor },
  ) => {
    const refusal = refusedOrder(table, conditions, ordering);
    if (refusal !== undefined) return refusal;
    if (cursor === null) {
      const kept = await keptCount(ctx, table, conditions, ordering);
      if (kept !== null) return { ok: true, result: kept, hasMore: false };
    }
    const rows = rowsWhere(ctx as AnyReadCtx, table, conditions, ordering);
    const page = await pageOf(rows, cursor, ROWS_COUNTED_PER_CALL);
    const result = page.result.length;
    const counted = countedValue(table, conditions, ordering);
    if (counted && cursor === null && !page.hasMore && result > 0) {
      const row = { table, ...counted, count: result };
      await ctx.db.insert("mastra_counts", row);
    }
    return { ...page, result };
  },
});
