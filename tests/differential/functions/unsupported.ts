// Values that JavaScript has and Convex doesn't.

class Point {
  x = 1;
}

export const unsupported: Record<string, () => any> = {
  "undefined in a list": () => [undefined],
  function: () => () => 1,
  symbol: () => Symbol("s"),
  Date: () => new Date(0),
  Map: () => new Map(),
  Set: () => new Set(),
  RegExp: () => /a/,
  "an instance": () => new Point(),
  "a view of bytes": () => new Uint8Array(1),
  "an integer beyond 64 bits": () => 2n ** 63n,
  "a field with a $": () => ({ $a: 1 }),
  "a field with a control character": () => ({ "a\n": 1 }),
  "a field that isn't ASCII": () => ({ é: 1 }),
  "a field's name beyond 1024 bytes": () => ({ ["a".repeat(1025)]: 1 }),
  "something deep": () => ({ a: [{ b: [undefined] }] }),
};
