// Scores of `ConvexStore`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexStore } from "@mastra/convex";
import { deployment, ofCaller } from "./deployment.js";

const scores = await new ConvexStore(deployment).getStore("scores");

const payload = (rest = {}) => ({
  scorerId: "accuracy",
  runId: "run",
  scorer: { id: "accuracy", name: "Accuracy" },
  score: 0.75,
  input: [{ role: "user", content: "Hi" }],
  output: { text: "Hello" },
  source: "LIVE",
  entity: { id: "agent" },
  entityId: "agent",
  entityType: "AGENT",
  reason: "close",
  metadata: { model: "m" },
  ...rest,
});

const all = { page: 0, perPage: false };
const values = (listed) => listed.scores.map(({ score }) => score).sort();

test("a score is saved under a new id and found by it", async () => {
  const { score } = await scores.saveScore(payload());
  assert.deepEqual({ ...score, ...payload() }, score);
  assert.ok(score.createdAt instanceof Date);
  const found = await scores.getScoreById({ id: score.id });
  assert.deepEqual(ofCaller(found), score);
  assert.equal(await scores.getScoreById({ id: "none" }), null);
});

test("scores are listed by scorer, run and entity, newest first", async () => {
  const rows = [
    { score: 0.1, scorerId: "s1", runId: "r1", entityId: "e1" },
    { score: 0.2, scorerId: "s1", runId: "r2", entityId: "e2", source: "TEST" },
    { score: 0.3, scorerId: "s2", runId: "r2", entityId: "e1" },
    { score: 0.4, scorerId: "s1", runId: "r2", entityId: "e1" },
  ];
  for (const row of rows) await scores.saveScore(payload(row));
  const pagination = all;
  const byScorer = { scorerId: "s1", pagination };
  const ofScorer = await scores.listScoresByScorerId(byScorer);
  assert.deepEqual(values(ofScorer), [0.1, 0.2, 0.4]);
  const times = ofScorer.scores.map(({ createdAt }) => createdAt.getTime());
  assert.deepEqual(
    times,
    [...times].sort((a, b) => b - a),
  );
  const live = { ...byScorer, source: "LIVE" };
  assert.deepEqual(values(await scores.listScoresByScorerId(live)), [0.1, 0.4]);
  const byRun = { runId: "r2", pagination };
  assert.deepEqual(
    values(await scores.listScoresByRunId(byRun)),
    [0.2, 0.3, 0.4],
  );
  const byEntity = { entityId: "e1", entityType: "AGENT", pagination };
  assert.deepEqual(
    values(await scores.listScoresByEntityId(byEntity)),
    [0.1, 0.3, 0.4],
  );
});

test("pages count all scores", async () => {
  const filters = { organizationId: "org" };
  for (const score of [1, 2, 3]) {
    const row = payload({ score, scorerId: "paged", organizationId: "org" });
    await scores.saveScore(row);
  }
  await scores.saveScore(payload({ scorerId: "paged" }));
  const page = (page) =>
    scores.listScoresByScorerId({
      scorerId: "paged",
      filters,
      pagination: { page, perPage: 2 },
    });
  const [first, last] = [await page(0), await page(1)];
  const pagination = { total: 3, page: 0, perPage: 2, hasMore: true };
  assert.deepEqual(first.pagination, pagination);
  const end = { total: 3, page: 1, perPage: 2, hasMore: false };
  assert.deepEqual(last.pagination, end);
  assert.deepEqual([...values(first), ...values(last)].sort(), [1, 2, 3]);
});
