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

describe("channels", () => {
  const installation = (id: string, fields: object = {}) => ({
    id,
    platform: "slack",
    agentId: "agent",
    status: "active",
    data: "{}",
    createdAt: at(1),
    updatedAt: at(1),
    ...fields,
  });

  test("keep when they were installed, and are found by agent or webhook", async () => {
    const table = "mastra_channel_installations";
    await call("insert", table, {
      record: installation("a", { webhookId: "w" }),
    });
    await call("insert", table, {
      record: installation("b", { agentId: "other" }),
    });
    await call("insert", table, {
      record: installation("a", {
        webhookId: "w",
        createdAt: at(2),
        error: null,
      }),
    });
    expect((await storedIn(db, table))[0]).toEqual(
      installation("a", { webhookId: "w", error: null }),
    );
    const found = async (conditions: Record<string, unknown>) =>
      ids(await call("queryTable", table, where(conditions)));
    expect(await found({ platform: "slack", agentId: "agent" })).toEqual(["a"]);
    expect(await found({ webhookId: "w" })).toEqual(["a"]);
    expect(await found({ platform: "slack" })).toEqual(["a", "b"]);
  });

  test("have a configuration for each platform", async () => {
    const table = "mastra_channel_config";
    const record = {
      id: "slack",
      platform: "slack",
      data: "{}",
      updatedAt: at(1),
    };
    await call("insert", table, { record });
    await call("insert", table, { record: { ...record, data: "[]" } });
    expect(await storedIn(db, table)).toEqual([{ ...record, data: "[]" }]);
  });
});
