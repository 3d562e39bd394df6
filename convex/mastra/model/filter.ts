/**
 * Mastra's filter language over the metadata of a row.
 *
 * A declared copy of `rust/scan/src/filter`, for searches that run in the
 * deployment. It has the same operators and errors, and the same cases test
 * both (`rust/scan/tests/filter_cases.json`). It lacks `$regex`, whose syntax is
 * that of Rust's `regex`.
 *
 * @module
 */
import { compare, equal, find, isNumber } from "./filterValues";
import { InvalidRequest, isRecord, type StorageRecord } from "./request";

/** A test of a value; a missing value is `undefined`. */
export type Test = (value: unknown) => boolean;

/** The error of an invalid filter: the place, the value and the expected form. */
export class FilterError extends InvalidRequest {
  constructor(path: string, found: string, expected: string) {
    const place = path === "" ? "filter" : `filter at ${path}`;
    super(`${place}: found ${found}, expected ${expected}`);
  }
}

/** Operators that join filters. */
const AROUND_FIELDS = ["$and", "$or", "$nor", "$not"];

/** Operators on the value of a field. */
const IN_FIELDS = [
  "$eq",
  "$ne",
  "$gt",
  "$gte",
  "$lt",
  "$lte",
  "$in",
  "$nin",
  "$all",
  "$contains",
  "$elemMatch",
  "$size",
  "$exists",
  "$regex",
  "$options",
  "$not",
];

/**
 * A filter as a test of a row's metadata. It is an object, or JSON text of one:
 * Convex refuses objects whose keys begin with `$`.
 */
export function compileFilter(given: unknown): Test {
  const filter = objectAt(
    typeof given === "string" ? parsedFilter(given) : given,
    "",
  );
  const wrapped = filter.metadata;
  const isWrapper =
    Object.keys(filter).length === 1 && isRecord(wrapped) && isFilter(wrapped);
  return isWrapper ? conditions(wrapped, "metadata") : conditions(filter, "");
}

/** JSON text as Convex writes values: int64, bytes and odd floats as objects of one key. */
function parsedFilter(text: string): unknown {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new FilterError("", `text that isn't JSON (${error})`, "an object");
  }
  return decoded(json);
}

function decoded(json: unknown): unknown {
  if (Array.isArray(json)) return json.map(decoded);
  if (!isRecord(json)) return json;
  const entries = Object.entries(json);
  if (entries.length === 1) {
    const [name, value] = entries[0]!;
    if (typeof value === "string") {
      if (name === "$integer") {
        return new DataView(bytesOf(value)).getBigInt64(0, true);
      }
      if (name === "$float") {
        return new DataView(bytesOf(value)).getFloat64(0, true);
      }
      if (name === "$bytes") return bytesOf(value);
    }
  }
  return Object.fromEntries(
    entries.map(([name, value]) => [name, decoded(value)]),
  );
}

function bytesOf(base64: string): ArrayBuffer {
  const text = atob(base64);
  return Uint8Array.from(text, (byte) => byte.charCodeAt(0)).buffer;
}

/** Whether an object can only be meant as a filter or a value: it has no key that is an operator of a field. */
function isFilter(object: StorageRecord): boolean {
  return Object.keys(object).every(
    (name) => !name.startsWith("$") || ["$and", "$or", "$nor"].includes(name),
  );
}

/** A filter: fields with their conditions, and operators that join filters. */
function conditions(fields: StorageRecord, path: string): Test {
  return all(
    Object.entries(fields).map(([name, operand]) => {
      const at = child(path, name);
      switch (name) {
        case "$and":
          return all(filters(operand, at));
        case "$or":
          return any(filters(operand, at));
        case "$nor":
          return not(any(filters(operand, at)));
        case "$not":
          return not(conditions(objectAt(operand, at), at));
      }
      if (IN_FIELDS.includes(name)) {
        throw new FilterError(
          at,
          `${name} outside a field`,
          `it inside one: {field: {"${name}": …}}`,
        );
      }
      if (name.startsWith("$")) throw unknown(at, name, AROUND_FIELDS);
      const test = condition(operand, at);
      return (value) => test(find(value, name));
    }),
  );
}

function filters(operand: unknown, path: string): Test[] {
  return listAt(operand, path, "a list of filters").map((filter, index) => {
    const at = `${path}[${index}]`;
    return conditions(objectAt(filter, at), at);
  });
}

/** A condition on a value: operators, or the value to equal. */
function condition(operand: unknown, path: string): Test {
  if (isRecord(operand)) {
    const names = Object.keys(operand);
    if (names.length > 0 && names.every((name) => name.startsWith("$"))) {
      return all(
        Object.entries(operand).map(([name, inner]) =>
          operator(name, inner, operand, child(path, name)),
        ),
      );
    }
  }
  checkPlain(operand, path);
  return equals(operand);
}

/** A value to compare with may have no operators at any depth, since they would have no effect. */
function checkPlain(value: unknown, path: string): void {
  if (Array.isArray(value)) {
    value.forEach((item, index) => checkPlain(item, `${path}[${index}]`));
  } else if (isRecord(value)) {
    for (const [name, inner] of Object.entries(value)) {
      if (name.startsWith("$")) {
        throw new FilterError(
          child(path, name),
          `${name} inside a value`,
          "only operators or none; conditions on what an object holds take a dotted path",
        );
      }
      checkPlain(inner, child(path, name));
    }
  }
}

/** One operator among those of an object. */
function operator(
  name: string,
  operand: unknown,
  siblings: StorageRecord,
  path: string,
): Test {
  switch (name) {
    case "$eq":
      return equals(operand);
    case "$ne":
      return not(equals(operand));
    case "$gt":
      return ordered(operand, path, (order) => order > 0);
    case "$gte":
      return ordered(operand, path, (order) => order >= 0);
    case "$lt":
      return ordered(operand, path, (order) => order < 0);
    case "$lte":
      return ordered(operand, path, (order) => order <= 0);
    case "$in":
      return any(listAt(operand, path, "a list").map(equals));
    case "$nin":
      return not(any(listAt(operand, path, "a list").map(equals)));
    case "$all": {
      const wanted = listAt(operand, path, "a list");
      return (value) =>
        Array.isArray(value) && wanted.every((item) => holds(value, item));
    }
    case "$contains":
      return (value) => {
        if (Array.isArray(value)) return holds(value, operand);
        return (
          typeof value === "string" &&
          typeof operand === "string" &&
          value.includes(operand)
        );
      };
    case "$elemMatch": {
      const test =
        isRecord(operand) && isFilter(operand)
          ? all([isRecord, conditions(operand, path)])
          : condition(operand, path);
      return (value) => Array.isArray(value) && value.some(test);
    }
    case "$size": {
      const length = natural(operand);
      if (length === undefined) {
        throw new FilterError(
          path,
          describe(operand),
          "a non-negative integer",
        );
      }
      return (value) => Array.isArray(value) && value.length === length;
    }
    case "$exists":
      if (typeof operand !== "boolean") {
        throw new FilterError(path, describe(operand), "a boolean");
      }
      return (value) => (value !== undefined) === operand;
    case "$not":
      return not(condition(operand, path));
    case "$regex":
      throw new FilterError(
        path,
        "$regex in a search of the deployment",
        'any other operator; the strategies "mirror" and "pages" of Python\'s ConvexVector can do $regex',
      );
    case "$options":
      if ("$regex" in siblings) return always;
      throw new FilterError(path, "$options alone", "$regex beside it");
  }
  if (AROUND_FIELDS.includes(name)) {
    throw new FilterError(
      path,
      `${name} inside a field`,
      `it around the fields: {"${name}": [{field: …}, …]}`,
    );
  }
  throw unknown(path, name, IN_FIELDS);
}

function ordered(
  operand: unknown,
  path: string,
  admits: (order: number) => boolean,
): Test {
  if (!isNumber(operand) && typeof operand !== "string") {
    throw new FilterError(path, describe(operand), "a number or a text");
  }
  return (value) => {
    const order = compare(value, operand);
    return order !== undefined && admits(order);
  };
}

const always: Test = () => true;

function all(tests: Test[]): Test {
  return (value) => tests.every((test) => test(value));
}

function any(tests: Test[]): Test {
  return (value) => tests.some((test) => test(value));
}

function not(test: Test): Test {
  return (value) => !test(value);
}

/** Equality as in `$eq`: null equals null and a missing field. */
function equals(operand: unknown): Test {
  if (operand === null) return (value) => value === null || value === undefined;
  return (value) => value !== undefined && equal(value, operand);
}

/** Whether a list has an element equal to a value. */
function holds(list: unknown[], operand: unknown): boolean {
  return list.some((item) => equal(item, operand));
}

function natural(value: unknown): number | undefined {
  if (typeof value === "bigint") return value >= 0n ? Number(value) : undefined;
  const isNatural = Number.isInteger(value) && (value as number) >= 0;
  return isNatural && (value as number) <= 2 ** 53
    ? (value as number)
    : undefined;
}

function objectAt(value: unknown, path: string): StorageRecord {
  if (isRecord(value)) return value;
  throw new FilterError(path, describe(value), "an object");
}

function listAt(value: unknown, path: string, expected: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new FilterError(path, describe(value), expected);
}

function child(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

function unknown(path: string, name: string, known: string[]): FilterError {
  const nearest = known
    .map((other) => ({ other, edits: distance(name, other) }))
    .sort((a, b) => a.edits - b.edits || (a.other < b.other ? -1 : 1))[0]!;
  return new FilterError(
    path,
    `the unknown operator ${name}`,
    nearest.edits <= 2
      ? `an operator; did you mean ${nearest.other}?`
      : `one of ${known.join(", ")}`,
  );
}

/** How many letters must be added, dropped or changed to make one name the other, capitals aside. */
function distance(a: string, b: string): number {
  const letters = [...b.toLowerCase()];
  let row = Array.from({ length: letters.length + 1 }, (_, at) => at);
  for (const [above, letter] of [...a.toLowerCase()].entries()) {
    const next = [above + 1];
    for (const [at, other] of letters.entries()) {
      const changed = row[at]! + (letter === other ? 0 : 1);
      next.push(Math.min(changed, row[at + 1]! + 1, next[at]! + 1));
    }
    row = next;
  }
  return row[letters.length]!;
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "string") {
    const letters = [...value];
    return letters.length > 40
      ? `the text ${JSON.stringify(letters.slice(0, 40).join(""))}…`
      : `the text ${JSON.stringify(value)}`;
  }
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof ArrayBuffer) return "bytes";
  return isRecord(value) ? "an object" : String(value);
}
