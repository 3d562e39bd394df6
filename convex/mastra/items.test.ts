import { beforeEach, describe, expect, test, vi } from "vitest";
import { deployment, storageOf, storedIn } from "../test.setup";

const ITEMS = "mastra_items";
let db: ReturnType<typeof deployment>;
let call: ReturnType<typeof storageOf>;
beforeEach(() => {
  db = deployment();
  call = storageOf(db);
  vi.useRealTimers();
});

const item = (key: string, fields: object = {}) => ({
  namespace: "a.",
  key,
  value: `value of ${key}`,
  ...fields,
});
const get = async (...keys: string[]) => {
  const items = keys.map((key) => ({ namespace: "a.", key }));
  const { result } = await call("getItems", ITEMS, { items });
  return result.map((row: { value: string } | null) => row && row.value);
};

describe("items", () => {
  test("are found by namespace and key, null where there is none", async () => {
    await call("putItems", ITEMS, { items: [item("k"), item("l")] });
    expect(await get("l", "none", "k")).toEqual([
      "value of l",
      null,
      "value of k",
    ]);
    const other = [{ namespace: "b.", key: "k" }];
    expect((await call("getItems", ITEMS, { items: other })).result).toEqual([
      null,
    ]);
  });

  test("count their writes, and keep the time of the first one", async () => {
    await call("putItems", ITEMS, { items: [item("k")] });
    const [{ createdAt }] = (await storedIn(db, ITEMS)) as [
      { createdAt: string },
    ];
    const { result } = await call("putItems", ITEMS, {
      items: [item("k", { value: "new" }), item("l")],
    });
    expect(result.revisions).toEqual([2, 1]);
    expect((await storedIn(db, ITEMS))[0]).toMatchObject({
      value: "new",
      createdAt,
    });
  });

  test("that another writer changed are left alone, with all others of the call", async () => {
    await call("putItems", ITEMS, { items: [item("k")] });
    const reply = await call("putItems", ITEMS, {
      items: [item("l"), item("k", { value: "lost", expected: 0 })],
    });
    expect(reply).toMatchObject({
      ok: false,
      code: "RevisionConflict",
      details: { revision: 1, expected: 0 },
    });
    expect(await get("k", "l")).toEqual(["value of k", null]);
  });

  test("without a value are deleted, and the blob that they named is told", async () => {
    const large = item("k", { value: undefined, blob: "b" });
    await call("putItems", ITEMS, { items: [large] });
    const { result } = await call("putItems", ITEMS, {
      items: [{ namespace: "a.", key: "k" }],
    });
    expect(result).toEqual({ revisions: [0], blobs: ["b"] });
    expect(await storedIn(db, ITEMS)).toEqual([]);
  });

  test("expire; a read can begin their time anew", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 1000 });
    await call("putItems", ITEMS, { items: [item("k", { ttl: 100 })] });
    vi.setSystemTime(1090);
    const address = [{ namespace: "a.", key: "k" }];
    await call("readItems", ITEMS, { items: address });
    vi.setSystemTime(1150);
    expect(await get("k")).toEqual(["value of k"]);
    vi.setSystemTime(1190);
    expect(await get("k")).toEqual([null]);
    const { result } = await call("putItems", ITEMS, { items: [item("k")] });
    expect(result.revisions).toEqual([1]);
  });

  test("without a key are refused", async () => {
    const reply = await call("putItems", ITEMS, { items: [{ key: "k" }] });
    expect(reply).toMatchObject({
      ok: false,
      code: "InvalidRequest",
      error: "putItems items must have a namespace and a key each",
    });
  });
});
