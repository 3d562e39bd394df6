/**
 * Pages by number: a part of an ordered list, and how long the list is.
 *
 * Convex has cursors and no offsets. Where the number of rows is kept, a page
 * is read from the end of the list that is nearer, so that the last page costs
 * what the first does; rows between are passed over here, unsent.
 *
 * @module
 */
import { keptCount } from "./counts";
import { operation } from "./operation";
import { InvalidRequest, numberField, type StorageRequest } from "./request";
import {
  conditionsOf,
  cursorOf,
  isCount,
  MAX_ROWS_READ,
  orderingField,
  pageOf,
  refusedOrder,
  rowsWhere,
} from "./rows";
import type { AnyReadCtx, RecordTable } from "./server";

/** What is still to pass over and to read, and in which direction. */
type Part = { order: "asc" | "desc"; offset: number; limit: number };

/**
 * Rows `offset` to `offset + limit` in the order of an indexed field. Result:
 * `rows`; `total`, the length of the list, or null where it isn't kept; and of
 * the reading its `order`, which is not the one asked for where it began at
 * the list's end, with what is left of `offset` and `limit`. While `hasMore`,
 * the client asks for that with the cursor.
 */
export const queryPage = operation({
  args: (request) => ({
    conditions: conditionsOf(request, "filters"),
    ordering: orderingField(request, "orderBy"),
    offset: countField(request, "offset"),
    limit: countField(request, "limit"),
    cursor: cursorOf(request),
  }),
  handler: async (
    ctx,
    table: RecordTable,
    { conditions, ordering, cursor, ...asked },
  ) => {
    const refusal = refusedOrder(table, conditions, ordering);
    if (refusal !== undefined) return refusal;
    const total =
      cursor === null
        ? await keptCount(ctx, table, conditions, ordering)
        : null;
    const given = { order: ordering.order, ...asked };
    const part = total === null ? given : fromNearerEnd(given, total);
    if (part.limit === 0) {
      return { ok: true, result: { rows: [], total, ...part }, hasMore: false };
    }
    const { result, hasMore, continuationCursor } = await pageOf(
      rowsWhere(ctx as AnyReadCtx, table, conditions, {
        ...ordering,
        order: part.order,
      }),
      cursor,
      Math.min(part.offset + part.limit, MAX_ROWS_READ),
    );
    const rows = result.slice(part.offset);
    const left = {
      order: part.order,
      offset: Math.max(0, part.offset - result.length),
      limit: part.limit - rows.length,
    };
    return {
      ok: true,
      result: { rows, total, ...left },
      hasMore: hasMore && left.limit > 0,
      continuationCursor,
    };
  },
});

function countField(request: StorageRequest, name: string): number {
  const value = numberField(request, name);
  if (isCount(value)) return value;
  throw new InvalidRequest(
    `${request.op} ${name} must be a non-negative integer`,
  );
}

/** The same part of a list of `total` rows, where that passes over fewer. */
function fromNearerEnd(part: Part, total: number): Part {
  const begin = Math.min(part.offset, total);
  const end = Math.min(part.offset + part.limit, total);
  const limit = end - begin;
  if (begin <= total - end) return { ...part, limit };
  const order = part.order === "asc" ? "desc" : "asc";
  return { order, offset: total - end, limit };
}
