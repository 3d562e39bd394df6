/**
 * Numbers of rows, kept in the transactions that change them.
 *
 * A thread's messages, and a resource's threads and messages, are counted in
 * `mastra_counts`: writers of one thread already meet at its `updatedAt`, so no
 * others wait for each other. A count that more writers share (all runs of a
 * workflow) would make them conflict; those are counted by reading an index,
 * page by page, and whole lists by `totals.ts`.
 *
 * A count is kept in parts (`countParts.ts`). It begins with the first row, or
 * when all rows that other functions left have been counted in one page, and
 * ends with the last.
 *
 * @module
 */
import { rulesOf } from "../columns";
import { isBounded, type Condition, type Ordering } from "../conditions";
import type { ReadCtx, WriteCtx, RecordTable, StoredRow } from "../server";
import { byTime, partsAfter, type Move, type Part } from "./parts";
import {
  beginTotal,
  countTotal,
  hasOlderRows,
  isWholeList,
  totalOf,
} from "./totals";

/** The columns by whose values a table's rows are counted. */
function countedFields(table: RecordTable): string[] {
  return rulesOf(table).counted?.by ?? [];
}

/** A row before and after a write; null where there is none. */
export type Change = { before: StoredRow | null; after: StoredRow | null };

/** A counted set: the rows of `table` with `value` in `field`. */
type Counted = { table: RecordTable; field: string; value: string };

/** The parts, oldest first; none where the number isn't kept. */
async function partsOf({ db }: ReadCtx, { table, field, value }: Counted) {
  return await db
    .query("mastra_counts")
    .withIndex("by_table_and_field_and_value_and_from", (q) =>
      q.eq("table", table).eq("field", field).eq("value", value),
    )
    .collect();
}

/** The part that counts rows of this time, and those after it. */
async function partsFrom(
  { db }: WriteCtx,
  { table, field, value }: Counted,
  createdAt: string,
) {
  const parts = () => db.query("mastra_counts");
  const [part, later] = await Promise.all([
    parts()
      .withIndex("by_table_and_field_and_value_and_from", (q) =>
        q
          .eq("table", table)
          .eq("field", field)
          .eq("value", value)
          .lte("from", createdAt),
      )
      .order("desc")
      .first(),
    parts()
      .withIndex("by_table_and_field_and_value_and_from", (q) =>
        q
          .eq("table", table)
          .eq("field", field)
          .eq("value", value)
          .gt("from", createdAt),
      )
      .collect(),
  ]);
  return part === null ? later : [part, ...later];
}

/** Bring the counts in step with changes that are already written. */
export async function countChanges(
  ctx: WriteCtx,
  table: RecordTable,
  changes: Change[],
): Promise<void> {
  await countTotal(ctx, table, changes);
  for (const field of countedFields(table)) {
    const moves = new Map<string, Move[]>();
    for (const { before, after } of changes) {
      const isThere =
        before?.[field] === after?.[field] &&
        before?.createdAt === after?.createdAt;
      if (isThere) continue;
      for (const [row, difference] of [
        [before, -1],
        [after, 1],
      ] as const) {
        const value = row?.[field];
        if (typeof value !== "string") continue;
        const some = moves.get(value) ?? [];
        some.push({ createdAt: row!.createdAt, difference });
        moves.set(value, some);
      }
    }
    for (const [value, some] of moves) {
      await countMoves(ctx, { table, field, value }, some);
    }
  }
}

async function countMoves(ctx: WriteCtx, counted: Counted, moves: Move[]) {
  moves.sort(byTime);
  const parts = await partsFrom(ctx, counted, moves[0]!.createdAt);
  const { table, field, value } = counted;
  const conditions = [{ field, value }];
  if (
    parts.length === 0 &&
    (await hasOlderRows(ctx, table, conditions, moves))
  ) {
    return;
  }
  for (const part of partsAfter(parts, moves)) {
    const { from, to, count } = part;
    const stored = parts.find((part) => part.from === from);
    const isSame = stored?.to === to && stored.count === count;
    if (isSame) continue;
    if (stored === undefined) {
      if (count > 0) await insertPart(ctx, counted, part);
    } else if (count > 0) {
      await ctx.db.patch("mastra_counts", stored._id, { to, count });
    } else {
      await ctx.db.delete("mastra_counts", stored._id);
    }
  }
}

async function insertPart(
  ctx: WriteCtx,
  counted: Counted,
  { from, to, count }: Part,
) {
  await ctx.db.insert("mastra_counts", { ...counted, from, to, count });
}

/** The counted set that equals these conditions, if there is one. */
function countedBy(
  table: RecordTable,
  conditions: Condition[],
  ordering: Ordering | undefined,
): Counted | undefined {
  const [only, ...others] = conditions;
  if (only === undefined || others.length > 0) return undefined;
  const { field, value } = only;
  if (!countedFields(table).includes(field)) return undefined;
  if (typeof value !== "string" || isBounded(ordering)) return undefined;
  return { table, field, value };
}

/** The parts of the rows that satisfy the conditions, where their number is kept. */
export async function keptParts(
  ctx: ReadCtx,
  table: RecordTable,
  conditions: Condition[],
  ordering: Ordering | undefined,
): Promise<Part[]> {
  if (isWholeList(table, conditions) && !isBounded(ordering)) {
    const count = await totalOf(ctx, table);
    return count === undefined ? [] : [{ from: "", to: "", count }];
  }
  const counted = countedBy(table, conditions, ordering);
  return counted === undefined ? [] : await partsOf(ctx, counted);
}

/**
 * Keep the number of these rows from now on, if it is one of those that are
 * kept: they are all that satisfy the conditions.
 */
export async function beginCount(
  ctx: WriteCtx,
  table: RecordTable,
  conditions: Condition[],
  rows: StoredRow[],
): Promise<void> {
  if (isWholeList(table, conditions)) await beginTotal(ctx, table, rows.length);
  const counted = countedBy(table, conditions, undefined);
  if (counted === undefined) return;
  const moves = rows.map(({ createdAt }) => ({ createdAt, difference: 1 }));
  for (const part of partsAfter([], moves.sort(byTime))) {
    if (part.count > 0) await insertPart(ctx, counted, part);
  }
}
