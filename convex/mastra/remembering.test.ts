import { beforeEach, describe, expect, test } from "vitest";
import {
  deployment,
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

const MESSAGES = "mastra_messages";
const INDEX = "memory_messages_2";
const index = (fields: object = {}) => ({
  indexName: INDEX,
  dimension: 2,
  metric: "cosine",
  ...fields,
});

const message = (id: string, fields: object = {}) => ({
  id,
  thread_id: "t",
  content: "{}",
  role: "user",
  type: "v2",
  createdAt: "2026-01-01T00:00:00.000Z",
  ...fields,
});
const vector = (messageId: string, id = messageId) => ({
  id,
  float32: new Float32Array([1, 2]).buffer,
  metadata: { message_id: messageId },
});
const remember = (ids: string[], fields: object = {}) =>
  call("rememberMessages", MESSAGES, {
    threadId: "t",
    records: ids.map((id) => message(id)),
    vectors: ids.map((id) => vector(id)),
    index: index(),
    ...fields,
  });
const vectors = async () =>
  (await storedIn(db, "mastra_vectors")).map(({ id, metadata }) => [
    id,
    metadata.message_id,
  ]);

describe("messages that are remembered", () => {
  test("make their thread and their index, and vectors name both", async () => {
    const { result } = await remember(["a", "b"], { resourceId: "ada" });
    expect(result).toEqual(["ada", "ada"]);
    expect(await storedIn(db, "mastra_threads")).toMatchObject([
      { id: "t", resourceId: "ada", title: "" },
    ]);
    expect(await storedIn(db, "mastra_vector_indexes")).toMatchObject([
      { id: INDEX, dimension: 2 },
    ]);
    expect(await storedIn(db, "mastra_vectors")).toMatchObject([
      {
        id: "a",
        indexName: INDEX,
        embedding: [1, 2],
        metadata: { message_id: "a", thread_id: "t", resource_id: "ada" },
      },
      { id: "b" },
    ]);
  });

  test("make a thread of the resource that they name", async () => {
    const records = ["a", "b", "c"].map((id, n) =>
      message(id, n === 0 ? {} : { resourceId: `${n}` }),
    );
    const { result } = await remember(["a", "b", "c"], { records });
    expect(result).toEqual(["1", "1", "2"]);
    expect(await storedIn(db, "mastra_threads")).toMatchObject([
      { id: "t", resourceId: "1" },
    ]);
  });

  test("replace all vectors that they had, in any index", async () => {
    await remember(["a"], { vectors: [vector("a"), vector("a", "more")] });
    const wider = { indexName: "memory_messages_1", dimension: 1 };
    const narrow = { ...vector("a"), float32: new Float32Array([1]).buffer };
    await remember(["a"], { index: index(wider), vectors: [narrow] });
    expect(await storedIn(db, "mastra_vectors")).toMatchObject([
      { id: "a", indexName: "memory_messages_1", embedding: [1] },
    ]);
    await remember(["a"], { index: undefined });
    expect(await vectors()).toEqual([]);
  });

  test.each([
    [{ resourceId: "bob" }, "AnotherResource"],
    [{ index: index({ dimension: 3 }) }, "DimensionMismatch"],
    [{ index: index({ model: "two" }) }, "ModelMismatch"],
    [{ vectors: [{ id: "c" }] }, "InvalidRequest"],
    [{ records: [{ thread_id: "t" }] }, "InvalidRequest"],
  ])("are refused as a whole: %o", async (fields, code) => {
    await remember(["a"], { index: index({ model: "one" }) });
    const before = await db.run((ctx) => ctx.db.query(MESSAGES).collect());
    expect(await remember(["b"], fields)).toMatchObject({ ok: false, code });
    expect(await db.run((ctx) => ctx.db.query(MESSAGES).collect())).toEqual(
      before,
    );
    expect(await vectors()).toEqual([["a", "a"]]);
  });

  test("are read with their neighbours in stored order, also of one time", async () => {
    await remember(["a", "b", "c", "d"], { resourceId: "ada" });
    const late = message("e", { createdAt: "2026-01-02T00:00:00.000Z" });
    await remember([], { records: [late], vectors: [] });
    const { result } = await call("readMemory", MESSAGES, {
      threadId: "t",
      last: 2,
      messageIds: ["b", "d", "unknown"],
      around: 2,
    });
    const ids = (rows: { id: string }[]) => rows.map(({ id }) => id);
    expect(ids(result.last)).toEqual(["d", "e"]);
    const [b, d, unknown] = result.found;
    expect([ids(b.before), ids(b.after)]).toEqual([["a"], ["c", "d"]]);
    expect([ids(d.before), ids(d.after)]).toEqual([["b", "c"], ["e"]]);
    expect(unknown).toBe(null);
    const asked = { last: 0, messageIds: ["b"], around: 0 };
    for (const of of [{ ofResource: "bob" }, { ofThread: "u" }]) {
      const reply = await call("readMemory", MESSAGES, { ...asked, ...of });
      expect(reply.result.found).toEqual([null]);
    }
  });
});

describe("vectors", () => {
  test("go with their messages, unless they are kept", async () => {
    await remember(["a", "b", "c", "d"]);
    await call("deleteMessages", MESSAGES, { ids: ["a"] });
    await call("deleteMessages", MESSAGES, { ids: ["b"], keepVectors: true });
    await call("popMessage", MESSAGES, { threadId: "t" });
    expect(await vectors()).toEqual([
      ["b", "b"],
      ["c", "c"],
    ]);
    const thread = { id: "t" };
    expect(await call("deleteThread", "mastra_threads", thread)).toEqual({
      ok: true,
      hasMore: false,
    });
    expect(await vectors()).toEqual([]);
  });

  test("of many parts are deleted with whole messages, some a call", async () => {
    const ids = ["a", "b", "c"];
    const parts = ids.flatMap((id) =>
      Array.from({ length: 20 }, (_, n) => vector(id, `${id}${n}`)),
    );
    await remember(ids, { vectors: parts });
    const messages = async () =>
      (await storedIn(db, MESSAGES)).map(({ id }) => id);
    const thread = { id: "t" };
    for (const left of [["c"], []]) {
      await call("deleteThread", "mastra_threads", thread);
      expect(await messages()).toEqual(left);
      expect(await vectors()).toHaveLength(20 * left.length);
    }
  });

  test("without a message are counted and deleted", async () => {
    await remember(["a", "b", "c"]);
    const gone = { ids: ["a", "c"], keepVectors: true };
    await call("deleteMessages", MESSAGES, gone);
    const table = `mastra_vector_${INDEX}`;
    for (const [op, result] of [
      ["countOrphans", 2],
      ["deleteOrphans", 2],
      ["countOrphans", 0],
    ] as const) {
      expect(await call(op, table)).toMatchObject({ result, hasMore: false });
    }
    expect(await vectors()).toEqual([["b", "b"]]);
  });

  test("of a resource are forgotten with all that it has", async () => {
    await remember(["a", "b"], { resourceId: "ada" });
    const his = { threadId: "u", resourceId: "bob" };
    const records = [
      message("c", { thread_id: "u" }),
      message("d", { thread_id: "u", resourceId: "ada" }),
    ];
    await remember([], {
      ...his,
      records,
      vectors: [vector("c"), vector("d")],
    });
    const memory = { scope: "resource", text: "tea" };
    await call("setWorkingMemory", "mastra_threads", { id: "t", ...memory });
    let calls = 0;
    for (let hasMore: boolean | undefined = true; hasMore; calls++) {
      const ada = { id: "ada" };
      ({ hasMore } = await call("forgetResource", "mastra_resources", ada));
    }
    // One for the messages and vectors, one for all else, one for the ids of vectors.
    expect(calls).toBe(3);
    expect(await vectors()).toEqual([["c", "c"]]);
    expect(await storedIn(db, "mastra_resources")).toEqual([]);
    expect(await storedIn(db, "mastra_threads")).toMatchObject([{ id: "u" }]);
  });
});
