/**
 * `queryTable`: the rows of a table that satisfy filters, by pages or up to a
 * limit.
 *
 * @module
 */
import type { StorageReply } from "../validators";
import {
  conditionsOf,
  orderingField,
  type Condition,
} from "../model/conditions";
import {
  cursorOf,
  InvalidRequest,
  isCount,
  isRecord,
  optional,
  type StorageRequest,
} from "../model/request";
import { rangeOf } from "../model/ranges";
import { MAX_ROWS_READ, pageOf, refusedOrder, rowsOf } from "../model/rows";
import type { AnyReadCtx, TableName } from "../model/server";

/** The arguments of `queryTable`, for every table that has it. */
export function queryArgs(request: StorageRequest) {
  const { pageSize, limit } = request;
  if (request.cursor !== undefined && pageSize === undefined) {
    throw new InvalidRequest("queryTable cursor requires pageSize");
  }
  if (pageSize !== undefined) {
    if (!isCount(pageSize) || pageSize === 0) {
      throw new InvalidRequest(
        "queryTable pageSize must be a positive integer",
      );
    }
    if (limit !== undefined) {
      throw new InvalidRequest(
        "queryTable limit cannot be combined with pageSize",
      );
    }
  }
  if (limit !== undefined && !isCount(limit)) {
    throw new InvalidRequest("queryTable limit must be a non-negative integer");
  }
  return {
    conditions: [
      ...hintedConditions(request.indexHint),
      ...conditionsOf(request, "filters"),
    ],
    ordering: optional(orderingField, request, "orderBy"),
    pageSize,
    cursor: cursorOf(request),
    limit,
  };
}

/** Mastra's hint names the index and, outside `filters`, the values of its fields. */
function hintedConditions(hint: unknown): Condition[] {
  if (!isRecord(hint)) return [];
  const values = { workflow_name: hint.workflowName, run_id: hint.runId };
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => ({ field, value }));
}

/** Answer `queryTable`: a page where `pageSize` is given, else up to `limit` rows. */
export async function queryRows(
  ctx: AnyReadCtx,
  table: TableName,
  {
    conditions,
    ordering,
    pageSize,
    cursor,
    limit,
  }: ReturnType<typeof queryArgs>,
): Promise<StorageReply> {
  const refusal = refusedOrder(table, conditions, ordering);
  if (refusal !== undefined) return refusal;
  const rows = rangeOf(table, conditions, ordering);
  if (pageSize !== undefined) return await pageOf(ctx, rows, cursor, pageSize);
  // Mastra's clients send a limit of 0 for none.
  const wanted = Math.min(limit || MAX_ROWS_READ, MAX_ROWS_READ);
  const found = await rowsOf(ctx, rows).take(wanted + 1);
  return {
    ok: true,
    result: found.slice(0, wanted),
    hasMore: found.length > wanted,
  };
}
