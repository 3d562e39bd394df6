/**
 * Forgetting a resource: deleting all that belongs to it, in every table that
 * has a column for the owner of a row.
 *
 * @module
 */
import { rulesOf } from "../model/columns";
import { forgetLists } from "../model/counts/counts";
import { deleteSome, type Deleted } from "../model/deleted";
import { textField } from "../model/request";
import { rowsWhere } from "../model/rows";
import type { RecordTable, WriteCtx } from "../model/server";
import { dropChanges } from "../model/vectorChanges";
import { mastraTables } from "../schema";
import { write } from "./operation";
import { deleteSomeMessages, deleteSomeOfThread } from "./threads";

/**
 * Delete a resource with its threads, their messages, all their vectors, its
 * observational memory, its runs, tasks, scores and traces, some rows a call:
 * the resource itself last. Then the changes of vector indexes forget the ids of
 * vectors. The client repeats while `hasMore`, and adds up the numbers.
 */
export const forgetResource = write({
  args: (request) => ({ id: textField(request, "id") }),
  handler: async (ctx, _table: "mastra_resources", { id }) => {
    const deleted: Deleted = new Map();
    const hasMore = await deleteSomeOf(ctx, id, deleted);
    return { ok: true, hasMore, result: Object.fromEntries(deleted) };
  },
});

/** Delete some rows of a resource; true if there may be more. */
async function deleteSomeOf(
  ctx: WriteCtx,
  id: string,
  deleted: Deleted,
): Promise<boolean> {
  const ownedIn = (table: RecordTable) =>
    rowsWhere(ctx, table, [{ field: rulesOf(table).owner!, value: id }]);
  const thread = await ownedIn("mastra_threads").first();
  if (thread !== null) {
    await deleteSomeOfThread(ctx, "mastra_threads", thread.id, deleted);
    return true;
  }
  // Those in threads of others.
  const messages = ownedIn("mastra_messages");
  if (await deleteSomeMessages(ctx, "mastra_messages", messages, deleted))
    return true;
  const observed = [{ field: "lookupKey", value: `resource:${id}` }];
  const rows = rowsWhere(ctx, "mastra_observational_memory", observed);
  if (await deleteSome(ctx, "mastra_observational_memory", rows, deleted))
    return true;
  if (await deleteSomeTraces(ctx, id, deleted)) return true;
  for (const table of ownedTables()) {
    if (await deleteSome(ctx, table, ownedIn(table), deleted)) return true;
    if (rulesOf(table).counted?.by?.includes(rulesOf(table).owner!)) {
      await forgetLists(ctx, table, rulesOf(table).owner!, id);
    }
  }
  // The changes of vector indexes still have the ids of the deleted vectors. A
  // change of this transaction has no timestamp yet, so they go in one that
  // deletes nothing else.
  return deleted.size > 0 || (await dropChanges(ctx));
}

/** Delete some of the traces that have a span of the resource. */
async function deleteSomeTraces(
  ctx: WriteCtx,
  id: string,
  deleted: Deleted,
): Promise<boolean> {
  const table = "mastra_ai_spans";
  for (const isRoot of [true, false]) {
    const owned = await rowsWhere(ctx, table, [
      { field: "isRoot", value: isRoot },
      { field: rulesOf(table).owner!, value: id },
    ]).first();
    if (owned === null) continue;
    const trace = [{ field: "traceId", value: owned.traceId }];
    await deleteSome(ctx, table, rowsWhere(ctx, table, trace), deleted);
    return true;
  }
  return false;
}

/** The tables whose rows have an owner, the resources themselves last. */
function ownedTables(): RecordTable[] {
  const owned = Object.values(mastraTables)
    .map(({ declaration }) => declaration.name as RecordTable)
    .filter((table) => rulesOf(table).owner !== undefined);
  const isLast = (table: RecordTable) => Number(table === "mastra_resources");
  // Spans have no index by their owner alone: `deleteSomeTraces` has found all.
  return owned
    .filter((table) => table !== "mastra_ai_spans")
    .sort((a, b) => isLast(a) - isLast(b));
}
