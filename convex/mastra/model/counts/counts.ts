/**
 * Numbers of rows, exact in every transaction.
 *
 * Writers of one list must not wait for each other, so none of them reads or
 * changes a number. Each inserts a document of its own, with the number and the
 * dates of the rows that it added or removed. `folding.ts` adds such
 * differences to the parts of the count (`parts.ts`) later, in transactions of
 * its own. The number of rows is the sum of both.
 *
 * Most lists are short or never counted, so writers insert differences only
 * after the list's mark: a document that the first counting inserts, and that
 * doesn't change. A writer that read no mark conflicts with that counting, so no
 * row is missed.
 *
 * @module
 */
import { rulesOf } from "../columns";
import type { ReadCtx, RecordTable, StoredRow, WriteCtx } from "../server";
import { listsWith, orderOf, type List } from "./lists";
import { partsAfter, type Move, type Part } from "./parts";

/** A difference's value in place of a part's first date. It sorts after all dates. */
export const DIFFERENCE = "~";

/**
 * The mark's value in place of a part's first date. A part of a strange date may
 * have it too, so `isMark` tells.
 */
const MARK = "!";

/** The most that a read of a count takes: documents, and moves in them. */
const MOST_DOCUMENTS = 1000;
const MOST_MOVES = 20_000;

/** The number of differences from which folding pays. */
const MANY_DIFFERENCES = 32;

/** The most moves in a document of differences. */
const MOVES_PER_DOCUMENT = 1000;

/** A row before and after a write; null if there was or is none. */
export type Change = { before: StoredRow | null; after: StoredRow | null };

/** Record the differences that written changes make to the numbers of rows. */
export async function countChanges(
  ctx: WriteCtx,
  table: RecordTable,
  changes: Change[],
): Promise<void> {
  if (rulesOf(table).counted === undefined) return;
  const differences = new Map<string, { list: List; byDate: ByDate }>();
  for (const { before, after } of changes) {
    if (before !== null) addTo(differences, table, before, -1);
    if (after !== null) addTo(differences, table, after, 1);
  }
  for (const { list, byDate } of differences.values()) {
    const moves: Move[] = [];
    for (const [at, difference] of byDate) {
      if (difference !== 0) moves.push({ at, difference });
    }
    if (moves.length === 0 || !(await isCounted(ctx, list))) continue;
    for (let n = 0; n < moves.length; n += MOVES_PER_DOCUMENT) {
      const some = moves.slice(n, n + MOVES_PER_DOCUMENT);
      await ctx.db.insert("mastra_counts", {
        ...list,
        from: DIFFERENCE,
        to: "",
        count: some.reduce((sum, { difference }) => sum + difference, 0),
        moves: some,
      });
    }
  }
}

async function isCounted({ db }: ReadCtx, { table, field, value }: List) {
  const marks = await db
    .query("mastra_counts")
    .withIndex("by_table_and_field_and_value_and_from", (q) =>
      q
        .eq("table", table)
        .eq("field", field)
        .eq("value", value)
        .eq("from", MARK),
    )
    .collect();
  return marks.some(isMark);
}

/** Let writers insert differences of a list from now on. */
export async function markList({ db }: WriteCtx, list: List) {
  const mark = { from: MARK, to: "", count: 0, isMark: true };
  await db.insert("mastra_counts", { ...list, ...mark });
}

/** Whether a document is a list's mark. */
export function isMark(document: { isMark?: boolean }): boolean {
  return document.isMark === true;
}

/** The number of added rows by their dates. */
type ByDate = Map<string, number>;

/** Add a row to the differences of the lists that it is in. */
function addTo(
  differences: Map<string, { list: List; byDate: ByDate }>,
  table: RecordTable,
  row: StoredRow,
  difference: number,
) {
  const at = String(row[orderOf(table)]);
  for (const list of listsWith(table, row)) {
    const key = `${list.field} ${list.value}`;
    let entry = differences.get(key);
    if (entry === undefined) {
      entry = { list, byDate: new Map() };
      differences.set(key, entry);
    }
    entry.byDate.set(at, (entry.byDate.get(at) ?? 0) + difference);
  }
}

/** Delete the number of rows of a list that ended with what its value names. */
export async function forgetLists(
  ctx: WriteCtx,
  table: RecordTable,
  field: string,
  value: string,
): Promise<void> {
  const documents = await documentsOf(ctx, { table, field, value }).take(
    MOST_DOCUMENTS,
  );
  for (const { _id } of documents) await ctx.db.delete("mastra_counts", _id);
}

/** The documents of a list: its mark and its parts, oldest first, then differences. */
export function documentsOf({ db }: ReadCtx, { table, field, value }: List) {
  return db
    .query("mastra_counts")
    .withIndex("by_table_and_field_and_value_and_from", (q) =>
      q.eq("table", table).eq("field", field).eq("value", value),
    );
}

/** The known parts of a list's number of rows. */
export type Count = {
  /** The parts, oldest first; none if the number isn't known. */
  parts: Part[];
  /** Whether folding would make the next read of it cheaper. */
  isUntidy: boolean;
};

/** The number of rows of a list, by parts. */
export async function countOf(ctx: ReadCtx, list: List): Promise<Count> {
  const documents = await documentsOf(ctx, list).take(MOST_DOCUMENTS + 1);
  const moves: Move[] = [];
  const parts: Part[] = [];
  let differences = 0;
  for (const document of documents) {
    if (isMark(document)) continue;
    if (document.moves === undefined) parts.push(document);
    else {
      differences++;
      moves.push(...document.moves);
    }
  }
  const isUntidy = differences >= MANY_DIFFERENCES;
  const isKnown =
    documents.some(isMark) &&
    parts.length > 0 &&
    parts.every(({ isUncounted }) => !isUncounted) &&
    documents.length <= MOST_DOCUMENTS &&
    moves.length <= MOST_MOVES;
  return { parts: isKnown ? partsAfter(parts, moves) : [], isUntidy };
}
