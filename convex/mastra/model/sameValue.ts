/**
 * Equality of Convex values.
 *
 * @module
 */

/** Whether two values are the same all the way down; `undefined` fields are absent. */
export function sameValue(a: unknown, b: unknown): boolean {
  // NaN is the same as NaN, and 0 the same as -0.
  if (a === b || Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || !a || !b) return false;
  if (a instanceof ArrayBuffer || b instanceof ArrayBuffer) {
    if (!(a instanceof ArrayBuffer && b instanceof ArrayBuffer)) return false;
    return sameItems([...new Uint8Array(a)], [...new Uint8Array(b)]);
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && sameItems(a, b);
  }
  const [fields, others] = [presentFields(a), presentFields(b)];
  return (
    fields.size === others.size &&
    [...fields].every(
      ([name, value]) => others.has(name) && sameValue(value, others.get(name)),
    )
  );
}

function sameItems(a: unknown[], b: unknown[]) {
  return a.length === b.length && a.every((item, at) => sameValue(item, b[at]));
}

function presentFields(object: object) {
  const fields = Object.entries(object);
  return new Map(fields.filter(([, value]) => value !== undefined));
}
