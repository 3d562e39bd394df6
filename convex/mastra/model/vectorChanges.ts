/**
 * The changes of a vector index. A client that has its rows reads only the
 * changes since.
 *
 * Each transaction that writes rows stores their ids in a document of its own,
 * so that writers of one index never conflict. The documents are in the order of
 * commits, which `_creationTime` is not. A transaction sees every commit before
 * its snapshot, and later ones have larger timestamps. So a reader continues
 * after the largest timestamp that it has seen.
 * https://docs.convex.dev/database/advanced/commit-timestamp
 *
 * A reader's timestamp is known as long as its document exists. Cleaning deletes
 * from the oldest on, and empties the last document that it reaches. So all
 * changes after an existing document are there. A restored backup lacks the
 * latest documents, so a reader notices that it must begin again.
 *
 * @module
 */
import { makeFunctionReference } from "convex/server";
import { ConvexError } from "convex/values";
import { later } from "./later";
import { firstOf } from "./rows";
import type {
  AnyReadCtx,
  AnyRows,
  DataModel,
  ReadCtx,
  WriteCtx,
} from "./server";

/** A client that asks less often than once an hour may have to read all rows again. */
const KEPT_MILLISECONDS = 3_600_000;

/** One write in so many lets old changes be deleted, so many at a time. */
const WRITES_PER_CLEANING = 64;
const CHANGES_CLEANED = 128;

/** The number of ids that fit into a document, whatever their characters. */
const CHARACTERS_PER_CHANGE = 250_000;

/** The same of a transaction's first document, which its readers read again. */
const CHARACTERS_OF_FIRST_CHANGE = 1000;

/** The timestamp of a reader that saw no change: before all of them. */
const BEGINNING = 0n;

/** Remember that this transaction wrote or deleted the rows with these ids. */
export async function recordChange(
  ctx: WriteCtx,
  indexName: string,
  ids: string[],
) {
  for (let start = 0, end = 0; start < ids.length; start = end) {
    const most =
      start === 0 ? CHARACTERS_OF_FIRST_CHANGE : CHARACTERS_PER_CHANGE;
    for (let characters = 0; end < ids.length; end++) {
      characters += ids[end]!.length;
      if (characters > most && end > start) break;
    }
    const isRecorded = await insertChange(
      ctx,
      indexName,
      ids.slice(start, end),
    );
    if (!isRecorded) return;
  }
  // Not each time: two transactions that delete the same change conflict.
  if (Math.random() < 1 / WRITES_PER_CLEANING) {
    await later(ctx, cleaning, { indexName });
  }
}

const cleaning = makeFunctionReference<"mutation", { indexName: string }>(
  "mastra/vectors:cleanChanges",
);

/** False if the backend has no commit timestamps. */
async function insertChange(
  { db }: WriteCtx,
  indexName: string,
  ids: string[],
): Promise<boolean> {
  // Older versions of npm's `convex` have no such variables.
  const at = (db as { vars?: { commitTs?: unknown } }).vars?.commitTs;
  if (at === undefined) return false;
  try {
    await db.insert("mastra_vector_changes", { indexName, at, ids });
    return true;
  } catch (error) {
    // Older backends refuse the field by its name, `$commitTs`.
    if (String(error).includes("$commitTs")) return false;
    throw error;
  }
}

/** The features of a backend that not every one has. */
export type Backend = { commitTimestamps: boolean };

/**
 * Throw the backend's features, so that the trial write which finds them isn't
 * committed.
 */
export async function throwBackend(ctx: WriteCtx): Promise<never> {
  const commitTimestamps = await insertChange(ctx, "", []);
  throw new ConvexError({ code: "Backend", backend: { commitTimestamps } });
}

/**
 * The backend's features; null if they can't be found out. The trial is a
 * mutation within this one, so that only the trial fails.
 */
export async function backendOf({
  runMutation,
}: WriteCtx): Promise<Backend | null> {
  try {
    return await runMutation(trial, {});
  } catch (error) {
    const { data } = error as { data?: { backend?: Backend } };
    return data?.backend ?? null;
  }
}

const trial = makeFunctionReference<"mutation", Record<string, never>, null>(
  "mastra/vectors:tryBackend",
);

type Change = DataModel["mastra_vector_changes"]["document"];

/** Delete changes of an index that are old, some now and the others later. */
export async function clean(ctx: WriteCtx, indexName: string) {
  const oldest =
    BigInt(Math.floor(Date.now() - KEPT_MILLISECONDS)) * 1_000_000n;
  const old = ctx.db
    .query("mastra_vector_changes")
    .withIndex("by_index_and_at", (q) =>
      q.eq("indexName", indexName).lt("at", oldest),
    );
  if (await cut(ctx, old as unknown as AnyRows)) {
    await later(ctx, cleaning, { indexName });
  }
}

/**
 * Forget the ids in the changes of all indexes, those of deleted rows among
 * them, some at a time; true if there may be more. Clients that have the rows
 * read them all again.
 */
export async function dropChanges(ctx: WriteCtx): Promise<boolean> {
  for await (const { indexName } of ctx.db.query("mastra_vector_indexes")) {
    const changes = changesOf(ctx, indexName);
    if (await cut(ctx, changes as unknown as AnyRows)) return true;
  }
  return false;
}

/**
 * Delete the first of an index's changes, and empty the last of them; true if
 * there may be more.
 */
async function cut({ db }: WriteCtx, changes: AnyRows): Promise<boolean> {
  const { some, hasMore } = await firstOf(changes, CHANGES_CLEANED);
  const last = some.pop() as Change | undefined;
  if (last === undefined) return false;
  for (const { _id } of some) await db.delete("mastra_vector_changes", _id);
  if (last.ids.length > 0) {
    await db.patch("mastra_vector_changes", last._id, { ids: [] });
  }
  return hasMore;
}

/** Delete some of an index's changes; true if there may be more. */
export async function forgetChanges(ctx: WriteCtx, indexName: string) {
  const some = await changesOf(ctx, indexName).take(CHANGES_CLEANED);
  for (const { _id } of some) await ctx.db.delete("mastra_vector_changes", _id);
  return some.length === CHANGES_CLEANED;
}

/** The timestamp of the last change that is remembered of an index, or null. */
export async function lastChange(
  { db }: AnyReadCtx,
  indexName: string,
): Promise<bigint | null> {
  const newest = await db
    .query("mastra_vector_changes")
    .withIndex("by_index_and_at", (q) => q.eq("indexName", indexName))
    .order("desc")
    .first();
  return newest === null ? null : newest.at;
}

/** The changes of an index: all, or those after a timestamp. */
function changesOf({ db }: ReadCtx, indexName: string, since?: bigint) {
  return db
    .query("mastra_vector_changes")
    .withIndex("by_index_and_at", (q) =>
      since === undefined
        ? q.eq("indexName", indexName)
        : q.eq("indexName", indexName).gt("at", since),
    );
}

/** Whether a document of this timestamp exists. */
async function isRemembered({ db }: ReadCtx, indexName: string, at: bigint) {
  const first = await db
    .query("mastra_vector_changes")
    .withIndex("by_index_and_at", (q) =>
      q.eq("indexName", indexName).eq("at", at),
    )
    .first();
  return first !== null;
}

/**
 * The ids of `pageSize` or a few more rows that transactions after `since` wrote
 * or deleted, and the timestamp of the last of these transactions.
 */
export async function changesSince(
  ctx: ReadCtx,
  indexName: string,
  since: bigint | null,
  pageSize: number,
) {
  const unknown = async () => {
    const until = (await lastChange(ctx, indexName)) ?? BEGINNING;
    return { isKnown: false, ids: [], until, hasMore: false };
  };
  if (since === null) return await unknown();
  if (since !== BEGINNING && !(await isRemembered(ctx, indexName, since))) {
    return await unknown();
  }
  const ids = new Set<string>();
  let until = since;
  for await (const change of changesOf(ctx, indexName, since)) {
    // An emptied document: the changes before it are gone.
    if (until === BEGINNING && change.ids.length === 0) return await unknown();
    // A page doesn't end within a transaction, which may have stored several documents.
    if (ids.size >= pageSize && change.at !== until) {
      return { isKnown: true, ids: [...ids], until, hasMore: true };
    }
    for (const id of change.ids) ids.add(id);
    until = change.at;
  }
  return { isKnown: true, ids: [...ids], until, hasMore: false };
}
