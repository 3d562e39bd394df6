/**
 * `count`, the number of rows, and `tidy`, which keeps counting cheap.
 *
 * @module
 */
import { conditionsOf, orderingField } from "../model/conditions";
import { countOf } from "../model/counts/counts";
import { foldBefore, foldList } from "../model/counts/folding";
import { listOf } from "../model/counts/lists";
import { rowsIn } from "../model/counts/parts";
import { cursorOf, optional } from "../model/request";
import { rangeOf } from "../model/ranges";
import { pageOf, refusedOrder, ROWS_COUNTED_PER_CALL } from "../model/rows";
import type { RecordTable } from "../model/server";
import { read, write } from "./operation";

/** The most rows that are counted by reading them without asking for `tidy`. */
const FEW_ROWS = 100;

/** Younger differences aren't folded, since others of the same moment may still come. */
const SETTLED_MS = 1000;

/**
 * How many rows are equal in the filters' fields and within the bounds of
 * `orderBy`: `result`, to which the counts of further calls are added while
 * `hasMore`. With `isUntidy`, `tidy` makes later calls cheaper.
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
    const list = listOf(table, conditions, ordering);
    if (cursor === null && list !== undefined) {
      const { parts, isUntidy } = await countOf(ctx, list);
      if (parts.length > 0) {
        return { ok: true, result: rowsIn(parts), hasMore: false, isUntidy };
      }
    }
    const rows = rangeOf(table, conditions, ordering);
    const page = await pageOf(ctx, rows, cursor, ROWS_COUNTED_PER_CALL);
    const result = page.result.length;
    return {
      ...page,
      result,
      isUntidy: list !== undefined && result > FEW_ROWS,
    };
  },
});

/**
 * Fold the count of the list that the filters name; without filters, all counts
 * that changed some time ago. It changes no row. A client calls it now and then,
 * and can ignore a failure.
 */
export const tidy = write({
  args: (request) => ({
    conditions: optional(conditionsOf, request, "filters"),
  }),
  handler: async (ctx, table: RecordTable, { conditions }) => {
    if (conditions === undefined) {
      const hasMore = await foldBefore(ctx, Date.now() - SETTLED_MS);
      return { ok: true, hasMore };
    }
    const list = listOf(table, conditions, undefined);
    const hasMore = list !== undefined && (await foldList(ctx, list));
    return { ok: true, hasMore };
  },
});
