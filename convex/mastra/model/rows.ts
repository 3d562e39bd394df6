/**
 * Reading and deleting the rows of any table.
 *
 * @module
 */
import type { Value } from "convex/values";
import type { StorageReply } from "../validators";
import { indexes } from "./indexes";
import {
  InvalidRequest,
  isRecord,
  optional,
  recordField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "./request";
import type {
  AnyReadCtx,
  AnyRows,
  AnyWriteCtx,
  StoredRow,
  TableName,
} from "./server";

/** Mastra's number of rows one call clears; the client repeats while `hasMore`. */
export const ROWS_CLEARED_PER_CALL = 25;

/** Rows that one call counts by reading them. */
export const ROWS_COUNTED_PER_CALL = 1000;

/** Half of the 16 MiB a transaction may read: https://docs.convex.dev/production/state/limits */
const MAX_BYTES_READ = 8 * 1024 * 1024;

/** Half of the 32,000 documents a transaction may read: of what a filter passes over, too. */
const MAX_DOCUMENTS_READ = 16_000;

/** Mastra's bound on a read without pages; Convex's own is 32,000 a transaction. */
export const MAX_ROWS_READ = 10_000;

/**
 * What a row's field must satisfy: to equal `value`, or one of `values`, where
 * `null` is also equal to a field that is absent; or to be within bounds, which
 * an absent one isn't.
 */
export type Condition = {
  field: string;
  value?: unknown;
  values?: unknown[];
} & {
  [bound in Bound]?: unknown;
};

/** Rows in the order of a field, and where to start and stop. */
export type Ordering = {
  field: string;
  order: "asc" | "desc";
  gt?: Value;
  gte?: Value;
  lt?: Value;
  lte?: Value;
};
const BOUNDS = ["gt", "gte", "lt", "lte"] as const;
type Bound = (typeof BOUNDS)[number];

/** Whether a condition asks for a value, for one of several, or for bounds. */
function saysSomething(condition: StorageRecord): boolean {
  return (
    condition.value !== undefined ||
    Array.isArray(condition.values) ||
    BOUNDS.some((bound) => condition[bound] !== undefined)
  );
}

/** Whether the order leaves out rows. */
export function isBounded(ordering: Ordering | undefined): boolean {
  return BOUNDS.some((bound) => ordering?.[bound] !== undefined);
}

/** The index whose leading fields the most conditions name, and those conditions. */
function bestIndex(
  table: TableName,
  conditions: Condition[],
  ordering?: Ordering,
) {
  let best: { name: string; covered: Condition[] } | undefined;
  for (const [name, fields] of Object.entries(indexes[table])) {
    const covered: Condition[] = [];
    // Absent and `null` are a range, which ends what an index can cover.
    let isRange = false;
    for (const field of fields) {
      const condition = conditions.find(
        (c) => c.field === field && c.value !== undefined,
      );
      if (condition === undefined || isRange) break;
      covered.push(condition);
      isRange = condition.value === null;
    }
    const isOrdered =
      ordering === undefined ||
      (fields[covered.length] === ordering.field && !isRange);
    const least = ordering === undefined ? 1 : 0;
    if (
      isOrdered &&
      covered.length >= (best ? best.covered.length + 1 : least)
    ) {
      best = { name, covered };
    }
  }
  return best;
}

/** The rows that satisfy all conditions, through the index that fits best. */
export function rowsWhere(
  { db }: AnyReadCtx,
  table: TableName,
  conditions: Condition[],
  ordering?: Ordering,
): AnyRows {
  const silent = conditions.find((condition) => !saysSomething(condition));
  if (silent !== undefined) {
    // It would be satisfied by every row.
    throw new Error(`Nothing is asked of ${table}.${silent.field}`);
  }
  const index = bestIndex(table, conditions, ordering);
  if (index === undefined) return satisfying(db.query(table), conditions);
  const range = db
    .query(table)
    // Each call returns a builder for what may follow in a known index, which
    // types cannot follow through a loop; `never` stands for the name of each.
    .withIndex(index.name as never, (q) => {
      let builder: RangeBuilder = q as never;
      for (const { field, value } of index.covered) {
        // Only absent and `null` are not above `null` in Convex's order.
        builder =
          value === null ? builder.lte(field, null) : builder.eq(field, value);
      }
      for (const bound of BOUNDS) {
        const value = ordering?.[bound];
        if (value !== undefined)
          builder = builder[bound](ordering!.field, value);
      }
      return builder as never;
    })
    .order(ordering?.order ?? "asc");
  return satisfying(
    range,
    conditions.filter((c) => !index.covered.includes(c)),
  );
}

type RangeBuilder = Record<
  Bound | "eq",
  (field: string, value: unknown) => RangeBuilder
>;

function satisfying(rows: AnyRows, conditions: Condition[]): AnyRows {
  if (conditions.length === 0) return rows;
  // Only for conditions that no index covers.
  // eslint-disable-next-line @convex-dev/no-filter-in-query
  return rows.filter((q) =>
    q.and(
      ...conditions.map((condition) => {
        const field = q.field(condition.field);
        const equals = (value: unknown) =>
          value === null ? q.lte(field, null) : q.eq(field, value as never);
        if (condition.value !== undefined) return equals(condition.value);
        if (condition.values) return q.or(...condition.values.map(equals));
        const bounds = BOUNDS.filter((bound) => condition[bound] !== undefined);
        return q.and(
          q.gt(field, null),
          ...bounds.map((bound) => q[bound](field, condition[bound] as never)),
        );
      }),
    ),
  );
}

/** Whether a record satisfies conditions, where it is no row that Convex filters. */
export function satisfies(record: unknown, conditions: Condition[]): boolean {
  return conditions.every(({ field, value, values, ...bounds }) => {
    if (!isRecord(record)) return false;
    const found = (record[field] ?? null) as Comparable;
    if (value !== undefined) return found === value;
    if (values) return values.includes(found);
    return (
      found !== null &&
      BOUNDS.every(
        (bound) =>
          bounds[bound] === undefined ||
          comparisons[bound](found, bounds[bound] as Comparable),
      )
    );
  });
}

type Comparable = string | number;
const comparisons: Record<Bound, (a: Comparable, b: Comparable) => boolean> = {
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
};

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

/** `null` starts at the first page. */
export function cursorOf(request: StorageRequest): string | null {
  return request.cursor == null ? null : textField(request, "cursor");
}

export function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0;
}

/** Mastra's hint names the index and, outside `filters`, the values of its fields. */
function hintedConditions(hint: unknown): Condition[] {
  if (!isRecord(hint)) return [];
  const values = { workflow_name: hint.workflowName, run_id: hint.runId };
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => ({ field, value }));
}

export function conditionsOf(
  request: StorageRequest,
  name: string,
): Condition[] {
  const filters = request[name] ?? [];
  if (
    !Array.isArray(filters) ||
    !filters.every(
      (filter): filter is Condition =>
        isRecord(filter) &&
        typeof filter.field === "string" &&
        saysSomething(filter),
    )
  ) {
    throw new InvalidRequest(
      `${request.op} ${name} must be a list of {field, value}, {field, values} or {field} with bounds`,
    );
  }
  return filters;
}

/** `{ field, order?, gt?, gte?, lt?, lte? }`. */
export function orderingField(request: StorageRequest, name: string): Ordering {
  const given = recordField(request, name);
  const { field, order = "asc", gt, gte, lt, lte } = given;
  if (typeof field !== "string" || (order !== "asc" && order !== "desc")) {
    throw new InvalidRequest(
      `${request.op} ${name} must be {field, order: "asc" or "desc"}`,
    );
  }
  return { field, order, gt, gte, lt, lte } as Ordering;
}

/** The reply to a request whose order no index gives. */
export function refusedOrder(
  table: TableName,
  conditions: Condition[],
  ordering: Ordering | undefined,
): StorageReply | undefined {
  if (
    ordering === undefined ||
    bestIndex(table, conditions, ordering) !== undefined
  ) {
    return undefined;
  }
  return {
    ok: false,
    code: "InvalidRequest",
    error: `${table} has no index for these filters in the order of ${ordering.field}`,
  };
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
  const rows = rowsWhere(ctx, table, conditions, ordering);
  if (pageSize !== undefined) return await pageOf(rows, cursor, pageSize);
  // Mastra's clients send a limit of 0 for none.
  const wanted = Math.min(limit || MAX_ROWS_READ, MAX_ROWS_READ);
  const found = await rows.take(wanted + 1);
  return {
    ok: true,
    result: found.slice(0, wanted),
    hasMore: found.length > wanted,
  };
}

/** Up to `numItems` rows, fewer where they are large or the filters leave few. */
export async function pageOf(
  rows: AnyRows,
  cursor: string | null,
  numItems: number,
) {
  const { page, isDone, continueCursor } = await rows.paginate({
    cursor,
    numItems,
    maximumBytesRead: MAX_BYTES_READ,
    maximumRowsRead: MAX_DOCUMENTS_READ,
  });
  return {
    ok: true as const,
    result: page,
    hasMore: !isDone,
    continuationCursor: continueCursor,
  };
}

/** Delete the first of these rows; true if there are more of them. */
export async function clearSome(
  { db }: AnyWriteCtx,
  table: string,
  rows: AnyRows,
): Promise<boolean> {
  const { some, hasMore } = await firstOf(rows);
  for (const row of some) await db.delete(table, row._id);
  return hasMore;
}

/** The first rows, few enough to delete in one call, and whether there are more. */
export async function firstOf(rows: AnyRows, limit = ROWS_CLEARED_PER_CALL) {
  const some: StoredRow[] = [];
  let bytes = 0;
  for await (const row of rows) {
    // Deleting a row reads it again.
    if (some.length === limit || bytes > MAX_BYTES_READ / 2) {
      return { some, hasMore: true };
    }
    some.push(row);
    bytes += sizeOf(row);
  }
  return { some, hasMore: false };
}

/**
 * About the size of a row in bytes, rather more than less; an embedding, never
 * large beside 25 rows' bound, is not looked into.
 */
function sizeOf(row: object): number {
  const text = JSON.stringify(row, (name, value) => {
    if (name === "embedding") return undefined;
    return typeof value === "bigint" ? String(value) : value;
  });
  return /[^\u0000-\u007f]/.test(text) ? 3 * text.length : text.length;
}
