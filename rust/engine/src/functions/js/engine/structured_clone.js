// `structuredClone`.

const refused = (value) => new DOMException(`${String(value)} could not be cloned.`, "DataCloneError");

/** A deep copy of a value. Shared and cyclic references in the value are so in the copy too. */
export function structuredClone(value) {
  return copy(value, new Map());
}

function copy(value, copies) {
  if (typeof value === "function" || typeof value === "symbol") throw refused(value);
  if (typeof value !== "object" || value === null) return value;
  if (copies.has(value)) return copies.get(value);
  const keep = (made) => {
    copies.set(value, made);
    return made;
  };
  if (value instanceof Date) return keep(new Date(value.getTime()));
  if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
  if (value instanceof ArrayBuffer) return keep(value.slice(0));
  if (ArrayBuffer.isView(value)) {
    const buffer = copy(value.buffer, copies);
    return keep(new value.constructor(buffer, value.byteOffset, value instanceof DataView ? value.byteLength : value.length));
  }
  if (value instanceof Number || value instanceof String || value instanceof Boolean) return keep(Object(value.valueOf()));
  if (value instanceof Map) {
    const map = keep(new Map());
    for (const [key, item] of value) map.set(copy(key, copies), copy(item, copies));
    return map;
  }
  if (value instanceof Set) {
    const set = keep(new Set());
    for (const item of value) set.add(copy(item, copies));
    return set;
  }
  if (value instanceof Error) {
    const error = keep(new (globalThis[value.name] ?? Error)(value.message));
    if ("cause" in value) error.cause = copy(value.cause, copies);
    return error;
  }
  if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef) {
    throw refused(value);
  }
  const made = keep(Array.isArray(value) ? new Array(value.length) : {});
  for (const key of Object.keys(value)) {
    Object.defineProperty(made, key, { value: copy(value[key], copies), configurable: true, enumerable: true, writable: true });
  }
  return made;
}
