/**
 * `count`: how many rows there are.
 *
 * @module
 */
import { conditionsOf, isBounded, orderingField } from "../model/conditions";
import { beginCount, keptParts } from "../model/counts/counts";
import { rowsIn } from "../model/counts/parts";
import { cursorOf, optional } from "../model/request";
import {
  pageOf,
  refusedOrder,
  ROWS_COUNTED_PER_CALL,
  rowsWhere,
} from "../model/rows";
import type { RecordTable, WriteCtx } from "../model/server";
import { read } from "./operation";

/**
 * How many rows are equal in the filters' fields and within the bounds of
 * `orderBy`: `result`, to which the counts of further calls are added while
 * `hasMore`.
 */
export const count = read({
  args: (request) => ({
    conditions: conditionsOf(request, "filters"),
    ordering: optional(orderingField, request, "orderBy"),
    cursor: cursorOf(request),
  }),
  handler: async (
    ctx,
    table: RecordTable,
    { conditions, ordering, cursor },
  ) => {
    const refusal = refusedOrder(table, conditions, ordering);
    if (refusal !== undefined) return refusal;
    if (cursor === null) {
      const parts = await keptParts(ctx, table, conditions, ordering);
      if (parts.length > 0) {
        return { ok: true, result: rowsIn(parts), hasMore: false };
      }
    }
    const rows = rowsWhere(ctx, table, conditions, ordering);
    const page = await pageOf(rows, cursor, ROWS_COUNTED_PER_CALL);
    const isAll = cursor === null && !page.hasMore && !isBounded(ordering);
    if (isAll) {
      // To call it again does no harm, which is all that `read` promises.
      await beginCount(ctx as WriteCtx, table, conditions, page.result);
    }
    return { ...page, result: page.result.length };
  },
});
