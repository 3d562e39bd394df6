/**
 * How many rows whole lists have, kept in the transactions that change them.
 *
 * All writers of a table share such a number, so it is spread: each row counts
 * in one of a few documents of `mastra_counts`, chosen by its id, and two
 * writers seldom meet. The number is their sum.
 *
 * It begins with the table's first row, or when all rows that other functions
 * left have been counted in one page. A document of its own records that, and
 * is never written again.
 *
 * @module
 */
import { rulesOf } from "../columns";
import { satisfies, type Condition } from "../conditions";
import { rowsWhere } from "../rows";
import type { ReadCtx, WriteCtx, RecordTable, StoredRow } from "../server";

/** Which rows of a table the list has that is asked for whole. */
function wholeList(table: RecordTable): Condition[] | undefined {
  const { where } = rulesOf(table).counted ?? {};
  return (
    where && Object.entries(where).map(([field, value]) => ({ field, value }))
  );
}

/** Documents that a number is spread over. */
const SHARDS = 16;

/** The document that says that a number is kept, where others name their shard. */
const KEPT = "";

/** Whether these conditions ask for a whole list. */
export function isWholeList(
  table: RecordTable,
  conditions: Condition[],
): boolean {
  return JSON.stringify(conditions) === JSON.stringify(wholeList(table));
}

/** How many rows the whole list has; undefined where the number isn't kept. */
export async function totalOf(
  ctx: ReadCtx,
  table: RecordTable,
): Promise<number | undefined> {
  const documents = await numbersOf(ctx, table).collect();
  if (documents.length === 0) return undefined;
  return documents.reduce((sum, { count }) => sum + count, 0);
}

/** Bring the number in step with rows that came (1) and went (-1). */
export async function countTotal(
  ctx: WriteCtx,
  table: RecordTable,
  changes: { before: StoredRow | null; after: StoredRow | null }[],
): Promise<void> {
  const list = wholeList(table);
  if (list === undefined) return;
  const isListed = (row: StoredRow | null) =>
    Number(row !== null && satisfies(row, list));
  const moves = changes
    .map(({ before, after }) => ({
      id: String((after ?? before)!.id),
      difference: isListed(after) - isListed(before),
    }))
    .filter(({ difference }) => difference !== 0);
  if (moves.length === 0) return;
  if ((await numberAt(ctx, table, KEPT)) === null) {
    if (await hasOlderRows(ctx, table, list, moves)) return;
    await insertNumber(ctx, table, KEPT, 0);
  }
  const differences = new Map<string, number>();
  for (const { id, difference } of moves) {
    const shard = shardOf(id);
    differences.set(shard, (differences.get(shard) ?? 0) + difference);
  }
  for (const [shard, difference] of differences) {
    const stored = await numberAt(ctx, table, shard);
    if (stored === null) await insertNumber(ctx, table, shard, difference);
    else {
      const count = stored.count + difference;
      await ctx.db.patch("mastra_counts", stored._id, { count });
    }
  }
}

/** Keep the number from now on: these are all rows of the list. */
export async function beginTotal(
  ctx: WriteCtx,
  table: RecordTable,
  count: number,
): Promise<void> {
  await insertNumber(ctx, table, KEPT, count);
}

function numbersOf({ db }: ReadCtx, table: RecordTable) {
  return db
    .query("mastra_counts")
    .withIndex("by_table_and_field_and_value_and_from", (q) =>
      q.eq("table", table).eq("field", "").eq("value", ""),
    );
}

async function numberAt({ db }: ReadCtx, table: RecordTable, shard: string) {
  return await db
    .query("mastra_counts")
    .withIndex("by_table_and_field_and_value_and_from", (q) =>
      q.eq("table", table).eq("field", "").eq("value", "").eq("from", shard),
    )
    .unique();
}

async function insertNumber(
  { db }: WriteCtx,
  table: RecordTable,
  shard: string,
  count: number,
) {
  const list = { table, field: "", value: "" };
  await db.insert("mastra_counts", { ...list, from: shard, to: "", count });
}

function shardOf(id: string): string {
  let hash = 0;
  for (let at = 0; at < id.length; at++) {
    hash = (hash * 31 + id.charCodeAt(at)) % 65_521;
  }
  return String(hash % SHARDS);
}

/** Whether more rows satisfy the conditions than came with these moves. */
export async function hasOlderRows(
  ctx: WriteCtx,
  table: RecordTable,
  conditions: Condition[],
  moves: { difference: number }[],
): Promise<boolean> {
  const came = moves.reduce((sum, { difference }) => sum + difference, 0);
  if (came <= 0) return true;
  const rows = rowsWhere(ctx, table, conditions);
  return (await rows.take(came + 1)).length > came;
}
