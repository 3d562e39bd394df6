/**
 * Pages by number: a part of an ordered list, and the list's length.
 *
 * Convex has cursors and no offsets. Where the number of rows is kept, reading
 * begins at the part of the count that holds the page, from its nearer end, so
 * that a page costs the same wherever it is; rows between are passed over here,
 * unsent.
 *
 * @module
 */
import {
  conditionsOf,
  isBounded,
  orderingField,
  type Ordering,
} from "../model/conditions";
import { rowsIn, type Part } from "../model/counts/parts";
import { countOf } from "../model/counts/counts";
import { listOf, orderOf } from "../model/counts/lists";
import { read } from "./operation";
import {
  cursorOf,
  InvalidRequest,
  isCount,
  numberField,
  type StorageRequest,
} from "../model/request";
import { rangeOf } from "../model/ranges";
import { MAX_ROWS_READ, pageOf, refusedOrder } from "../model/rows";
import type { RecordTable } from "../model/server";

/** A part of the rows: how many to skip in an order, and how many to take. */
type Reading = { orderBy: Ordering; offset: number; limit: number };

/**
 * Rows `offset` to `offset + limit` in the order of an indexed field. Result:
 * `rows`; `total`, the length of the list, or null where it isn't kept; and what
 * was chosen and is left to read: `orderBy`, whose direction may not be the one
 * asked for, `offset` and `limit`. While `hasMore`, the client asks for that
 * with the cursor.
 */
export const queryPage = read({
  args: (request) => ({
    conditions: conditionsOf(request, "filters"),
    orderBy: orderingField(request, "orderBy"),
    offset: countField(request, "offset"),
    limit: countField(request, "limit"),
    cursor: cursorOf(request),
  }),
  handler: async (
    ctx,
    table: RecordTable,
    { conditions, cursor, ...asked },
  ) => {
    const refusal = refusedOrder(table, conditions, asked.orderBy);
    if (refusal !== undefined) return refusal;
    const list =
      cursor === null ? listOf(table, conditions, asked.orderBy) : undefined;
    const { parts, isUntidy } = list
      ? await countOf(ctx, list)
      : { parts: [], isUntidy: false };
    const isKnown = parts.length > 0;
    const reading = isKnown ? nearest(asked, parts, orderOf(table)) : asked;
    if (reading.limit === 0) {
      const total = isKnown ? rowsIn(parts) : null;
      return {
        ok: true,
        result: { rows: [], total, ...reading },
        hasMore: false,
        isUntidy,
      };
    }
    const { orderBy, offset, limit } = reading;
    const { result, hasMore, continuationCursor } = await pageOf(
      ctx,
      rangeOf(table, conditions, orderBy),
      cursor,
      Math.min(offset + limit, MAX_ROWS_READ),
    );
    const rows = result.slice(offset);
    // The end of a list that was read from its beginning tells its length.
    const isWhole = cursor === null && !hasMore && !isBounded(orderBy);
    const length = isKnown ? rowsIn(parts) : isWhole ? result.length : null;
    const left = {
      orderBy,
      offset: Math.max(0, offset - result.length),
      limit: limit - rows.length,
    };
    return {
      ok: true,
      result: { rows, total: length, ...left },
      hasMore: hasMore && left.limit > 0,
      continuationCursor,
      isUntidy: isUntidy || (list !== undefined && length === null),
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

/** Another reading of the same rows, which passes over fewer. */
function nearest(
  { orderBy, offset, limit }: Reading,
  parts: Part[],
  order: string,
): Reading {
  const total = rowsIn(parts);
  const isForward = orderBy.order === "asc";
  const [near, far] = [offset, offset + limit].map((n) => Math.min(n, total));
  const begin = isForward ? near! : total - far!;
  const end = isForward ? far! : total - near!;
  limit = end - begin;
  // Parts are of dates; lists in another order have but two ends.
  const ends =
    orderBy.field === order ? parts : [{ from: undefined, count: total }];

  const readings: Reading[] = [];
  let before = 0;
  for (const [position, { from, count }] of ends.entries()) {
    const after = before + count;
    if (before <= begin && begin <= after) {
      const order = { ...orderBy, order: "asc" as const, gte: from };
      readings.push({ orderBy: order, offset: begin - before, limit });
    }
    if (before <= end && end <= after) {
      const until = ends[position + 1]?.from;
      const order = { ...orderBy, order: "desc" as const, lt: until };
      readings.push({ orderBy: order, offset: after - end, limit });
    }
    before = after;
  }
  // Of two that pass over as many, the one in the order asked for.
  const isAsked = (reading: Reading) =>
    reading.orderBy.order === orderBy.order ? 0 : 1;
  readings.sort((a, b) => a.offset - b.offset || isAsked(a) - isAsked(b));
  return readings[0]!;
}
