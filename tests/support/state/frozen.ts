/**
 * Freezes what modules hold, so that a function fails which changes it, and
 * tells whether a global was changed.
 *
 * @module
 */

const { hasOwnProperty: hasOwn } = Object.prototype;
const seen = new WeakSet<object>();

/** Freeze these values and everything in them. */
export function freeze(...values: unknown[]): void {
  for (const value of values) {
    if (!isObject(value) || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof Map) freeze(...value.keys(), ...value.values());
    if (value instanceof Set) freeze(...value);
    // The content of a map, a date or a running generator can't be frozen.
    for (const method of ["set", "add", "delete", "clear", "next", "setTime"]) {
      if (!(method in value) || hasOwn.call(value, method)) continue;
      const refuse = () => {
        throw new TypeError(`${method} changes what a module holds`);
      };
      Object.defineProperty(value, method, { value: refuse });
    }
    freeze(...held(value).map(([, { value }]) => value));
    Object.freeze(value);
  }
}

/** The objects that JavaScript itself gives every program. */
const INTRINSICS = [
  ...["Array", "ArrayBuffer", "BigInt", "Boolean", "DataView", "Date", "Error"],
  ...["Float64Array", "Function", "Iterator", "JSON", "Map", "Math", "Number"],
  ...["Object", "Promise", "Proxy", "Reflect", "RegExp", "Set", "String"],
  ...["Symbol", "TypeError", "Uint8Array", "WeakMap", "WeakRef", "WeakSet"],
];

/** The globals whose value isn't the one that `before` has. */
export function changedSince(before: Map<string, unknown>): string[] {
  const now = globals();
  const names = new Set([...before.keys(), ...now.keys()]);
  return [...names].filter(
    (name) => !Object.is(before.get(name), now.get(name)),
  );
}

/** Every property of the globals of JavaScript, with its value. */
export function globals(): Map<string, unknown> {
  const objects = INTRINSICS.flatMap((name): [string, unknown][] => {
    const object = (globalThis as Record<string, unknown>)[name];
    const prototype = (object as { prototype?: unknown } | undefined)
      ?.prototype;
    return [
      [name, object],
      [`${name}.prototype`, prototype],
    ];
  });
  // convex-test has a global of its own, as Convex does; Node's have symbols.
  const own = Object.keys(globalThis).filter((name) => name !== "Convex");
  const properties = objects.flatMap(([name, object]) =>
    isObject(object)
      ? held(object).map(([key, { value, get }]): [string, unknown] => [
          `${name}.${String(key)}`,
          value ?? get,
        ])
      : [],
  );
  return new Map([
    ...own.map((name): [string, unknown] => [`globalThis.${name}`, true]),
    ...properties,
  ]);
}

function held(object: object) {
  return Reflect.ownKeys(object).map(
    (key) => [key, Object.getOwnPropertyDescriptor(object, key)!] as const,
  );
}

function isObject(value: unknown): value is object {
  return (
    (typeof value === "object" && value !== null) || typeof value === "function"
  );
}
