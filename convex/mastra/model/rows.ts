/**
 * Reading and deleting the rows of any table.
 *
 * @module
 */
import type { StorageReply } from "../validators";
import {
  InvalidRequest,
  isRecord,
  textField,
  type StorageRequest,
} from "./request";
import type { AnyReadCtx, AnyRows, AnyWriteCtx, TableName } from "./server";

/** Mastra's number of rows one call clears; the client repeats while `hasMore`. */
const ROWS_CLEARED_PER_CALL = 25;

/** Mastra's bound on a read without pages; Convex's own is 32,000 a transaction. */
const MAX_ROWS_READ = 10_000;

/**
 * The indexes of each table (the same as in `schema.ts`, a test compares).
 * Where several fit equally well the first is used, and its order is the
 * order of the rows: `by_index` before `by_index_id` keeps stored order.
 */
export const indexes: Record<TableName, Record<string, string[]>> = {
  mastra_threads: {
    by_record_id: ["id"],
    by_resource: ["resourceId"],
    by_created: ["createdAt"],
    by_updated: ["updatedAt"],
  },
  mastra_vector_indexes: {
    by_record_id: ["id"],
    by_name: ["indexName"],
  },
  mastra_vectors: {
    by_index: ["indexName"],
    by_index_id: ["indexName", "id"],
  },
};

/** An equality a row must satisfy. */
export type Condition = { field: string; value: unknown };

/** The index whose leading fields the most conditions name, and those conditions. */
function bestIndex(table: TableName, conditions: Condition[]) {
  let best: { name: string; covered: Condition[] } | undefined;
  for (const [name, fields] of Object.entries(indexes[table])) {
    const covered: Condition[] = [];
    for (const field of fields) {
      const condition = conditions.find((c) => c.field === field);
      if (condition === undefined) break;
      covered.push(condition);
    }
    if (covered.length > (best?.covered.length ?? 0)) best = { name, covered };
  }
  return best;
}

/** The rows that satisfy all conditions, through the index that fits best. */
export function rowsWhere(
  { db }: AnyReadCtx,
  table: TableName,
  conditions: Condition[],
): AnyRows {
  const index = bestIndex(table, conditions);
  if (index === undefined) return satisfying(db.query(table), conditions);
  const range = db
    .query(table)
    // Each `eq` returns a builder for the next field of a known index, which
    // types cannot follow through a loop; `never` stands for the name of each.
    .withIndex(index.name as never, (q) =>
      index.covered.reduce(
        (builder, { field, value }) =>
          builder.eq(field as never, value as never) as never,
        q,
      ),
    );
  return satisfying(
    range,
    conditions.filter((c) => !index.covered.includes(c)),
  );
}

function satisfying(rows: AnyRows, conditions: Condition[]): AnyRows {
  if (conditions.length === 0) return rows;
  // Only for conditions that no index covers.
  // eslint-disable-next-line @convex-dev/no-filter-in-query
  return rows.filter((q) =>
    q.and(
      ...conditions.map(({ field, value }) =>
        q.eq(q.field(field), value as never),
      ),
    ),
  );
}

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
    conditions: conditionsOf(request.filters ?? []),
    pageSize,
    // `null` starts at the first page.
    cursor: request.cursor == null ? null : textField(request, "cursor"),
    limit,
  };
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

function conditionsOf(filters: unknown): Condition[] {
  if (
    !Array.isArray(filters) ||
    !filters.every(
      (filter): filter is Condition =>
        isRecord(filter) &&
        typeof filter.field === "string" &&
        filter.value !== undefined,
    )
  ) {
    throw new InvalidRequest(
      "queryTable filters must be a list of {field, value}",
    );
  }
  return filters;
}

/** Answer `queryTable`: a page where `pageSize` is given, else up to `limit` rows. */
export async function queryRows(
  ctx: AnyReadCtx,
  table: TableName,
  { conditions, pageSize, cursor, limit }: ReturnType<typeof queryArgs>,
): Promise<StorageReply> {
  const rows = rowsWhere(ctx, table, conditions);
  if (pageSize !== undefined) {
    const { page, isDone, continueCursor } = await rows.paginate({
      cursor,
      numItems: pageSize,
    });
    return {
      ok: true,
      result: page,
      hasMore: !isDone,
      continuationCursor: continueCursor,
    };
  }
  // Mastra's clients send a limit of 0 for none.
  const wanted = Math.min(limit || MAX_ROWS_READ, MAX_ROWS_READ);
  const found = await rows.take(wanted + 1);
  return {
    ok: true,
    result: found.slice(0, wanted),
    hasMore: found.length > wanted,
  };
}

/** Delete the first of these rows; true if there are more of them. */
export async function clearSome(
  { db }: AnyWriteCtx,
  table: string,
  rows: AnyRows,
): Promise<boolean> {
  const found = await rows.take(ROWS_CLEARED_PER_CALL + 1);
  for (const row of found.slice(0, ROWS_CLEARED_PER_CALL)) {
    await db.delete(table, row._id);
  }
  return found.length > ROWS_CLEARED_PER_CALL;
}
