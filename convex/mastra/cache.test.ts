import { beforeEach, describe, expect, test, vi } from "vitest";
import {
  cacheHandle,
  deployment,
  storedIn,
  type Deployment,
} from "../test.setup";

let db: Deployment;
beforeEach(() => {
  db = deployment();
});

const PREFIX = "mastra:cache:";
const call = (op: string, key: string, rest: object = {}) =>
  db.mutation(cacheHandle, {
    op,
    key: PREFIX + key,
    keyPrefix: PREFIX,
    expiresAt: null,
    ...rest,
  });
const result = async (op: string, key: string, rest: object = {}) =>
  (await call(op, key, rest)).result;
/** How many calls an operation needs. */
const calls = async (op: string, key: string, rest: object = {}) => {
  for (let n = 1; ; n++) if (!(await call(op, key, rest)).hasMore) return n;
};
const push = async (key: string, count: number) => {
  for (let value = 0; value < count; value++)
    await call("listPush", key, { value });
};

describe("a value", () => {
  test("is what was set last, any JSON", async () => {
    expect(await result("get", "a")).toBe(null);
    for (const value of [1, null, { b: [true, "x"] }]) {
      await call("set", "a", { value });
      expect(await result("get", "a")).toEqual(value);
    }
    await call("set", "a");
    expect(await result("get", "a")).toBe(null);
    expect(await storedIn(db, "mastra_cache")).toHaveLength(1);
  });

  test("may be sent and read as JSON text, with keys that Convex refuses", async () => {
    const valueJson = '{"$schema":"é"}';
    await call("set", "a", { valueJson });
    expect(await result("get", "a", { asJson: true })).toBe(valueJson);
    await call("listPush", "l", { valueJson });
    expect(
      await result("listFromTo", "l", { from: 0, to: -1, asJson: true }),
    ).toEqual([valueJson]);
    expect(await call("set", "a", { valueJson: "{" })).toEqual({
      ok: false,
      code: "InvalidRequest",
      error: "set valueJson must be JSON text",
    });
  });

  test("is gone when it has expired", async () => {
    vi.useFakeTimers({ now: 1000 });
    await call("set", "a", { value: 1, expiresAt: 2000 });
    vi.setSystemTime(1999);
    expect(await result("get", "a")).toBe(1);
    vi.setSystemTime(2000);
    expect(await result("get", "a")).toBe(null);
    await call("increment", "a");
    expect(await result("get", "a")).toBe(null);
    expect(await result("increment", "a")).toBe(2);
    vi.useRealTimers();
  });
});

describe("a list", () => {
  beforeEach(() => push("l", 4));

  test.each([
    [0, -1, [0, 1, 2, 3]],
    [1, 2, [1, 2]],
    [-2, -1, [2, 3]],
    [-9, 0, [0]],
    [2, 99, [2, 3]],
    [3, 2, []],
    [0, -5, []],
  ])("from %i to %i is %j", async (from, to, expected) => {
    expect(await result("listFromTo", "l", { from, to })).toEqual(expected);
    expect(await result("listFromTo", "missing", { from, to })).toEqual([]);
  });

  test("is read in pages with a cursor, whatever is pushed meanwhile", async () => {
    await push("long", 1001);
    const range = { from: -1001, to: -1 };
    const page = await call("listFromTo", "long", { ...range, cursor: null });
    expect(page.result).toHaveLength(1000);
    expect(page.hasMore).toBe(true);
    await push("long", 1);
    const cursor = page.continuationCursor;
    expect(await call("listFromTo", "long", { ...range, cursor })).toEqual({
      ok: true,
      result: [1000],
    });
    expect(await result("listFromTo", "long", range)).toHaveLength(1001);
  });

  test("takes objects with the index that a counter gives", async () => {
    const pushIndexed = async (valueJson: string) =>
      await call("listPushIndexed", "l", {
        valueJson,
        counterKey: `${PREFIX}n`,
      });
    await call("increment", "n");
    expect((await pushIndexed('{"$a":1}')).result).toBe(1);
    expect((await pushIndexed('{"index":9}')).result).toBe(2);
    const last = { from: -2, to: -1, asJson: true };
    expect(await result("listFromTo", "l", last)).toEqual([
      '{"$a":1,"index":1}',
      '{"index":2}',
    ]);
    expect(await pushIndexed("[]")).toMatchObject({
      code: "InvalidRequest",
      error: "listPushIndexed value must be an object",
    });
    expect(
      await call("listPushIndexed", "l", {
        valueJson: "{}",
        counterKey: `${PREFIX}l`,
      }),
    ).toMatchObject({
      code: "InvalidRequest",
      error: "listPushIndexed counterKey must differ from key",
    });
    expect(await result("listLength", "l")).toBe(6);
    await call("set", "n", { value: 1 });
    expect(await pushIndexed("{}")).toMatchObject({ code: "WrongKind" });
    expect(await result("listLength", "l")).toBe(6);
  });

  test("has a length and is no value", async () => {
    expect(await result("listLength", "l")).toBe(4);
    expect(await result("listLength", "missing")).toBe(0);
    expect(await result("get", "l")).toBe(null);
    expect(await call("increment", "l")).toMatchObject({
      ok: false,
      error: `${PREFIX}l exists but is not a number`,
    });
  });

  test("is replaced by a value once its items are gone, 25 a call", async () => {
    await push("long", 60);
    expect(await calls("set", "long", { value: 1 })).toBe(3);
    expect(await result("get", "long")).toBe(1);
    expect(await result("listLength", "l")).toBe(4);
    expect(await storedIn(db, "mastra_cache_list_items")).toHaveLength(4);
  });

  test("being deleted is empty at once", async () => {
    await push("l", 26);
    expect((await call("delete", "l")).hasMore).toBe(true);
    expect(await result("listLength", "l")).toBe(0);
    expect(await result("listFromTo", "l", { from: 0, to: -1 })).toEqual([]);
    await call("listPush", "l", { value: "new" });
    expect(await result("listFromTo", "l", { from: 0, to: -1 })).toEqual([
      "new",
    ]);
  });
});

test.each(["set", "increment"])("a key of %s is not a list", async (op) => {
  await call(op, "a", { value: 1 });
  for (const list of ["listPush", "listLength"]) {
    expect(await call(list, "a")).toEqual({
      ok: false,
      code: "WrongKind",
      error: `${PREFIX}a exists but is not an array`,
    });
  }
});

test("a counter counts from 1 and refreshes its expiry", async () => {
  expect(await result("increment", "n", { expiresAt: Date.now() + 1e6 })).toBe(
    1,
  );
  expect(await result("increment", "n")).toBe(2);
  expect(await storedIn(db, "mastra_cache")).toMatchObject([
    { kind: "counter", expiresAt: null },
  ]);
});

test("clear deletes the keys of its prefix, lists and left items too", async () => {
  await call("set", "z", { value: 1, keyPrefix: "other:" });
  for (let n = 0; n < 30; n++) await call("set", `a${n}`, { value: n });
  await push("l", 30);
  await db.run((ctx) =>
    ctx.db.insert("mastra_cache_list_items", {
      key: "gone",
      keyPrefix: PREFIX,
      index: 0,
      value: "1",
    }),
  );
  expect(await calls("clear", "")).toBeLessThan(7);
  expect(await storedIn(db, "mastra_cache")).toMatchObject([
    { keyPrefix: "other:" },
  ]);
  expect(await storedIn(db, "mastra_cache_list_items")).toEqual([]);
});

test("sweep deletes what has expired and nothing else", async () => {
  const past = { expiresAt: Date.now() - 1 };
  for (let n = 0; n < 30; n++)
    await call("set", `a${n}`, { value: n, ...past });
  await call("listPush", "l", { value: 1, ...past });
  await call("set", "later", { value: 1, expiresAt: Date.now() + 1e6 });
  await call("set", "never", { value: 1 });
  await calls("sweep", "");
  expect((await storedIn(db, "mastra_cache")).map(({ key }) => key)).toEqual([
    `${PREFIX}later`,
    `${PREFIX}never`,
  ]);
  expect(await storedIn(db, "mastra_cache_list_items")).toEqual([]);
});

test("all expired keys are deleted after some writes, and by none of these writes", async () => {
  vi.useFakeTimers({ now: Date.now() });
  const random = vi.spyOn(Math, "random").mockReturnValue(0.99);
  const past = { expiresAt: Date.now() - 1 };
  for (let n = 0; n < 60; n++)
    await call("set", `a${n}`, { value: n, ...past });
  await call("listPush", "l", { value: 1, ...past });
  random.mockReturnValue(0);
  // Writers of lasting keys have nothing to do with it.
  await call("set", "never", { value: 1 });
  await db.finishAllScheduledFunctions(vi.runAllTimers);
  expect(await storedIn(db, "mastra_cache")).toHaveLength(62);
  await call("set", "later", { value: 1, expiresAt: Date.now() + 1e6 });
  random.mockRestore();
  expect(await storedIn(db, "mastra_cache")).toHaveLength(63);
  await db.finishAllScheduledFunctions(vi.runAllTimers);
  expect((await storedIn(db, "mastra_cache")).map(({ key }) => key)).toEqual([
    `${PREFIX}never`,
    `${PREFIX}later`,
  ]);
  expect(await storedIn(db, "mastra_cache_list_items")).toEqual([]);
  vi.useRealTimers();
});

test("its version tells it from functions without one", async () => {
  expect(await result("version", "")).toBe(1);
});

test("an unknown operation is refused", async () => {
  expect(await call("frobnicate", "a")).toEqual({
    ok: false,
    code: "UnsupportedOperation",
    error: "Unsupported operation frobnicate",
  });
});
