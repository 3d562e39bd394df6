/**
 * Pages in a component, where Convex has no `.paginate()`.
 *
 * A cursor is the place of the last row that was read: its values of the
 * index's fields, then its time and its id, which all indexes end with. The rows
 * after it are several ranges of the index: those equal to the cursor in all
 * fields but the last one, then in all but the last two, and so on.
 *
 * @module
 */
import {
  compareValues,
  convexToJson,
  ConvexError,
  getConvexSize,
  jsonToConvex,
  type Value,
} from "convex/values";
import { holding, type Filtering } from "./conditions";
import { rowsIn, type Range } from "./ranges";
import { isRecord } from "./request";
import type { AnyReadCtx, StoredRow } from "./server";

/** The cursor after the last row. */
const END = "end";

/** The options of a page, as `.paginate()` has them. */
export type PageOptions = {
  cursor: string | null;
  numItems: number;
  maximumBytesRead: number;
  maximumRowsRead: number;
};

/** The rows of a range from a cursor on, up to the first limit that is reached. */
export async function componentPage(
  ctx: AnyReadCtx,
  range: Range,
  { cursor, numItems, maximumBytesRead, maximumRowsRead }: PageOptions,
) {
  const page: StoredRow[] = [];
  let [rows, bytes] = [0, 0];
  for (const part of rangesAfter(range, cursor)) {
    for await (const row of rowsIn(ctx, part)) {
      if (isAdmitted(row, range)) page.push(row);
      rows += 1;
      bytes += getConvexSize(row);
      const isFull =
        page.length >= numItems ||
        rows >= maximumRowsRead ||
        bytes >= maximumBytesRead;
      if (isFull) {
        return { page, isDone: false, continueCursor: cursorAt(row, range) };
      }
    }
  }
  return { page, isDone: true, continueCursor: END };
}

/** Whether a row satisfies the conditions that the index doesn't cover. */
function isAdmitted(row: StoredRow, { others }: Range): boolean {
  if (others.length === 0) return true;
  const order = (a: unknown, b: unknown) =>
    compareValues(a as Value, b as Value);
  const filtering: Filtering<boolean> = {
    field: (path) => valueAt(row, path),
    and: (...all) => all.every((one) => one),
    or: (...all) => all.some((one) => one),
    eq: (a, b) => order(a, b) === 0,
    gt: (a, b) => order(a, b) > 0,
    gte: (a, b) => order(a, b) >= 0,
    lt: (a, b) => order(a, b) < 0,
    lte: (a, b) => order(a, b) <= 0,
  };
  return holding(filtering, others);
}

/** The fields by which the rows of a range are ordered. */
function keyOf({ fields, equal }: Range): string[] {
  return [...fields.slice(equal.length), "_creationTime", "_id"];
}

function valueAt(row: StoredRow, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, name) => (isRecord(value) ? value[name] : undefined),
      row,
    );
}

/** A list for each field: with its value, or empty where it is absent. */
function cursorAt(row: StoredRow, range: Range): string {
  const places = keyOf(range).map((field) => {
    const value = valueAt(row, field);
    return value === undefined ? [] : [convexToJson(value as Value)];
  });
  return JSON.stringify(places);
}

function valuesAt(cursor: string, length: number): (Value | undefined)[] {
  try {
    const places = JSON.parse(cursor);
    if (Array.isArray(places) && places.length === length) {
      return places.map((place) =>
        place.length === 0 ? undefined : jsonToConvex(place[0]),
      );
    }
  } catch {
    // The error below says what is expected.
  }
  throw new ConvexError({
    code: "InvalidRequest",
    message: `cursor must be one of this query's own`,
  });
}

/** The parts of a range that come after a cursor, in order. */
function rangesAfter(range: Range, cursor: string | null): Range[] {
  if (cursor === null) return [range];
  if (cursor === END) return [];
  const key = keyOf(range);
  const values = valuesAt(cursor, key.length);
  const isForward = range.order === "asc";
  const ends = range.bounds.filter(({ bound }) =>
    bound.startsWith(isForward ? "lt" : "gt"),
  );
  const after = isForward ? "gt" : "lt";
  return key
    .map((field, at) => ({
      ...range,
      index: range.index ?? "by_creation_time",
      equal: [
        ...range.equal,
        ...key.slice(0, at).map((field, n) => ({ field, value: values[n] })),
      ],
      bounds: [
        { field, bound: after, value: values[at] } as const,
        ...(at === 0 ? ends : []),
      ],
    }))
    .reverse();
}
