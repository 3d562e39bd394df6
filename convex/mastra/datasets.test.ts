import { beforeEach, describe, expect, test } from "vitest";
import {
  deployment,
  storageOf,
  storedIn,
  type Deployment,
} from "../test.setup";

const DATASETS = "mastra_datasets";
const ITEMS = "mastra_dataset_items";
const VERSIONS = "mastra_dataset_versions";
const EXPERIMENTS = "mastra_experiments";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
beforeEach(async () => {
  db = deployment();
  call = storageOf(db);
  for (const id of ["d", "e"]) await create(id);
});

const at = "2026-01-01T00:00:00.000Z";
const create = (id: string, fields: object = {}) =>
  call("createDataset", DATASETS, {
    record: {
      id,
      name: id,
      organizationId: "org",
      version: 0,
      createdAt: at,
      updatedAt: at,
      ...fields,
    },
  });
const insert = (items: object[], fields: object = {}) =>
  call("insertItems", ITEMS, { datasetId: "d", items, ...fields });
const update = (id: string, record: object, fields: object = {}) =>
  call("updateItem", ITEMS, { datasetId: "d", id, record, ...fields });
const history = async (id: string) =>
  (await storedIn(db, ITEMS)).filter((row) => row.id === id);
const versions = async () =>
  (await storedIn(db, VERSIONS)).map((row) => row.version);
const count = async (value: string) =>
  (await call("count", ITEMS, { filters: [{ field: "currentIn", value }] }))
    .result;

test("a dataset's id is taken once", async () => {
  expect(await create("d")).toMatchObject({ ok: false, code: "AlreadyExists" });
});

describe("items", () => {
  test("that are inserted together are one version of their dataset", async () => {
    const { result } = await insert([
      { id: "a", input: 1 },
      { id: "b", input: 2, groundTruth: 4 },
    ]);
    expect(result).toMatchObject([{ id: "a" }, { id: "b", groundTruth: 4 }]);
    const fields = { datasetId: "d", datasetVersion: 1, isDeleted: false };
    const tenant = { organizationId: "org", currentIn: "d" };
    expect(await storedIn(db, ITEMS)).toMatchObject([
      { id: "a", input: 1, ...fields, ...tenant },
      { id: "b", input: 2, ...fields, ...tenant },
    ]);
    expect(await storedIn(db, DATASETS)).toMatchObject([
      { id: "d", version: 1, updatedAt: at },
      { id: "e", version: 0 },
    ]);
    expect(await versions()).toEqual([1]);
    expect(await count("d")).toBe(2);
  });

  test("that are none are no version", async () => {
    expect(await insert([])).toMatchObject({ result: [] });
    expect(await versions()).toEqual([]);
  });

  test("keep their older versions when they are updated", async () => {
    await insert([{ id: "a", input: 1, groundTruth: 1, metadata: { m: 1 } }]);
    const { result } = await update("a", { input: 2, groundTruth: null });
    expect(result).toMatchObject({ id: "a", input: 2, metadata: { m: 1 } });
    const [first, second] = await history("a");
    expect(first).toMatchObject({ input: 1, datasetVersion: 1, validTo: 2 });
    expect(first!.currentIn).toBeUndefined();
    expect(second).toMatchObject({
      input: 2,
      datasetVersion: 2,
      metadata: { m: 1 },
    });
    expect(second).toMatchObject({ groundTruth: null, currentIn: "d" });
    expect(second!.createdAt).toBe(first!.createdAt);
    expect(await count("d")).toBe(1);
    expect(await versions()).toEqual([1, 2]);
  });

  test("that are deleted leave a row that says so", async () => {
    await insert([
      { id: "a", input: 1 },
      { id: "b", input: 2 },
    ]);
    for (let n = 0; n < 2; n++) {
      await call("deleteItem", ITEMS, { datasetId: "d", id: "a" });
    }
    expect(await history("a")).toMatchObject([
      { validTo: 2 },
      { isDeleted: true, datasetVersion: 2, input: 1 },
    ]);
    expect(await count("d")).toBe(1);
    expect(await update("a", { input: 2 })).toMatchObject({ code: "NotFound" });
    expect(await versions()).toEqual([1, 2]);
  });

  test("are deleted together as one version, others' and unknown ones left", async () => {
    await insert([
      { id: "a", input: 1 },
      { id: "b", input: 2 },
    ]);
    await call("insertItems", ITEMS, {
      datasetId: "e",
      items: [{ id: "x", input: 1 }],
    });
    const ids = ["a", "b", "x", "none"];
    await call("deleteItems", ITEMS, { datasetId: "d", ids });
    expect([await count("d"), await count("e")]).toEqual([0, 1]);
    expect(await versions()).toEqual([1, 1, 2]);
  });

  test("of another dataset are refused", async () => {
    await insert([{ id: "a", input: 1 }]);
    for (const op of ["updateItem", "deleteItem"]) {
      const rest = { datasetId: "e", id: "a", record: {} };
      expect(await call(op, ITEMS, rest)).toMatchObject({
        code: "NotFound",
        error: "Item a does not belong to dataset e",
      });
    }
  });

  test("of another tenant's dataset aren't found", async () => {
    await insert([{ id: "a", input: 1 }]);
    const tenant = { organizationId: "other" };
    const refused = {
      ok: false,
      code: "NotFound",
      error: "Dataset not found: d",
    };
    expect(await insert([{ id: "b", input: 1 }], { tenant })).toMatchObject(
      refused,
    );
    expect(await update("a", { input: 2 }, { tenant })).toMatchObject(refused);
    const ids = { datasetId: "d", ids: ["a"], tenant };
    expect(await call("deleteItems", ITEMS, ids)).toMatchObject(refused);
    await call("deleteItem", ITEMS, { datasetId: "d", id: "a", tenant });
    await call("deleteDataset", DATASETS, { id: "d", tenant });
    const purge = { datasetId: "d", id: "a", purgedAt: at, tenant };
    await call("purgeItem", ITEMS, purge);
    expect(await history("a")).toMatchObject([{ input: 1, currentIn: "d" }]);
    expect(await versions()).toEqual([1]);
  });

  test("that were checked by older schemas are refused", async () => {
    const checked = { schemasAsOf: "2025" };
    const conflict = { ok: false, code: "RevisionConflict" };
    expect(await insert([{ id: "a", input: 1 }], checked)).toMatchObject(
      conflict,
    );
    await insert([{ id: "a", input: 1 }], { schemasAsOf: at });
    expect(await update("a", { input: 2 }, checked)).toMatchObject(conflict);
    expect(await update("a", { input: 2 }, { schemasAsOf: at })).toMatchObject({
      ok: true,
    });
  });
});

describe("an item with a name of the caller's", () => {
  const named = (id: string, input: unknown, externalId = "n") => ({
    id,
    input,
    externalId,
  });

  test("is accepted once, and is what it has become since", async () => {
    await insert([named("a", { x: 1, y: [2] })]);
    await update("a", { input: "new" });
    const again = [named("b", { y: [2], x: 1 }), { id: "c", input: 3 }];
    const { result } = await insert(again);
    expect(result).toMatchObject([{ id: "a", input: "new" }, { id: "c" }]);
    expect(await insert([named("z", { x: 1, y: [2] })])).toMatchObject({
      result: [{ id: "a" }],
    });
    expect(await versions()).toEqual([1, 2, 3]);
  });

  test("can be given twice in one call", async () => {
    const { result } = await insert([named("a", 1), named("b", 1)]);
    expect(result).toMatchObject([{ id: "a" }, { id: "a" }]);
    expect(await count("d")).toBe(1);
  });

  test("conflicts if it says something else, or was deleted", async () => {
    await insert([named("a", 1), named("b", 2, "m")]);
    await call("deleteItem", ITEMS, { datasetId: "d", id: "b" });
    const before = await storedIn(db, ITEMS);
    const reply = await insert([
      named("x", 2),
      named("y", 2, "m"),
      named("v", 1, "o"),
      named("w", 2, "o"),
    ]);
    expect(reply).toMatchObject({
      ok: false,
      code: "DatasetItemConflict",
      error:
        'items[0]: externalId "n" names an item that was accepted with other values; 2 more conflict',
      details: {
        conflicts: [
          {
            index: 0,
            external_id: "n",
            existing_item_id: "a",
            reason: "payload_mismatch",
          },
          {
            index: 1,
            external_id: "m",
            existing_item_id: "b",
            reason: "deleted",
          },
          {
            index: 3,
            external_id: "o",
            existing_item_id: "v",
            reason: "payload_mismatch",
          },
        ],
      },
    });
    expect(await storedIn(db, ITEMS)).toEqual(before);
  });

  test("is another one in another dataset", async () => {
    await insert([named("a", 1)]);
    const items = { datasetId: "e", items: [named("b", 2)] };
    expect(await call("insertItems", ITEMS, items)).toMatchObject({ ok: true });
  });
});

test("a purged item keeps its rows, and nothing of what they said", async () => {
  const said = {
    input: 1,
    groundTruth: 2,
    metadata: { a: 1 },
    scorerIds: ["s"],
  };
  await insert([
    { id: "a", ...said },
    { id: "b", ...said },
  ]);
  await update("a", { input: 3 });
  const purge = { datasetId: "d", id: "a", purgedAt: at };
  await call("purgeItem", ITEMS, { ...purge, datasetId: "e" });
  expect(await history("a")).toMatchObject([{ input: 1 }, { input: 3 }]);
  await call("purgeItem", ITEMS, purge);
  const mark = JSON.stringify({ __purged: true, purgedAt: at });
  const erased = {
    input: null,
    groundTruth: null,
    scorerIds: null,
    metadata: mark,
  };
  expect(await history("a")).toMatchObject([
    { ...erased, validTo: 2 },
    { ...erased, currentIn: "d" },
  ]);
  expect(await history("b")).toMatchObject([said]);
  const refused = { ok: false, code: "DatasetItemPurged" };
  expect(await update("a", { input: 4 })).toMatchObject(refused);
});

test("a dataset is deleted with its items, and experiments lose it", async () => {
  const items = Array.from({ length: 30 }, (_, n) => ({
    id: `i${n}`,
    input: n,
  }));
  await insert(items);
  const counts = {
    totalItems: 1,
    succeededCount: 0,
    failedCount: 0,
    skippedCount: 0,
  };
  for (const [id, datasetId] of [
    ["x", "d"],
    ["y", "e"],
  ]) {
    const fields = {
      datasetId,
      datasetVersion: 1,
      status: "pending",
      ...counts,
    };
    const record = { id, ...fields, createdAt: at, updatedAt: at };
    await call("createExperiment", EXPERIMENTS, { record });
  }
  let calls = 1;
  while ((await call("deleteDataset", DATASETS, { id: "d" })).hasMore) calls++;
  expect(calls).toBeGreaterThan(1);
  for (const table of [ITEMS, VERSIONS])
    expect(await storedIn(db, table)).toEqual([]);
  expect(await storedIn(db, DATASETS)).toMatchObject([{ id: "e" }]);
  expect(await storedIn(db, EXPERIMENTS)).toMatchObject([
    { id: "x", datasetId: null, datasetVersion: null },
    { id: "y", datasetId: "e" },
  ]);
  expect(await count("d")).toBe(0);
  expect(await call("deleteDataset", DATASETS, { id: "d" })).toMatchObject({
    ok: true,
  });
});
