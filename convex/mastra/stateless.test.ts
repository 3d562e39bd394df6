/**
 * The functions keep nothing from one call to the next, because the embedded
 * engine uses an isolate of theirs for many calls.
 *
 * @module
 */
import ts from "typescript";
import { describe, expect, test } from "vitest";
import {
  changedSince,
  freeze,
  globals,
} from "../../tests/support/state/frozen";
import { keptState, OPTIONS } from "../../tests/support/state/writes";

const FUNCTIONS = Object.keys(
  import.meta.glob(["/convex/**/*.ts", "!/convex/**/*.*.ts"]),
).map((path) => path.slice(1));

test("no function writes to what outlives its call", () => {
  expect(FUNCTIONS).toContain("convex/mastra/operations/messages.ts");
  const program = ts.createProgram(FUNCTIONS, OPTIONS);
  const kept = Object.entries(keptState(program, FUNCTIONS));
  expect(kept.filter(([, places]) => places.length > 0)).toEqual([]);
}, 120_000);

/** Code that keeps state, a module each. */
const KEEPING = [
  "let calls = 0;",
  "export let calls = 0;",
  "var calls = 0;",
  "for (let at = 0; at < 2; at++);",
  "const state = { calls: 0 }; function f() { state.calls = 1; }",
  "const state = { calls: 0 }; function f() { state.calls += 1; }",
  "const state = { calls: 0 }; function f() { state.calls ??= 1; }",
  "const state = { calls: 0 }; function f() { state.calls++; }",
  "const state = { calls: 0 }; function f() { --state['calls']; }",
  "const state = { a: { b: 0 } } as const; function f() { (state as any).a!.b = 1; }",
  "const state = { calls: 0 }; function f() { [state.calls] = [1]; }",
  "const state = { calls: 0 }; function f() { ({ a: state.calls = 2 } = { a: 1 }); }",
  "const state = { calls: 0 }; function f() { ({ ...(state as any).rest } = { a: 1 }); }",
  "const state = { calls: 0 }; function f() { for (state.calls of [1]); }",
  "const state: any = {}; function f() { for (state.name in {}); }",
  "const state: any = {}; function f() { delete state.name; }",
  "const state: any = {}; function f() { Object.assign(state, {}); }",
  "const state: any = {}; function f() { Object.defineProperty(state, 'a', {}); }",
  "const state: any = {}; function f() { Object.setPrototypeOf(state, null); }",
  "const state: any = {}; function f() { Reflect.set(state, 'a', 1); }",
  "const list: any[] = []; function f() { list.push(1); }",
  "const list: any[] = []; function f() { list.length = 0; }",
  "const list: any[] = []; const f = () => list.sort();",
  "const list: any[] = []; const f = () => list.reverse();",
  "const list: any[] = []; const f = () => Array.prototype.push.call(list, 1);",
  "const list: any[] = []; const f = () => [].push.apply(list as never);",
  "const list: any[][] = [[]]; function f() { list[0]?.splice(0); }",
  "const list: any[][] = [[]]; function f() { for (const one of list) one.pop(); }",
  "const list: any[][] = [[]]; function f() { const [one] = list; one!.shift(); }",
  "const list: any[] = []; function f(own?: any[]) { (own ?? list).unshift(1); }",
  "const list: any[] = []; function f(is: boolean) { (is ? [] : list).fill(1); }",
  "const map = new Map(); function f() { map.set(1, 2); }",
  "const map = new Map<any, any>(); function f() { map.get(1).seen = true; }",
  "const list: any[] = []; function f() { list.find((one) => one.a)!.a = 1; }",
  "const set = new Set(); function f() { set.add(1); }",
  "const weak = new WeakMap(); function f() { weak.delete({}); }",
  "const set = new Set(); function f() { set.clear(); }",
  "const bytes = new Uint8Array(8); function f() { bytes[0] = 1; }",
  "const bytes = new Uint8Array(8); function f() { bytes.copyWithin(0, 1); }",
  "const view = new DataView(new ArrayBuffer(8)); function f() { view.setInt8(0, 1); }",
  "const date = new Date(0); function f() { date.setTime(1); }",
  "function* count() { yield 1; } const counter = count(); const f = () => counter.next();",
  "const state = { n: 0 }; { const inner = state; inner.n = 1; }",
  "import { state } from './other'; function f() { state.push(1); }",
  "import * as other from './other'; function f() { other.state.push(1); }",
  "import { v } from 'convex/values'; function f() { (v as any).seen = 1; }",
  "function f() { (f as any).calls = 1; }",
  "class A { static calls = 0; m() { A.calls++; } }",
  "class A { calls = 0; m() { this.calls++; } } const a = new A();",
  "class A { list = [1]; m() { this.list.push(1); } } const a = new A();",
  "class A { #calls = 0; m = () => { this.#calls = 1; }; } const a = new A();",
  "function f() { (globalThis as any).calls = 1; }",
  "function f() { (Math as any).calls = 1; }",
  "function f() { (Array.prototype as any).last = 1; }",
  "function f() { Object.defineProperty(Object.prototype, 'a', {}); }",
  "function f() { delete (JSON as any).parse; }",
  "function f() { undeclared = 1; }",
  "const words = /a/g; function f() { words.test('a'); }",
  "const words = /a/y;",
  "const words = new RegExp('a', 'g');",
  "const f = (() => { let calls = 0; return () => calls++; })();",
  "const f = (() => { const seen = new Set(); return (x: any) => seen.add(x); })();",
  "function made() { let calls = 0; return () => calls++; } const f = made();",
  "const made = () => { const list: any[] = []; return () => list.push(1); }; const f = made();",
  "function inner() { let n = 0; return () => n++; } function made() { return inner(); } const f = made();",
  "const f = [1].map((n) => () => n++);",
  "class A { f; constructor() { let n = 0; this.f = () => n++; } } const a = new A();",
  "function f() { eval('1'); }",
  "const f = new Function('return 1');",
];

const KEEPING_NOTHING = [
  "const state = { calls: 0 }; function f() { return { ...state, calls: 1 }; }",
  "const list = [2, 1]; const f = () => [...list].sort();",
  "const list = [2, 1]; const f = () => list.map((n) => n).reverse();",
  "function f() { let calls = 0; calls++; return calls; }",
  "function f() { const list: any[] = []; [1].forEach((x) => list.push(x)); return list; }",
  "function f(ctx: any) { return ctx.db.delete('a'); }",
  "function f() { return new Map([[1, 2]]).set(1, 3); }",
  "function f() { for (const word of 'a b'.matchAll(/a/g)) return word; }",
  "const word = /a/i; const f = () => word.test('a');",
  "class A extends Error { code; constructor(code: string) { super(); this.code = code; } }",
  "import * as other from './other'; const f = () => other.clear();",
  "const f = [1].map((n) => { let sum = 0; sum += n; return sum; });",
];

/** The module that snippets import. One of them calls it as it is loaded. */
const OTHER = `
  export const state: number[] = [];
  export function clear() {}
  export function counter() { let n = 0; return () => n++; }
`;
const CALLING = "import { counter } from './other'; const f = counter();";

describe("state found by reading the source", () => {
  const found = keptInSnippets([...KEEPING, ...KEEPING_NOTHING, CALLING]);
  test.each(KEEPING)("state: %s", (snippet) => {
    expect(found.get(snippet)).not.toEqual([]);
  });
  test.each(KEEPING_NOTHING)("none: %s", (snippet) => {
    expect(found.get(snippet)).toEqual([]);
  });
  test("state: a closure of another module's function", () => {
    expect(found.get(OTHER)).toEqual([
      "4: changes n, which a closure made by loading a module holds",
    ]);
  });
});

/** The findings in each snippet, which is a module beside the module `./other`. */
function keptInSnippets(snippets: string[]): Map<string, string[]> {
  const modules = new Map(
    snippets.map((snippet, at) => [`/${at}.ts`, `${snippet}\nexport {};`]),
  );
  modules.set("/other.ts", OTHER);
  const host = ts.createCompilerHost(OPTIONS);
  const { fileExists, readFile } = host;
  host.fileExists = (name) => modules.has(name) || fileExists(name);
  host.readFile = (name) => modules.get(name) ?? readFile(name);
  const names = [...modules.keys()];
  const kept = keptState(ts.createProgram(names, OPTIONS, host), names);
  return new Map(
    [...modules].map(([name], at) => [snippets[at] ?? OTHER, kept[name]!]),
  );
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Held = any;

describe("changes found while tests run the functions", () => {
  test.each<[string, unknown, (held: Held) => unknown]>([
    ["a property", { a: 1 }, (held) => (held.a = 2)],
    ["a property inside", { a: { b: 1 } }, (held) => (held.a.b = 2)],
    ["a new property", {}, (held) => (held.a = 1)],
    ["a list", [[1]], (held) => held[0].push(2)],
    ["a map", new Map(), (held) => held.set(1, 2)],
    ["a value of a map", new Map([[1, {}]]), (held) => (held.get(1).a = 2)],
    ["a set", new Set([1]), (held) => held.clear()],
    ["a date", new Date(0), (held) => held.setTime(1)],
    ["a function's property", () => 1, (held) => (held.calls = 1)],
    ["a class", class {}, (held) => (held.prototype.a = 1)],
    ["a generator", (function* () {})(), (held) => held.next()],
  ])("%s", (_, held, change) => {
    freeze(held);
    expect(() => change(held)).toThrow(TypeError);
  });

  test("an array of bytes can't be frozen, so no module may hold one", () => {
    expect(() => freeze({ bytes: new Uint8Array(1) })).toThrow(TypeError);
  });

  test.each([
    ["Array.prototype.last", Array.prototype, "last"],
    ["Math.seen", Math, "seen"],
    ["globalThis.seen", globalThis, "seen"],
  ])("%s", (name, object, key) => {
    const before = globals();
    const value = { value: 1, configurable: true, enumerable: true };
    Object.defineProperty(object, key, value);
    expect(changedSince(before)).toEqual([name]);
    Reflect.deleteProperty(object, key);
    expect(changedSince(before)).toEqual([]);
  });
});
