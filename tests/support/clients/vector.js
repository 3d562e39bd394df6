// `ConvexVector`: vectors in Mastra's own table, scored by the client.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexVector } from "@mastra/convex";
import { deployment } from "./deployment.js";

const vectors = new ConvexVector(deployment);

const ids = (hits) => hits.map(({ id }) => id);

/** A new index of four rows. */
async function filled(indexName) {
  await vectors.createIndex({ indexName, dimension: 2, metric: "cosine" });
  await vectors.upsert({
    indexName,
    ids: ["east", "northeast", "north", "west"],
    vectors: [
      [1, 0],
      [1, 1],
      [0, 1],
      [-1, 0],
    ],
    metadata: [{ n: 0 }, { n: 1, kind: "diagonal" }, { n: 2 }, { n: 3 }],
  });
  return indexName;
}

test("an index is listed, described, emptied and deleted", async () => {
  const indexName = await filled("life");
  assert.ok((await vectors.listIndexes()).includes(indexName));
  assert.deepEqual(await vectors.describeIndex({ indexName }), {
    dimension: 2,
    count: 4,
    metric: "cosine",
  });
  await vectors.truncateIndex({ indexName });
  assert.equal((await vectors.describeIndex({ indexName })).count, 0);
  await vectors.deleteIndex({ indexName });
  assert.ok(!(await vectors.listIndexes()).includes(indexName));
  await assert.rejects(
    vectors.describeIndex({ indexName }),
    /Index life not found/,
  );
});

test("a query ranks by cosine, with filter, vectors and metadata", async () => {
  const indexName = await filled("query");
  const queryVector = [2, 0.1];
  const hits = await vectors.query({ indexName, queryVector, topK: 3 });
  assert.deepEqual(ids(hits), ["east", "northeast", "north"]);
  assert.ok(Math.abs(hits[0].score - 2 / Math.hypot(2, 0.1)) < 1e-12);
  assert.deepEqual(hits[1].metadata, { n: 1, kind: "diagonal" });
  assert.ok(!("vector" in hits[0]));
  const filter = { n: { $gte: 1 } };
  const some = { indexName, queryVector, filter, includeVector: true };
  const [best, ...others] = await vectors.query(some);
  assert.deepEqual(best.vector, [1, 1]);
  assert.deepEqual(ids([best, ...others]), ["northeast", "north", "west"]);
});

test("ids are made where none are given, and kept where they are", async () => {
  const indexName = "ids";
  await vectors.createIndex({ indexName, dimension: 1 });
  const made = await vectors.upsert({ indexName, vectors: [[1], [2]] });
  assert.equal(new Set(made).size, 2);
  const again = { indexName, ids: [made[1]], vectors: [[-1]] };
  assert.deepEqual(await vectors.upsert(again), [made[1]]);
  const hits = await vectors.query({ indexName, queryVector: [1] });
  assert.deepEqual(ids(hits), made);
});

test("more rows than a page holds are all found", async () => {
  const indexName = "pages";
  await vectors.createIndex({ indexName, dimension: 2 });
  const vectorsOf = (n) =>
    Array.from({ length: n }, (_, row) => [Math.cos(row), Math.sin(row)]);
  await vectors.upsert({ indexName, vectors: vectorsOf(600) });
  const all = { indexName, queryVector: [1, 0], topK: 1000 };
  const hits = await vectors.query(all);
  assert.equal(hits.length, 600);
  await vectors.truncateIndex({ indexName });
  assert.deepEqual(await vectors.query(all), []);
});

test("rows are updated and deleted by id and by filter", async () => {
  const indexName = await filled("rows");
  const query = { indexName, queryVector: [1, 0], topK: 10 };
  const byId = { indexName, id: "east", update: { metadata: { seen: 1 } } };
  await vectors.updateVector(byId);
  const filter = { n: { $in: [2, 3] } };
  const away = { vector: [-1, -1], metadata: { away: true } };
  await vectors.updateVector({ indexName, filter, update: away });
  const hits = await vectors.query({ ...query, includeVector: true });
  assert.deepEqual(
    Object.fromEntries(hits.map(({ id, metadata }) => [id, metadata])),
    {
      east: { n: 0, seen: 1 },
      northeast: { n: 1, kind: "diagonal" },
      north: { n: 2, away: true },
      west: { n: 3, away: true },
    },
  );
  assert.deepEqual(hits.at(-1).vector, [-1, -1]);
  await vectors.deleteVector({ indexName, id: "east" });
  await vectors.deleteVectors({ indexName, filter: { away: true } });
  assert.deepEqual(ids(await vectors.query(query)), ["northeast"]);
  await vectors.deleteVectors({ indexName, ids: ["northeast", "none"] });
  assert.deepEqual(await vectors.query(query), []);
});
