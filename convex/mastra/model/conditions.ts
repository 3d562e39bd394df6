/**
 * Requests for rows: conditions on their fields, and an order with bounds.
 *
 * @module
 */
import type { Value } from "convex/values";
import {
  InvalidRequest,
  isRecord,
  recordField,
  type StorageRecord,
  type StorageRequest,
} from "./request";

/**
 * A condition on a row's field: to equal `value`, or one of `values`, where
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
export const BOUNDS = ["gt", "gte", "lt", "lte"] as const;
export type Bound = (typeof BOUNDS)[number];

/** Whether a condition asks for a value, for one of several, or for bounds. */
export function saysSomething(condition: StorageRecord): boolean {
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

/** Expressions of Convex's filters, whose results are of type `E`. */
export type Filtering<E> = {
  field: (path: string) => unknown;
  and: (...all: E[]) => E;
  or: (...all: E[]) => E;
} & Record<Bound | "eq", (a: unknown, b: unknown) => E>;

/** That a row satisfies conditions, as an expression of Convex's filters. */
export function holding<E>(q: Filtering<E>, conditions: Condition[]): E {
  return q.and(
    ...conditions.map((condition) => {
      const field = q.field(condition.field);
      const equals = (value: unknown) =>
        value === null ? q.lte(field, null) : q.eq(field, value);
      if (condition.value !== undefined) return equals(condition.value);
      if (condition.values) return q.or(...condition.values.map(equals));
      const bounds = BOUNDS.filter((bound) => condition[bound] !== undefined);
      return q.and(
        q.gt(field, null),
        ...bounds.map((bound) => q[bound](field, condition[bound])),
      );
    }),
  );
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
