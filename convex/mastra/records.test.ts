import { beforeEach, describe, expect, test } from "vitest";
import {
  deployment,
  documentsRead,
  storageOf,
  storedIn,
  type Deployment,
} from "../test.setup";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
beforeEach(() => {
  db = deployment();
  call = storageOf(db);
});

const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
const ids = (reply: { result: { id: string }[] }) =>
  reply.result.map((row) => row.id);
const where = (conditions: Record<string, unknown>, rest: object = {}) => ({
  filters: Object.entries(conditions).map(([field, value]) => ({
    field,
    value,
  })),
  ...rest,
});
const newest = { orderBy: { field: "createdAt", order: "desc" } };

describe("a table without one of its own", () => {
  const TRACES = "mastra_traces";
  const docs = [
    { id: "b", kind: "x", nested: { n: 1 } },
    { id: "a", kind: "y" },
    { id: 7, kind: "x" },
  ];
  beforeEach(() =>
    call("batchInsert", TRACES, { records: [...docs, { kind: "no id" }] }),
  );

  test("keeps records whole, replacing those with their id", async () => {
    await call("insert", TRACES, { record: { id: "b", other: true } });
    await call("insert", "mastra_other", { record: { id: "b" } });
    expect((await call("queryTable", TRACES)).result).toEqual([
      { id: "b", other: true },
      docs[1],
      docs[2],
    ]);
    expect(await call("insert", TRACES, { record: {} })).toMatchObject({
      error: "Record for table mastra_traces is missing an id",
    });
  });

  test("loads by id, by any field, or many", async () => {
    const load = async (keys: object) =>
      (await call("load", TRACES, { keys })).result;
    expect(await load({ id: "b" })).toEqual(docs[0]);
    expect(await load({ id: "b", kind: "y" })).toBe(null);
    expect(await load({ kind: "y" })).toEqual(docs[1]);
    expect(
      (await call("loadMany", TRACES, { ids: ["7", "x", "b"] })).result,
    ).toEqual([docs[2], docs[0]]);
  });

  test("gives pages of what it read, and counts", async () => {
    const page = await call(
      "queryTable",
      TRACES,
      where({ kind: "x" }, { pageSize: 2 }),
    );
    expect([page.result, page.hasMore]).toEqual([[docs[0]], true]);
    const next = await call(
      "queryTable",
      TRACES,
      where({ kind: "x" }, { pageSize: 2, cursor: page.continuationCursor }),
    );
    expect(next.result).toEqual([docs[2]]);
    expect(
      await call("queryTable", TRACES, where({ kind: "x" }, { limit: 1 })),
    ).toMatchObject({
      result: [docs[0]],
      hasMore: true,
    });
    expect((await call("count", TRACES, where({ kind: "x" }))).result).toBe(2);
  });

  test("patches and deletes", async () => {
    expect(
      (await call("patch", TRACES, { id: "a", record: { kind: "z", id: "c" } }))
        .result,
    ).toBe(true);
    expect((await call("patch", TRACES, { id: "x", record: {} })).result).toBe(
      false,
    );
    await call("deleteMany", TRACES, { ids: ["b", "x"] });
    expect((await call("queryTable", TRACES)).result).toEqual([
      { id: "a", kind: "z" },
      docs[2],
    ]);
    expect(await call("clearTable", TRACES)).toEqual({
      ok: true,
      hasMore: false,
    });
    expect(await storedIn(db, "mastra_documents")).toEqual([]);
  });

  test("is read through its index", async () => {
    const request = { tableName: TRACES, op: "load", keys: { id: "a" } };
    expect(await documentsRead(db, request)).toBe(1);
  });
});

describe("scores", () => {
  const SCORES = "mastra_scorers";
  const score = (id: string, fields: object = {}) => ({
    id,
    scorerId: "s",
    runId: "r",
    scorer: {},
    score: 1,
    output: {},
    source: "LIVE",
    createdAt: at(1),
    updatedAt: at(1),
    ...fields,
  });

  test("need no input, take null for what is absent, and keep when they were created", async () => {
    await call("insert", SCORES, {
      record: score("a", { organizationId: null }),
    });
    await call("insert", SCORES, {
      record: score("a", { score: 2, createdAt: at(2), updatedAt: at(2) }),
    });
    expect(await storedIn(db, SCORES)).toEqual([
      score("a", { score: 2, input: null, updatedAt: at(2) }),
    ]);
  });

  test.each([
    [{ scorerId: "s" }, ["c", "b"]],
    [{ scorerId: "s", source: "TEST" }, ["c"]],
    [{ runId: "r2" }, ["d"]],
    [{ entityId: "e", entityType: "agent" }, ["b"]],
    [{ traceId: "t", spanId: "p" }, ["d", "c"]],
  ])(
    "by %j come newest first, through an index",
    async (conditions, expected) => {
      await call("batchInsert", SCORES, {
        records: [
          score("b", { createdAt: at(2), entityId: "e", entityType: "agent" }),
          score("c", {
            createdAt: at(3),
            source: "TEST",
            traceId: "t",
            spanId: "p",
            entityId: "e",
            entityType: "x",
          }),
          score("d", {
            createdAt: at(4),
            scorerId: "s2",
            runId: "r2",
            traceId: "t",
            spanId: "p",
          }),
          ...Array.from({ length: 20 }, (_, n) =>
            score(`o${n}`, { scorerId: "o", runId: "o" }),
          ),
        ],
      });
      const request = where(conditions, newest);
      expect(ids(await call("queryTable", SCORES, request))).toEqual(expected);
      expect(
        await documentsRead(db, {
          op: "queryTable",
          tableName: SCORES,
          ...request,
        }),
      ).toBeLessThanOrEqual(2);
    },
  );
});

describe("rows of one value come in stored order", () => {
  const later = { createdAt: at(2), updatedAt: at(2) };
  const earlier = { createdAt: at(1), updatedAt: at(1) };

  test("where a longer index would sort them", async () => {
    const run = (run_id: string, fields: object) => ({
      workflow_name: "w",
      run_id,
      snapshot: "{}",
      ...fields,
    });
    const table = "mastra_workflow_snapshot";
    await call("insert", table, { record: run("b", later) });
    await call("insert", table, { record: run("a", earlier) });
    const hinted = {
      indexHint: { index: "by_workflow", workflowName: "w" },
    };
    for (const request of [hinted, where({ workflow_name: "w" })]) {
      const { result } = await call("queryTable", table, request);
      expect(result.map((row: { run_id: string }) => row.run_id)).toEqual([
        "b",
        "a",
      ]);
    }
  });

  test.each([
    ["mastra_messages", { thread_id: "t" }],
    ["mastra_messages", { resourceId: "ada" }],
    ["mastra_threads", { resourceId: "ada" }],
  ])("in %s by %j", async (table, conditions) => {
    const record = (id: string, fields: object) =>
      table === "mastra_threads"
        ? { id, title: "", ...fields }
        : {
            id,
            thread_id: "t",
            content: "{}",
            role: "user",
            type: "v2",
            ...fields,
          };
    for (const [id, times] of [
      ["b", { createdAt: at(2), ...(table === "mastra_threads" && later) }],
      ["a", { createdAt: at(1), ...(table === "mastra_threads" && earlier) }],
    ] as const) {
      const fields = { resourceId: "ada", ...times };
      await call("insert", table, { record: record(id, fields) });
    }
    expect(ids(await call("queryTable", table, where(conditions)))).toEqual([
      "b",
      "a",
    ]);
  });
});
