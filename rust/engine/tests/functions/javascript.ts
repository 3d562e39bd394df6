import { queryGeneric as query } from "convex/server";
import { v } from "convex/values";

const define = (handler: (args: any) => any) => query({ args: v.any(), handler: (_, args) => handler(args) });

// --- Packed arrays
export const same = define(({ x }) => x);
export const wrapped = define(({ x }) => ({ deep: [{ x }], length: x.length }));
export const looks = define(({ x }) => ({
  isArray: Array.isArray(x),
  length: x.length,
  json: JSON.stringify(x) === JSON.stringify([...x]),
  spread: [...x].length,
  hasFirst: 0 in x,
  hasBeyond: x.length in x,
  keys: Object.keys(x).length,
  sum: x.reduce((sum: number, n: number) => sum + n, 0),
  iterated: (() => {
    let count = 0;
    for (const _ of x) count++;
    return count;
  })(),
  instance: x instanceof Array,
  mapped: Array.isArray(x.map((n: number) => n)),
  concat: [1].concat(x).length,
  slice: x.slice(1, 3),
  x,
}));
export const mutates = define(({ x }) => {
  x[0] = 7;
  x.push(8);
  delete x[1];
  x[1] = 9;
  return x;
});
export const shortens = define(({ x }) => {
  x.length = 2;
  return x;
});
export const mixes = define(({ x }) => {
  x[3] = "text";
  return x;
});

// --- Changes that a call makes to globals
let calls = 0;
const loadedAt = [Date.now(), Math.random()];
export const leaves = define(() => {
  calls += 1;
  Object.assign(globalThis, { left: 1 });
  Object.assign(Object.prototype, { left: 1 });
  Object.assign(Array.prototype, { map: () => "left" });
  Math.abs = () => 7;
  JSON.stringify = () => "left";
  return calls;
});
export const finds = define(() => ({
  calls,
  left: ["left" in globalThis, "left" in {}, [1].map((x) => x), Math.abs(-1), JSON.stringify(1)],
}));
export const loaded = define(() => loadedAt);

// --- Loops of QuickJS's own
const long = { length: 2 ** 53 - 1 };
const prototype = Array.prototype as any;
const loops: Record<string, () => unknown> = {
  join: () => new Array(4e9).join(),
  text: () => String(new Array(4e9)),
  sort: () => new Array(3e8).sort(),
  toSorted: () => new Array(3e8).toSorted(),
  reverse: () => prototype.reverse.call(long),
  indexOf: () => prototype.indexOf.call(long, 1),
  includes: () => prototype.includes.call(long, 1),
  forEach: () => new Array(4e9).forEach(() => 1),
  reduce: () => new Array(4e9).reduce((sum) => sum, 0),
  concat: () => [].concat(new Array(4e9) as never[]),
  shift: () => prototype.shift.call({ length: 2 ** 32 }),
  splice: () => prototype.splice.call({ length: 2 ** 53 - 1 }, 0, 1),
  fill: () => prototype.fill.call({ length: 2 ** 32 }, 0),
  slice: () => prototype.slice.call({ length: 2 ** 32 - 1 }),
};
export const loopNames = define(() => Object.keys(loops));
export const loop = define(({ x }) => {
  loops[x]();
  return null;
});

// --- Clock, random numbers, console
export const clock = define(() => {
  const before = Date.now();
  let sum = 0;
  for (let i = 0; i < 200_000; i++) sum += i;
  return { frozen: before === Date.now() && new Date().getTime() === before, integer: Number.isInteger(before), before };
});
export const chance = define(() => Array.from({ length: 8 }, () => Math.random()));
export const logs = define(({ x }) => {
  console.log("a", 1, { b: [true, null] });
  console.warn("careful");
  console.error(x);
  return null;
});
export const logsMuch = define(() => {
  const long = "é".repeat(20_000);
  for (let line = 0; line < 300; line++) console.log(long);
  return null;
});

// --- Values
export const undefinedResult = define(() => undefined);
export const special = define(({ kind }) => {
  switch (kind) {
    case "date":
      return { when: [new Date(0)] };
    case "map":
      return new Map();
    case "class":
      return new (class Thing {})();
    case "function":
      return { f: () => 1 };
    case "symbol":
      return Symbol("s");
    case "undefined in array":
      return { list: [1, undefined] };
    case "hole in array":
      return [1, , 3];
    case "undefined field":
      return { a: 1, b: undefined };
    case "big bigint":
      return 2n ** 63n;
    case "bigint":
      return [-(2n ** 63n), 2n ** 63n - 1n, 0n];
    case "surrogate":
      return "\ud800";
    case "proxy":
      return new Proxy({}, { get: () => 1 });
    case "revoked": {
      const { proxy, revoke } = Proxy.revocable([], {});
      revoke();
      return { proxy };
    }
    case "bytes":
      return new Uint8Array([0, 1, 255]).buffer;
    case "no prototype":
      return Object.assign(Object.create(null), { a: 1 });
    case "proto":
      return JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
    case "dollar":
      return { $a: 1 };
    case "getter":
      return {
        get a(): number {
          throw new RangeError("from the getter");
        },
      };
  }
});
export const cyclic = define(({ array }) => {
  if (array) {
    const list: any[] = [];
    list.push(list);
    return list;
  }
  const object: any = {};
  object.self = object;
  return object;
});
export const nested = define(({ levels }) => {
  let value: any = 1;
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { value };
  return value;
});
export const longArray = define(({ length }) => new Array(length).fill("x"));
export const sparse = define(() => new Array(4_000_000_000));
export const laughs = define(() => {
  let value: any = "ha".repeat(100);
  for (let i = 0; i < 20; i++) value = [value, value, value, value];
  return value;
});

// --- Code that doesn't end
export const forever = define(() => {
  for (;;);
});
export const foreverCaught = define(() => {
  for (;;) {
    try {
      for (;;);
    } catch {
      // The interruption can't be caught.
    }
  }
});
export const foreverInJobs = define(() => {
  // No job waits for the next one, so the heap doesn't grow.
  const again = (): void => void Promise.resolve().then(again);
  again();
  return new Promise(() => {});
});
export const never = define(() => new Promise(() => {}));
export const deep = define(() => {
  const down = (n: number): number => 1 + down(n + 1);
  return down(0);
});
export const deepCaught = define(() => {
  const down = (n: number): number => 1 + down(n + 1);
  try {
    down(0);
  } catch (error: any) {
    return error.name;
  }
});
export const depth = define(({ levels }) => {
  const down = (n: number): number => (n === 0 ? 0 : 1 + down(n - 1));
  return down(levels);
});
export const deepJson = define(() => JSON.parse("[".repeat(1_000_000)));
export const hungry = define(() => {
  const eaten: any[] = [];
  for (;;) eaten.push(new ArrayBuffer(1 << 20));
});
export const hungryForLists = define(() => {
  const eaten: any[] = [];
  for (;;) eaten.push([1]);
});
export const hungryForLinks = define(() => {
  let last: any = null;
  for (;;) last = { last };
});
export const fullAndCaught = define(() => {
  try {
    new ArrayBuffer(1 << 30);
  } catch {
    throw new Error("it did not fit");
  }
});
export const outOfOwnMemory = define(() => {
  throw Object.assign(new Error("out of memory"), { name: "InternalError" });
});
export const throwsNull = define(() => {
  throw null;
});
const hoard: any[] = [];
export const hoards = define(() => {
  for (let i = 0; i < 40; i++) hoard.push(new ArrayBuffer(1 << 20).slice(0));
  return hoard.length;
});
export const throws = define(() => {
  throw new TypeError("of this kind");
});
export const throwsText = define(() => {
  throw "text";
});
export const throwsOdd = define(() => {
  throw Object.create(null);
});
export const globals = define(() => {
  const bytes = new TextEncoder().encode("é€");
  const original = { a: [1, { b: null }] };
  const cloned = structuredClone(original);
  return {
    text: new TextDecoder().decode(bytes),
    bytes: [...bytes],
    base64: btoa("ÿí"),
    again: atob("/+0"),
    cloned,
    isCopy: cloned.a !== original.a,
    uuid: crypto.randomUUID(),
    env: process.env["HOME"] ?? null,
  };
});
export const notBase64 = define(() => atob("!"));
