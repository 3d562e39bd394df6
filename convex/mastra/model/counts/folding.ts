/**
 * Adding differences to the parts of counts, in transactions of their own.
 *
 * A number that isn't known yet is found by counting the list's rows from the
 * oldest on, some in each transaction. Differences of counted rows are added to
 * their parts. Differences of rows that aren't counted yet are dropped. The first
 * of these transactions marks the list.
 *
 * A transaction that folds old differences of a known number reads nothing that
 * writers of rows write. One that counts rows does; if both run at once, it is
 * the one that fails.
 *
 * @module
 */
import { rangeOf } from "../ranges";
import { pageOf, ROWS_COUNTED_PER_CALL } from "../rows";
import type { DataModel, ReadCtx, StoredRow, WriteCtx } from "../server";
import { DIFFERENCE, documentsOf, isMark, markList } from "./counts";
import { conditionsFor, orderOf, type List } from "./lists";
import { partsAfter, type Move, type Part } from "./parts";

/** Differences that one transaction folds. */
const DIFFERENCES_PER_CALL = 200;

type Document = DataModel["mastra_counts"]["document"];
type Difference = Document & { moves: Move[] };

const isDifference = (document: Document): document is Difference =>
  document.moves !== undefined;
const isPart = (document: Document) =>
  !isDifference(document) && !isMark(document);

/** Fold the differences of a list, and count more of its rows. True if there is more to do. */
export async function foldList(ctx: WriteCtx, list: List): Promise<boolean> {
  const documents = await documentsOf(ctx, list).collect();
  if (!documents.some(isMark)) {
    // Without a mark, writers recorded none of their changes, or not all.
    const some = documents.splice(0, DIFFERENCES_PER_CALL);
    await remove(ctx, some);
    if (documents.length > 0) return true;
    await markList(ctx, list);
  }
  const stored = documents.filter(isPart);
  const differences = documents.filter(isDifference);
  const some = differences.slice(0, DIFFERENCES_PER_CALL);
  const hasMore = differences.length > some.length;
  const uncounted = uncountedFrom(stored);
  if (uncounted === undefined || hasMore) {
    await fold(ctx, list, stored, some);
    return hasMore;
  }
  const counted = await countRows(ctx, list, uncounted);
  if (counted === undefined) return false;
  const moves = [
    ...movesOf(some).filter(({ at }) => at < uncounted),
    ...counted.moves,
  ];
  await write(ctx, list, stored, [
    ...partsAfter(countedOf(stored), moves),
    ...(counted.until === undefined ? [] : [rest(counted.until)]),
  ]);
  await remove(ctx, some);
  return counted.until !== undefined;
}

/** Fold differences of any lists that are older than this. True if there are more. */
export async function foldBefore(
  ctx: WriteCtx,
  time: number,
): Promise<boolean> {
  const differences = await ctx.db
    .query("mastra_counts")
    .withIndex("by_from", (q) =>
      q.eq("from", DIFFERENCE).lt("_creationTime", time),
    )
    .take(DIFFERENCES_PER_CALL + 1);
  const some = differences.slice(0, DIFFERENCES_PER_CALL).filter(isDifference);
  const byList = new Map<string, Difference[]>();
  for (const difference of some) {
    const { table, field, value } = difference;
    const key = JSON.stringify([table, field, value]);
    byList.set(key, [...(byList.get(key) ?? []), difference]);
  }
  for (const differences of byList.values()) {
    const { table, field, value } = differences[0]!;
    const list = { table, field, value } as List;
    await fold(ctx, list, await partsOf(ctx, list), differences);
  }
  return differences.length > some.length;
}

/** The parts alone, which no writer of rows changes. */
async function partsOf({ db }: ReadCtx, { table, field, value }: List) {
  const documents = await db
    .query("mastra_counts")
    .withIndex("by_table_and_field_and_value_and_from", (q) =>
      q
        .eq("table", table)
        .eq("field", field)
        .eq("value", value)
        .lt("from", DIFFERENCE),
    )
    .collect();
  return documents.filter(isPart);
}

/** Add differences to the counted parts, and drop those of other rows. */
async function fold(
  ctx: WriteCtx,
  list: List,
  stored: Document[],
  differences: Difference[],
) {
  const uncounted = uncountedFrom(stored);
  const moves = movesOf(differences).filter(
    ({ at }) => uncounted === undefined || at < uncounted,
  );
  if (moves.length > 0) {
    await write(ctx, list, stored, [
      ...partsAfter(countedOf(stored), moves),
      ...(uncounted === undefined ? [] : [rest(uncounted)]),
    ]);
  }
  await remove(ctx, differences);
}

/** The date from which rows aren't counted; undefined if all are. */
function uncountedFrom(stored: Part[]): string | undefined {
  if (stored.length === 0) return "";
  return stored.find(({ isUncounted }) => isUncounted)?.from;
}

function countedOf(stored: Part[]): Part[] {
  return stored.filter(({ isUncounted }) => !isUncounted);
}

function rest(from: string): Part {
  return { from, to: "", count: 0, isUncounted: true };
}

function movesOf(differences: Difference[]): Move[] {
  return differences.flatMap(({ moves }) => moves);
}

/**
 * Count rows from a date on, up to another date if there are too many for one
 * transaction; undefined if too many have the same date.
 */
async function countRows(ctx: WriteCtx, list: List, from: string) {
  const field = orderOf(list.table);
  const dateOf = (row: StoredRow) => String(row[field]);
  const ordering = { field, order: "asc" as const, gte: from };
  const rows = rangeOf(list.table, conditionsFor(list), ordering);
  const page = await pageOf(ctx, rows, null, ROWS_COUNTED_PER_CALL);
  const last = page.result[page.result.length - 1];
  const until = page.hasMore && last ? dateOf(last) : undefined;
  const counted = page.result.filter(
    (row) => until === undefined || dateOf(row) < until,
  );
  if (until !== undefined && counted.length === 0) return undefined;
  const moves = counted.map((row) => ({ at: dateOf(row), difference: 1 }));
  return { moves, until };
}

async function write(
  ctx: WriteCtx,
  list: List,
  stored: Document[],
  parts: Part[],
) {
  for (const [position, part] of parts.entries()) {
    const { from, to, count, isUncounted } = part;
    const document = stored.find((document) => document.from === from);
    // The existence of a first part means that the number is known.
    const isEmpty = count === 0 && !isUncounted && position > 0;
    if (document === undefined) {
      if (!isEmpty) await ctx.db.insert("mastra_counts", { ...list, ...part });
    } else if (isEmpty) await ctx.db.delete("mastra_counts", document._id);
    else if (
      document.to !== to ||
      document.count !== count ||
      document.isUncounted !== isUncounted
    ) {
      const fields = { to, count, isUncounted };
      await ctx.db.patch("mastra_counts", document._id, fields);
    }
  }
  const kept = new Set(parts.map(({ from }) => from));
  for (const { _id, from } of stored) {
    if (!kept.has(from)) await ctx.db.delete("mastra_counts", _id);
  }
}

async function remove({ db }: WriteCtx, documents: Document[]) {
  for (const { _id } of documents) await db.delete("mastra_counts", _id);
}
