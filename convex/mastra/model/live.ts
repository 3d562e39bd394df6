/**
 * Reads of live queries. They use indexes only, so that a write to other rows
 * doesn't run them again.
 *
 * @module
 */
import { ConvexError } from "convex/values";
import type { Ordering } from "./conditions";
import { rowsIn } from "./counts/parts";
import { countOf } from "./counts/counts";
import { listOf } from "./counts/lists";
import { findRecord } from "./records";
import { isCount } from "./request";
import { rangeOf, type Range } from "./ranges";
import { pageOf, rowsOf, rowsWhere } from "./rows";
import type { AnyReadCtx, RecordTable, StoredRow } from "./server";

type Order = Ordering["order"];

/** The most rows that a live query returns, or counts by reading them. */
const MAX_ROWS = 1000;

export async function thread(ctx: AnyReadCtx, id: string) {
  return await findRecord(ctx, "mastra_threads", id);
}

export async function resource(ctx: AnyReadCtx, id: string) {
  return await findRecord(ctx, "mastra_resources", id);
}

export async function run(
  ctx: AnyReadCtx,
  workflowName: string,
  runId: string,
): Promise<StoredRow | null> {
  return await rowsWhere(ctx, "mastra_workflow_snapshots", [
    { field: "workflow_name", value: workflowName },
    { field: "run_id", value: runId },
  ]).first();
}

export function messages(threadId: string, order: Order) {
  return inOrder("mastra_messages", { thread_id: threadId }, order);
}

export function threads(resourceId: string, order: Order) {
  return inOrder("mastra_threads", { resourceId }, order);
}

export function runs({
  workflowName,
  resourceId,
}: {
  workflowName?: string | undefined;
  resourceId?: string | undefined;
}) {
  const fields = { resourceId, workflow_name: workflowName };
  return inOrder("mastra_workflow_snapshots", fields, "desc");
}

type Fields = Record<string, string | undefined>;

export function traces(fields: Fields) {
  const roots = [{ field: "isRoot", value: true }, ...conditionsOf(fields)];
  const ordering = { field: "startedAt", order: "desc" } as const;
  return rangeOf("mastra_ai_spans", roots, ordering);
}

export function scores(fields: Fields) {
  return inOrder("mastra_scorers", fields, "desc");
}

export function tasks(fields: Fields) {
  return inOrder("mastra_background_tasks", fields, "desc");
}

export async function threadState(
  ctx: AnyReadCtx,
  threadId: string,
  type: string,
): Promise<StoredRow | null> {
  return await rowsWhere(ctx, "mastra_thread_state", [
    { field: "threadId", value: threadId },
    { field: "type", value: type },
  ]).first();
}

export function threadStates(threadId: string) {
  return inOrder("mastra_thread_state", { threadId }, "asc", "type");
}

/** Those updated last come first, as in lists of them. */
export function notifications(fields: Fields) {
  return inOrder("mastra_notifications", fields, "desc", "updatedAt");
}

export function experiments(fields: Fields) {
  return inOrder("mastra_experiments", fields, "desc");
}

/** The first rows, at most 1000. `name` is the argument with the number. */
export async function first(
  ctx: AnyReadCtx,
  rows: Range,
  limit: number,
  name = "limit",
) {
  return await rowsOf(ctx, rows).take(rowsWanted(limit, name));
}

/** Rows from a cursor on, fewer than `limit` where they are large. */
export async function page(
  ctx: AnyReadCtx,
  rows: Range,
  {
    cursor = null,
    limit = 50,
  }: { cursor?: string | null | undefined; limit?: number | undefined },
) {
  const { result, hasMore, continuationCursor } = await pageOf(
    ctx,
    rows,
    cursor,
    rowsWanted(limit),
  );
  const nextCursor = hasMore ? continuationCursor : null;
  return { items: result, nextCursor, hasMore };
}

/** The number of rows. It is an estimate if it isn't kept and is larger than 1000. */
export async function count(
  ctx: AnyReadCtx,
  table: RecordTable,
  fields: Fields,
) {
  const conditions = conditionsOf(fields);
  const list = listOf(table, conditions, undefined);
  if (list !== undefined) {
    const { parts } = await countOf(ctx, list);
    if (parts.length > 0) return { count: rowsIn(parts), isEstimate: false };
  }
  const rows = await rowsWhere(ctx, table, conditions).take(MAX_ROWS + 1);
  return {
    count: Math.min(rows.length, MAX_ROWS),
    isEstimate: rows.length > MAX_ROWS,
  };
}

function inOrder(
  table: RecordTable,
  fields: Fields,
  order: Order,
  field = "createdAt",
): Range {
  return rangeOf(table, conditionsOf(fields), { field, order });
}

/** A condition that the given fields are equal. */
function conditionsOf(fields: Fields) {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => ({ field, value }));
}

function rowsWanted(limit: number, name = "limit"): number {
  if (isCount(limit) && limit > 0) return Math.min(limit, MAX_ROWS);
  throw new ConvexError({
    code: "InvalidArgument",
    message: `${name}: ${limit}; expected a positive integer`,
  });
}
