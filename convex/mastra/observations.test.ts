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

const MEMORY = "mastra_observational_memory";
const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
const memory = (id: string, fields: object = {}) => ({
  id,
  lookupKey: "thread:t",
  scope: "thread",
  activeObservations: "",
  originType: "initial",
  config: "{}",
  createdAt: at(1),
  updatedAt: at(1),
  generationCount: 0,
  pendingMessageTokens: 0,
  totalTokensObserved: 0,
  observationTokenCount: 0,
  lastBufferedAtTokens: 0,
  isObserving: false,
  isReflecting: false,
  isBufferingObservation: false,
  isBufferingReflection: false,
  ...fields,
});
const row = async (id = "a") =>
  (await storedIn(db, MEMORY)).find((stored) => stored.id === id)!;
const chunk = (n: number, fields: object = {}) => ({
  id: `ombuf-${n}`,
  cycleId: `cycle${n}`,
  observations: `o${n}`,
  tokenCount: n,
  messageTokens: n * 100,
  messageIds: [`m${n}`],
  ...fields,
});
const insert = (fields: object = {}) =>
  call("insert", MEMORY, { record: memory("a", fields) });
const withChunks = (...chunks: object[]) => ({
  bufferedObservationChunks: JSON.stringify(chunks),
});

describe("generations", () => {
  beforeEach(async () => {
    for (const n of [1, 3, 2]) {
      await call("insert", MEMORY, {
        record: memory(`g${n}`, { generationCount: n, createdAt: at(n) }),
      });
    }
    await call("insert", MEMORY, {
      record: memory("other", { lookupKey: "resource:r", generationCount: 9 }),
    });
  });
  const lookupKey = "thread:t";

  test("give the latest of a key", async () => {
    expect((await call("omGetLatest", MEMORY, { lookupKey })).result.id).toBe(
      "g3",
    );
    expect((await call("omGetLatest", MEMORY, { lookupKey: "x" })).result).toBe(
      null,
    );
  });

  test.each([
    [{ limit: 10 }, ["g3", "g2", "g1"]],
    [{}, ["g3", "g2", "g1"]],
    [{ limit: 1, offset: 1 }, ["g2"]],
    [{ limit: 10, from: at(2) }, ["g3", "g2"]],
    [{ limit: 1, to: at(2) }, ["g2"]],
  ])("by %j are %j, newest first", async (rest, expected) => {
    const { result } = await call("omGetHistory", MEMORY, {
      lookupKey,
      ...rest,
    });
    expect(result.map(({ id }: { id: string }) => id)).toEqual(expected);
  });

  test("begin once", async () => {
    const record = memory("new");
    const again = await call("omInitialize", MEMORY, { record });
    expect(again.result.id).toBe("g3");
    const first = await call("omInitialize", MEMORY, {
      record: { ...record, lookupKey: "thread:u" },
    });
    expect(first.result.id).toBe("new");
    expect(await storedIn(db, MEMORY)).toHaveLength(5);
  });

  test("are read as few as asked for", async () => {
    const request = { tableName: MEMORY, lookupKey };
    expect(await documentsRead(db, { ...request, op: "omGetLatest" })).toBe(1);
  });
});

test.each([
  ["omUpdateActive", { observations: "", tokenCount: 0, lastObservedAt: "" }],
  ["omAppendBufferedChunk", { chunk: {} }],
  ["omUpdateConfig", { config: "{}" }],
])("%s of a row that does not exist is refused", async (op, rest) => {
  expect(
    await call(op, MEMORY, { id: "x", updatedAt: at(2), ...rest }),
  ).toEqual({
    ok: false,
    code: "NotFound",
    error: "Observational memory record not found: x",
  });
});

test("omUpdateActive counts tokens and keeps ids and time zone not given", async () => {
  await insert({
    pendingMessageTokens: 9,
    totalTokensObserved: 5,
    observedMessageIds: ["m"],
  });
  const update = (rest: object) =>
    call("omUpdateActive", MEMORY, {
      id: "a",
      observations: "new",
      tokenCount: 7,
      lastObservedAt: at(2),
      observedMessageIds: null,
      updatedAt: at(2),
      ...rest,
    });
  await update({ observedTimezone: "UTC" });
  const expected = {
    activeObservations: "new",
    pendingMessageTokens: 0,
    observationTokenCount: 7,
    totalTokensObserved: 12,
    observedMessageIds: ["m"],
    observedTimezone: "UTC",
  };
  expect(await row()).toMatchObject(expected);
  await update({ tokenCount: -1, observedMessageIds: ["n"] });
  expect(await row()).toMatchObject({
    ...expected,
    observationTokenCount: 0,
    observedMessageIds: ["n"],
  });
});

test("a chunk is buffered once for its cycle", async () => {
  await insert();
  const append = (rest: object) =>
    call("omAppendBufferedChunk", MEMORY, {
      id: "a",
      updatedAt: at(2),
      ...rest,
    });
  await append({ chunk: chunk(1), lastBufferedAtTime: at(3) });
  await append({ chunk: chunk(1, { id: "again" }) });
  await append({ chunk: chunk(2) });
  const { bufferedObservationChunks, lastBufferedAtTime } = await row();
  expect(JSON.parse(bufferedObservationChunks)).toEqual([chunk(1), chunk(2)]);
  expect(lastBufferedAtTime).toBe(at(3));
});

describe("omSwapBuffered", () => {
  const swap = async (rest: object = {}) =>
    (
      await call("omSwapBuffered", MEMORY, {
        id: "a",
        activationRatio: 1,
        messageTokensThreshold: 1000,
        currentPendingTokens: 300,
        now: at(9),
        ...rest,
      })
    ).result;

  test("moves chunks behind a boundary into the active text", async () => {
    await insert({
      ...withChunks(
        chunk(1),
        chunk(2, { currentTask: "task", lastObservedAt: at(4) }),
        chunk(3),
      ),
      activeObservations: "before",
      observationTokenCount: 10,
      pendingMessageTokens: 250,
    });
    expect(await swap()).toEqual({
      chunksActivated: 2,
      messageTokensActivated: 300,
      observationTokensActivated: 3,
      messagesActivated: 2,
      activatedCycleIds: ["cycle1", "cycle2"],
      activatedMessageIds: ["m1", "m2"],
      observations: "o1\n\no2",
      perChunk: [1, 2].map((n) => ({
        cycleId: `cycle${n}`,
        messageTokens: n * 100,
        observationTokens: n,
        messageCount: 1,
        observations: `o${n}`,
      })),
      currentTask: "task",
    });
    expect(await row()).toMatchObject({
      activeObservations: `before\n\n--- message boundary (${at(4)}) ---\n\no1\n\no2`,
      observationTokenCount: 13,
      pendingMessageTokens: 0,
      bufferedObservationChunks: JSON.stringify([chunk(3)]),
      lastObservedAt: at(4),
    });
  });

  test("of nothing does nothing", async () => {
    await insert();
    expect((await swap()).chunksActivated).toBe(0);
    expect((await row()).updatedAt).toBe(at(1));
  });

  test("with the caller's chunks keeps what was buffered meanwhile", async () => {
    await insert(withChunks(chunk(1), chunk(2), chunk(3)));
    const bufferedChunks = [chunk(1, { messageTokens: 300 }), chunk(2)];
    expect((await swap({ bufferedChunks })).chunksActivated).toBe(1);
    expect(JSON.parse((await row()).bufferedObservationChunks)).toEqual([
      chunk(2),
      chunk(3),
    ]);
  });

  // Chunks of 100, 200, 300, … tokens; floor = threshold * (1 - ratio).
  test.each([
    [
      "reaches the target",
      {
        activationRatio: 0.5,
        messageTokensThreshold: 400,
        currentPendingTokens: 500,
      },
      2,
    ],
    [
      "stays below it where too little would remain",
      {
        activationRatio: 0.9,
        messageTokensThreshold: 1000,
        currentPendingTokens: 360,
      },
      1,
    ],
    [
      "overshoots if all others do",
      {
        activationRatio: 0.9,
        messageTokensThreshold: 1000,
        currentPendingTokens: 150,
      },
      1,
    ],
    [
      "takes the near overshoot only if enough remains",
      {
        activationRatio: 0.75,
        messageTokensThreshold: 1000,
        currentPendingTokens: 560,
      },
      2,
    ],
    [
      "takes the far one when forced",
      {
        activationRatio: 0.95,
        messageTokensThreshold: 1000,
        currentPendingTokens: 160,
        forceMaxActivation: true,
      },
      1,
    ],
    ["takes all where nothing is to remain", { currentPendingTokens: 1000 }, 4],
  ])("%s", async (_, rest, expected) => {
    await insert(withChunks(chunk(1), chunk(2), chunk(3), chunk(4)));
    expect((await swap(rest)).chunksActivated).toBe(expected);
  });
});

test("a reflection is buffered in parts and becomes a generation with the lines since", async () => {
  await insert({
    activeObservations: "l1\nl2\nl3\n",
    totalTokensObserved: 4,
    config: '{"c":1}',
  });
  const currentRecord = { id: "a", generationCount: 0 };
  const swap = () =>
    call("omSwapBufferedReflection", MEMORY, {
      currentRecord,
      newId: "b",
      tokenCount: 6,
      now: at(5),
    });
  expect(await swap()).toMatchObject({
    ok: false,
    error: "No buffered reflection to swap",
  });
  for (const reflection of ["r1", "r2"]) {
    await call("omUpdateBufferedReflection", MEMORY, {
      id: "a",
      reflection,
      tokenCount: 1,
      inputTokenCount: 2,
      reflectedObservationLineCount: 2,
      updatedAt: at(2),
    });
  }
  expect(await row()).toMatchObject({
    bufferedReflection: "r1\n\nr2",
    bufferedReflectionTokens: 2,
    bufferedReflectionInputTokens: 4,
  });
  // Another writer's generation, which the caller doesn't know.
  await call("insert", MEMORY, { record: memory("c", { generationCount: 1 }) });
  const { result } = await swap();
  expect(result).toMatchObject({
    id: "b",
    activeObservations: "r1\n\nr2\n\nl3",
    generationCount: 2,
    originType: "reflection",
    totalTokensObserved: 4,
    observationTokenCount: 6,
    config: '{"c":1}',
  });
  expect(await row("b")).toMatchObject({ generationCount: 2 });
  expect(await row("a")).toMatchObject({
    bufferedReflection: null,
    bufferedReflectionTokens: null,
  });
});

test("a configuration is merged at every depth", async () => {
  await insert({ config: '{"a":{"b":1,"c":[1]},"d":1}' });
  await call("omUpdateConfig", MEMORY, {
    id: "a",
    config: '{"a":{"c":[2]},"e":null}',
    updatedAt: at(2),
  });
  expect(JSON.parse((await row()).config)).toEqual({
    a: { b: 1, c: [2] },
    d: 1,
    e: null,
  });
});

test("a chunk with keys that Convex refuses is buffered as JSON text", async () => {
  await insert();
  const odd = chunk(1, { extractedValues: { $k: "ö", ß: 1 } });
  const request = { id: "a", chunk: JSON.stringify(odd), updatedAt: at(2) };
  await call("omAppendBufferedChunk", MEMORY, request);
  const stored = await row();
  expect(JSON.parse(String(stored.bufferedObservationChunks))).toEqual([odd]);
  expect(
    await call("omAppendBufferedChunk", MEMORY, { ...request, chunk: "[1]" }),
  ).toEqual({
    ok: false,
    code: "InvalidRequest",
    error:
      "omAppendBufferedChunk chunk must be an object, or the JSON text of one",
  });
});

test("reflections made at once are generations one after the other", async () => {
  await insert({ config: '{"a":1}', totalTokensObserved: 7 });
  const reflect = (newId: string) =>
    call("omCreateReflectionGeneration", MEMORY, {
      id: "a",
      newId,
      reflection: "r",
      tokenCount: 3,
      now: at(2),
    });
  await Promise.all([reflect("b"), reflect("c")]);
  const stored = await storedIn(db, MEMORY);
  expect(stored.map((r) => r.generationCount).sort()).toEqual([0, 1, 2]);
  expect(await row("b")).toMatchObject({
    activeObservations: "r",
    config: '{"a":1}',
    observationTokenCount: 3,
    originType: "reflection",
    totalTokensObserved: 7,
  });
});
