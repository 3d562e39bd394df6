// Observational memory of `ConvexStore`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexStore } from "@mastra/convex";
import { at, deployment } from "./deployment.js";

const memory = await new ConvexStore(deployment).getStore("memory");

const begin = (threadId) =>
  memory.initializeObservationalMemory({
    threadId,
    resourceId: "ada",
    scope: "thread",
    config: { model: "m", nested: { a: 1, list: [1] } },
    observedTimezone: "UTC",
  });
const latest = (threadId) => memory.getObservationalMemory(threadId, "ada");

test("a record begins empty, in its first generation", async () => {
  assert.equal(await latest("o1"), null);
  const begun = await begin("o1");
  const found = await latest("o1");
  assert.equal(found.id, begun.id);
  assert.deepEqual(found.config, begun.config);
  assert.deepEqual(
    [found.generationCount, found.originType, found.activeObservations],
    [0, "initial", ""],
  );
  assert.deepEqual([found.isObserving, found.isReflecting], [false, false]);
});

test("observations replace those before, and tokens add up", async () => {
  const { id } = await begin("o2");
  const observe = (observations, tokenCount) =>
    memory.updateActiveObservations({
      id,
      observations,
      tokenCount,
      lastObservedAt: at(tokenCount),
      observedMessageIds: [`m${tokenCount}`],
    });
  await memory.setPendingMessageTokens(id, 7);
  assert.equal((await latest("o2")).pendingMessageTokens, 7);
  await observe("likes tea", 10);
  await observe("likes coffee", 20);
  const found = await latest("o2");
  assert.equal(found.activeObservations, "likes coffee");
  assert.deepEqual(found.observedMessageIds, ["m20"]);
  assert.deepEqual(found.lastObservedAt, at(20));
  assert.deepEqual(
    [found.observationTokenCount, found.totalTokensObserved],
    [20, 30],
  );
  assert.equal(found.pendingMessageTokens, 0);
});

test("buffered chunks become active, oldest first", async () => {
  const { id } = await begin("o3");
  for (const n of [1, 2]) {
    const chunk = {
      cycleId: `cycle${n}`,
      observations: `saw ${n}`,
      tokenCount: n,
      messageIds: [`m${n}`],
      messageTokens: 100,
      lastObservedAt: at(n),
    };
    await memory.updateBufferedObservations({ id, chunk });
  }
  const buffered = await latest("o3");
  assert.deepEqual(
    buffered.bufferedObservationChunks.map(({ cycleId }) => cycleId),
    ["cycle1", "cycle2"],
  );
  const swapped = await memory.swapBufferedToActive({
    id,
    activationRatio: 1,
    messageTokensThreshold: 100,
    currentPendingTokens: 100,
  });
  assert.equal(swapped.chunksActivated, 1);
  assert.deepEqual(swapped.activatedCycleIds, ["cycle1"]);
  assert.deepEqual(swapped.activatedMessageIds, ["m1"]);
  const found = await latest("o3");
  assert.equal(found.activeObservations, "saw 1");
  assert.deepEqual(
    found.bufferedObservationChunks.map(({ cycleId }) => cycleId),
    ["cycle2"],
  );
});

test("a reflection begins a generation", async () => {
  await begin("o4");
  const currentRecord = await latest("o4");
  const made = await memory.createReflectionGeneration({
    currentRecord,
    reflection: "in short",
    tokenCount: 3,
  });
  assert.deepEqual([made.generationCount, made.originType], [1, "reflection"]);
  const found = await latest("o4");
  assert.deepEqual([found.id, found.activeObservations], [made.id, "in short"]);
  const history = await memory.getObservationalMemoryHistory("o4", "ada");
  assert.deepEqual(
    history.map(({ generationCount }) => generationCount),
    [1, 0],
  );
  const older = { offset: 1 };
  const [first] = await memory.getObservationalMemoryHistory(
    "o4",
    "ada",
    1,
    older,
  );
  assert.equal(first.id, currentRecord.id);
});

test("a buffered reflection keeps what was observed meanwhile", async () => {
  const { id } = await begin("o5");
  await memory.updateActiveObservations({
    id,
    observations: "one\ntwo\nthree",
    tokenCount: 3,
    lastObservedAt: at(0),
  });
  await memory.updateBufferedReflection({
    id,
    reflection: "one and two",
    tokenCount: 2,
    inputTokenCount: 2,
    reflectedObservationLineCount: 2,
  });
  const swapped = await memory.swapBufferedReflectionToActive({
    currentRecord: await latest("o5"),
    tokenCount: 4,
  });
  assert.equal(swapped.activeObservations, "one and two\n\nthree");
  assert.equal(swapped.generationCount, 1);
  assert.equal((await latest("o5")).id, swapped.id);
});

test("flags are set, configuration merges, and all is cleared", async () => {
  const { id } = await begin("o6");
  await memory.setObservingFlag(id, true);
  await memory.setReflectingFlag(id, true);
  await memory.setBufferingObservationFlag(id, true, 5);
  await memory.setBufferingReflectionFlag(id, true);
  const config = { nested: { b: 2, list: [2] } };
  await memory.updateObservationalMemoryConfig({ id, config });
  const found = await latest("o6");
  assert.ok(found.isObserving && found.isReflecting);
  assert.ok(found.isBufferingObservation && found.isBufferingReflection);
  assert.equal(found.lastBufferedAtTokens, 5);
  const nested = { a: 1, b: 2, list: [2] };
  assert.deepEqual(found.config, { model: "m", nested });
  await assert.rejects(memory.setObservingFlag("none", true), {
    id: "MASTRA_STORAGE_CONVEX_SET_OBSERVING_FLAG_NOT_FOUND",
  });
  await memory.clearObservationalMemory("o6", "ada");
  assert.equal(await latest("o6"), null);
});
