/**
 * Pruning: deleting the rows of a table that are older than a date.
 *
 * @module
 */
import { rulesOf } from "../model/columns";
import { deleteSome, type Deleted } from "../model/deleted";
import {
  InvalidRequest,
  isCount,
  numberField,
  type StorageRequest,
} from "../model/request";
import { rowsWhere } from "../model/rows";
import type { AnyRows, RecordTable, WriteCtx } from "../model/server";
import { mastraTables } from "../schema";
import type { StorageReply } from "../validators";
import { write } from "./operation";

/** The most rows that one call deletes. */
const MOST_ROWS = 1000;

/** Reads a time in milliseconds, and a number of rows. */
export function pruneArgs(request: StorageRequest) {
  const { limit = MOST_ROWS } = request;
  const before = numberField(request, "before");
  if (Number.isNaN(new Date(before).getTime())) {
    throw new InvalidRequest("prune before must be a time in milliseconds");
  }
  if (!isCount(limit) || limit < 1 || limit > MOST_ROWS) {
    throw new InvalidRequest(`prune limit must be from 1 to ${MOST_ROWS}`);
  }
  return { before, limit };
}

type PruneArgs = ReturnType<typeof pruneArgs>;

/** Deletes some of these rows, with all that belongs to them; true if there are more. */
type DeleteSome<T extends RecordTable> = (
  ctx: WriteCtx,
  table: T,
  rows: AnyRows,
  deleted: Deleted,
  limit: number,
) => Promise<boolean>;

/**
 * Delete up to `limit` rows whose date is before a time, the oldest first. The
 * client repeats while `hasMore`, and adds up the numbers.
 */
export async function pruneRows<T extends RecordTable>(
  ctx: WriteCtx,
  table: T,
  { before, limit }: PruneArgs,
  deleteRows: DeleteSome<T>,
): Promise<StorageReply> {
  const agedBy = rulesOf(table).agedBy!;
  const isNumber = fieldsOf(table)[agedBy]!.kind === "float64";
  const deleted: Deleted = new Map();
  for (const conditions of rangesOf(table)) {
    const rows = rowsWhere(ctx, table, conditions, {
      field: agedBy,
      order: "asc",
      gt: null,
      lt: isNumber ? before : new Date(before).toISOString(),
    });
    const hasMore = await deleteRows(ctx, table, rows, deleted, limit);
    if (hasMore || deleted.size > 0) {
      return { ok: true, hasMore: true, result: Object.fromEntries(deleted) };
    }
  }
  return { ok: true, hasMore: false, result: {} };
}

/** The parts of a table, each of which has an index by date. */
function rangesOf(table: RecordTable) {
  if (table !== "mastra_ai_spans") return [[]];
  return [true, false].map((value) => [{ field: "isRoot", value }]);
}

/** The validators of a table's columns. */
function fieldsOf(table: RecordTable): Record<string, { kind: string }> {
  return mastraTables[table].validator.fields;
}

/** Prune rows to which nothing else belongs. */
export const prune = write({
  args: pruneArgs,
  handler: async (ctx, table: RecordTable, args) =>
    await pruneRows(ctx, table, args, deleteSome),
});
