import { beforeEach, expect, test } from "vitest";
import {
  deployment,
  storageOf,
  storedIn,
  type Deployment,
} from "../test.setup";

const EXPERIMENTS = "mastra_experiments";
const RESULTS = "mastra_experiment_results";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
beforeEach(async () => {
  db = deployment();
  call = storageOf(db);
  for (const id of ["x", "y"]) await create(id);
});

const at = (day: number) => new Date(Date.UTC(2026, 0, day)).toISOString();
const create = (id: string, fields: object = {}) =>
  call("createExperiment", EXPERIMENTS, {
    record: {
      id,
      datasetId: "d",
      organizationId: "org",
      status: "pending",
      totalItems: 1,
      succeededCount: 0,
      failedCount: 0,
      skippedCount: 0,
      createdAt: at(1),
      updatedAt: at(1),
      ...fields,
    },
  });
const result = (id: string, fields: object = {}) => ({
  id,
  experimentId: "x",
  itemId: "i",
  input: 1,
  startedAt: at(1),
  completedAt: at(1),
  retryCount: 0,
  attempt: 0,
  createdAt: at(1),
  ...fields,
});
const add = (id: string, fields: object = {}) =>
  call("addResult", RESULTS, { record: result(id, fields) });
const upsert = (id: string, fields: object = {}) =>
  call("upsertResult", RESULTS, { record: result(id, fields) });
const review = (id: string, record: object, experimentId?: string) =>
  call("reviewResult", RESULTS, { id, record, experimentId });
const ids = async (table: string) =>
  (await storedIn(db, table)).map((row) => row.id);
const count = async (value: string) => {
  const filters = [{ field: "experimentId", value }];
  return (await call("count", RESULTS, { filters })).result;
};

test("an experiment is inserted once, and updated", async () => {
  expect(await create("x")).toMatchObject({ code: "AlreadyExists" });
  const record = { status: "running", startedAt: at(2) };
  const updated = await call("updateExperiment", EXPERIMENTS, {
    id: "x",
    record,
  });
  expect(updated.result).toMatchObject({ id: "x", ...record, datasetId: "d" });
  const none = await call("updateExperiment", EXPERIMENTS, { id: "z", record });
  expect(none).toMatchObject({ code: "NotFound" });
});

test("a result is inserted once", async () => {
  expect((await add("a")).result).toMatchObject(result("a"));
  expect(await add("a")).toMatchObject({ code: "AlreadyExists" });
  expect(await ids(RESULTS)).toEqual(["a"]);
});

test("a result replaces that of its attempt, but for its comment", async () => {
  await add("a", { output: 1, tags: ["t"] });
  await review("a", { comment: "good", status: "reviewed" });
  const later = { output: 2, tags: null, status: null, createdAt: at(9) };
  const { result: replaced } = await upsert("b", later);
  expect(replaced).toMatchObject(result("a", { output: 2, comment: "good" }));
  expect(replaced).toMatchObject({
    tags: null,
    status: null,
    createdAt: at(1),
  });
  for (const [id, fields] of [
    ["c", { attempt: 1 }],
    ["d", { itemId: "j" }],
    ["e", { experimentId: "y" }],
  ] as const) {
    expect((await upsert(id, fields)).result.id).toBe(id);
  }
  expect(await ids(RESULTS)).toEqual(["a", "c", "d", "e"]);
});

test("a result without an attempt is the first", async () => {
  await call("insert", RESULTS, {
    record: result("a", { attempt: undefined }),
  });
  expect((await upsert("b")).result.id).toBe("a");
});

test("a review is of the named experiment's result", async () => {
  await add("a", { tags: ["t"] });
  const reviewed = { status: "complete", tags: ["u"] };
  expect((await review("a", reviewed, "x")).result).toMatchObject(reviewed);
  expect(await review("a", { tags: [] }, "y")).toMatchObject({
    code: "NotFound",
    error: "Experiment result a does not belong to experiment y",
  });
  expect(await review("z", {})).toMatchObject({ code: "NotFound" });
  expect(await storedIn(db, RESULTS)).toMatchObject([reviewed]);
});

test("results of a purged item say nothing", async () => {
  const dataset = {
    id: "d",
    name: "d",
    version: 0,
    createdAt: at(1),
    updatedAt: at(1),
  };
  await call("createDataset", "mastra_datasets", { record: dataset });
  const items = [
    { id: "i", input: 1 },
    { id: "j", input: 2 },
  ];
  await call("insertItems", "mastra_dataset_items", { datasetId: "d", items });
  await create("other", { datasetId: "e" });
  const said = {
    output: 2,
    tags: ["t"],
    metadata: { m: 1 },
    error: { message: "no" },
  };
  await add("a", said);
  await add("b", { ...said, itemId: "j" });
  await add("c", { ...said, experimentId: "other" });
  const purge = () =>
    call("purgeResults", RESULTS, { datasetId: "d", itemId: "i" });
  // Only a purged item's.
  await purge();
  expect(await storedIn(db, RESULTS)).toMatchObject([said, said, said]);
  await call("purgeItem", "mastra_dataset_items", {
    datasetId: "d",
    id: "i",
    purgedAt: at(2),
  });
  await purge();
  const metadata = JSON.stringify({ __purged: true, purgedAt: at(2) });
  const erased = {
    input: null,
    output: null,
    tags: null,
    error: null,
    metadata,
  };
  expect(await storedIn(db, RESULTS)).toMatchObject([erased, said, said]);
  const late = { ...said, attempt: 1 };
  expect((await add("d", late)).result).toMatchObject(erased);
  expect((await upsert("e", { ...said, attempt: 2 })).result).toMatchObject(
    erased,
  );
  const reviewed = await review("a", {
    status: "complete",
    comment: "c",
    tags: ["t"],
  });
  expect(reviewed.result).toMatchObject({
    ...erased,
    status: "complete",
    comment: null,
  });
});

test("an experiment is deleted with its results", async () => {
  for (let n = 0; n < 30; n++) await add(`r${n}`, { itemId: `i${n}` });
  await add("kept", { experimentId: "y" });
  const other = { id: "x", tenant: { organizationId: "other" } };
  await call("deleteExperiment", EXPERIMENTS, other);
  expect(await count("x")).toBe(30);
  while ((await call("deleteExperiment", EXPERIMENTS, { id: "x" })).hasMore);
  expect([await ids(EXPERIMENTS), await ids(RESULTS)]).toEqual([
    ["y"],
    ["kept"],
  ]);
  expect([await count("x"), await count("y")]).toEqual([0, 1]);
});

test("results are deleted without their experiment", async () => {
  await add("a");
  const other = { experimentId: "x", tenant: { organizationId: "other" } };
  await call("deleteResults", RESULTS, other);
  expect(await ids(RESULTS)).toEqual(["a"]);
  await call("deleteResults", RESULTS, { experimentId: "x" });
  expect([await ids(EXPERIMENTS), await ids(RESULTS)]).toEqual([
    ["x", "y"],
    [],
  ]);
});

test("old experiments are pruned with their results, running ones stay", async () => {
  const done = { id: "x", record: { completedAt: at(2) } };
  await call("updateExperiment", EXPERIMENTS, done);
  await add("a");
  await add("b", { experimentId: "y" });
  const before = Date.UTC(2027, 0, 1);
  const sum: Record<string, number> = {};
  let hasMore = true;
  while (hasMore) {
    const reply = await call("prune", EXPERIMENTS, { before });
    for (const [table, number] of Object.entries(reply.result)) {
      sum[table] = (sum[table] ?? 0) + (number as number);
    }
    hasMore = reply.hasMore;
  }
  expect(sum).toEqual({ [EXPERIMENTS]: 1, [RESULTS]: 1 });
  expect([await ids(EXPERIMENTS), await ids(RESULTS)]).toEqual([["y"], ["b"]]);
});

test("reviews are counted by experiment and status", async () => {
  await add("a", { status: "complete" });
  await add("b", { status: "complete", attempt: 1 });
  await add("c", { experimentId: "y" });
  const { result: numbers, hasMore } = await call("reviewSummary", RESULTS);
  expect(numbers).toEqual([
    ["x", "complete", 2],
    ["y", "", 1],
  ]);
  expect(hasMore).toBe(false);
});
