/**
 * Values in filters and metadata: equality, order, and the fields of names.
 *
 * The same rules in Rust: `rust/scan/src/filter/test.rs`.
 *
 * @module
 */
import { isRecord, type StorageRecord } from "./request";

/** Equality all the way down, where both kinds of numbers are one and NaN equals nothing. */
export function equal(a: unknown, b: unknown): boolean {
  if (isNumber(a) || isNumber(b)) {
    // Loose equality of a bigint and a number compares their exact values.
    return isNumber(a) && isNumber(b) && a == b;
  }
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, at) => equal(item, b[at]));
  }
  if (a instanceof ArrayBuffer && b instanceof ArrayBuffer) {
    const [left, right] = [new Uint8Array(a), new Uint8Array(b)];
    return (
      left.length === right.length &&
      left.every((byte, at) => byte === right[at])
    );
  }
  if (isRecord(a) && isRecord(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => hasField(b, name) && equal(a[name], b[name]))
    );
  }
  return a === b;
}

/** Negative, zero or positive for two numbers or two texts; other pairs and NaN have no order. */
export function compare(a: unknown, b: unknown): number | undefined {
  if (isNumber(a) && isNumber(b)) {
    if (a < b) return -1;
    if (a > b) return 1;
    return a == b ? 0 : undefined;
  }
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  return undefined;
}

/** The order by code point, which differs from that of UTF-16 units. */
function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Moves surrogates, which are parts of the largest code points, behind all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/**
 * The value of a name: the object's own field of that name, else a field of the
 * object under the part before a dot, the longest such part first. `undefined`
 * if there is none.
 */
export function find(value: unknown, name: string): unknown {
  if (!isRecord(value)) return undefined;
  if (hasField(value, name)) return value[name];
  for (
    let dot = name.lastIndexOf(".");
    dot >= 0;
    dot = dot > 0 ? name.lastIndexOf(".", dot - 1) : -1
  ) {
    const before = name.slice(0, dot);
    if (!hasField(value, before)) continue;
    const found = find(value[before], name.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

export function hasField(object: StorageRecord, name: string): boolean {
  return Object.prototype.hasOwnProperty.call(object, name);
}

export function isNumber(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
