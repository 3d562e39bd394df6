/**
 * What changed in a vector index: a client that has its rows reads the changes
 * since, not the rows again.
 *
 * Each transaction that writes rows leaves their ids in a document of its own,
 * so that writers of one index never meet. The documents are in the order of
 * commits, which `_creationTime` is not: a reader who has seen everything up to
 * the timestamp of its snapshot finds the rest behind it.
 * https://docs.convex.dev/database/advanced/commit-timestamp
 *
 * @module
 */
import type { ReadCtx, WriteCtx } from "./server";

/** A client that asks less often than once an hour reads all rows again. */
const KEPT_NANOSECONDS = 3_600n * 1_000_000_000n;

/** One write in so many deletes old changes, up to so many. */
const WRITES_PER_CLEANING = 64;
const CHANGES_CLEANED = 2 * WRITES_PER_CLEANING;

/** Ids that a document holds with room to spare, whatever their characters. */
const CHARACTERS_PER_CHANGE = 250_000;

/** Remember that this transaction wrote or deleted the rows with these ids. */
export async function recordChange(
  ctx: WriteCtx,
  indexName: string,
  ids: string[],
) {
  for (let start = 0, end = 0; start < ids.length; start = end) {
    for (let characters = 0; end < ids.length; end++) {
      characters += ids[end]!.length;
      if (characters > CHARACTERS_PER_CHANGE && end > start) break;
    }
    await ctx.db.insert("mastra_vector_changes", {
      indexName,
      at: ctx.db.vars.commitTs,
      ids: ids.slice(start, end),
    });
  }
  // Not each time: two transactions that delete the same change conflict.
  if (Math.random() < 1 / WRITES_PER_CLEANING) await clean(ctx);
}

async function clean({ db, meta }: WriteCtx) {
  const oldest = meta.getSnapshotTs() - KEPT_NANOSECONDS;
  const old = await db
    .query("mastra_vector_changes")
    .withIndex("by_at", (q) => q.lt("at", oldest))
    .take(CHANGES_CLEANED);
  for (const { _id } of old) await db.delete("mastra_vector_changes", _id);
}

/**
 * The ids of rows that transactions after `since` wrote or deleted: those of
 * `pageSize` or a few more, and until when. Nothing is known since too long ago.
 */
export async function changesSince(
  { db, meta }: ReadCtx,
  indexName: string,
  since: bigint | null,
  pageSize: number,
) {
  const now = meta.getSnapshotTs();
  // Beyond the snapshot: it is of a deployment that was put back to an earlier state.
  if (since === null || since < now - KEPT_NANOSECONDS || since > now) {
    return { isKnown: false, ids: [], until: now, hasMore: false };
  }
  const changes = db
    .query("mastra_vector_changes")
    .withIndex("by_index_and_at", (q) =>
      q.eq("indexName", indexName).gt("at", since).lte("at", now),
    );
  const ids = new Set<string>();
  let until = since;
  for await (const change of changes) {
    // Not in the middle of a transaction, which may have left several.
    if (ids.size >= pageSize && change.at !== until) {
      return { isKnown: true, ids: [...ids], until, hasMore: true };
    }
    for (const id of change.ids) ids.add(id);
    until = change.at as bigint;
  }
  return { isKnown: true, ids: [...ids], until: now, hasMore: false };
}
