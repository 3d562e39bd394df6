// `ConvexNativeVector`: tables of the schema, searched by Convex's own vector index.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexNativeVector } from "@mastra/convex";
import { deployment } from "./deployment.js";

const vectors = new ConvexNativeVector({
  ...deployment,
  indexes: {
    docs: { tableName: "docs_vectors", dimension: 3 },
    notes: {
      tableName: "notes",
      dimension: 2,
      vectorIndexName: "by_vector",
      idField: "key",
      idIndexName: "by_key",
      vectorField: "vector",
      metadataField: "attributes",
      filterFields: ["tenant"],
    },
  },
});

const ids = (hits) => hits.map(({ id }) => id);

test("indexes are those of the schema", async () => {
  assert.deepEqual(await vectors.listIndexes(), ["docs", "notes"]);
  await vectors.createIndex({ indexName: "docs", dimension: 3 });
  await assert.rejects(
    vectors.createIndex({ indexName: "docs", dimension: 4 }),
    /has 3 dimensions, but 4 were requested/,
  );
});

test("a query ranks by cosine", async () => {
  const indexName = "docs";
  const upserted = await vectors.upsert({
    indexName,
    ids: ["x", "xy", "z"],
    vectors: [
      [1, 0, 0],
      [1, 1, 0],
      [0, 0, 1],
    ],
    metadata: [{ n: 1 }, { n: 2 }, { n: 3 }],
  });
  assert.deepEqual(upserted, ["x", "xy", "z"]);
  const stats = { dimension: 3, count: 3, metric: "cosine" };
  assert.deepEqual(await vectors.describeIndex({ indexName }), stats);
  const queryVector = [3, 0, 0];
  const hits = await vectors.query({ indexName, queryVector, topK: 2 });
  assert.deepEqual(ids(hits), ["x", "xy"]);
  assert.ok(Math.abs(hits[0].score - 1) < 1e-6);
  assert.ok(Math.abs(hits[1].score - Math.SQRT1_2) < 1e-6);
  assert.deepEqual(hits[1].metadata, { n: 2 });
  assert.ok(!("vector" in hits[0]));
  const whole = { indexName, queryVector, topK: 1, includeVector: true };
  assert.deepEqual((await vectors.query(whole))[0].vector, [1, 0, 0]);
});

test("fields may have other names, and metadata is filtered by", async () => {
  const indexName = "notes";
  await vectors.upsert({
    indexName,
    ids: ["a", "b", "c"],
    vectors: [
      [1, 0],
      [1, 0.1],
      [1, 0.2],
    ],
    metadata: [{ tenant: "one" }, { tenant: "two" }, { tenant: "one", n: 1 }],
  });
  const query = { indexName, queryVector: [1, 0] };
  assert.deepEqual(ids(await vectors.query(query)), ["a", "b", "c"]);
  const one = await vectors.query({ ...query, filter: { tenant: "one" } });
  assert.deepEqual(ids(one), ["a", "c"]);
  assert.deepEqual(one[1].metadata, { tenant: "one", n: 1 });
  const filter = { metadata: { tenant: { $eq: "two" } } };
  assert.deepEqual(ids(await vectors.query({ ...query, filter })), ["b"]);
});

test("rows are replaced, updated and deleted", async () => {
  const indexName = "notes";
  const id = "row";
  const filter = { tenant: "rows" };
  const query = { indexName, queryVector: [0, 1], filter, includeVector: true };
  const metadata = [{ tenant: "rows", n: 1 }];
  await vectors.upsert({ indexName, ids: [id], vectors: [[1, 0]], metadata });
  const again = { indexName, ids: [id], vectors: [[0, 2]] };
  await vectors.upsert({ ...again, metadata: [{ tenant: "rows", n: 2 }] });
  const [replaced] = await vectors.query(query);
  assert.deepEqual(replaced.vector, [0, 2]);
  assert.deepEqual(replaced.metadata, { tenant: "rows", n: 2 });
  const update = { vector: [0, -1], metadata: { seen: true } };
  await vectors.updateVector({ indexName, id, update });
  const [updated] = await vectors.query(query);
  assert.ok(Math.abs(updated.score + 1) < 1e-6);
  assert.deepEqual(updated.metadata, { tenant: "rows", n: 2, seen: true });
  await vectors.deleteVector({ indexName, id });
  assert.deepEqual(await vectors.query(query), []);
  await vectors.deleteVectors({ indexName, ids: ["none"] });
});

test("more rows than a batch holds are all written", async () => {
  const indexName = "docs";
  const many = Array.from({ length: 250 }, (_, row) => [-1, row, 0]);
  const made = await vectors.upsert({ indexName, vectors: many });
  const queryVector = [-1, 0, 0];
  const hits = await vectors.query({ indexName, queryVector, topK: 256 });
  assert.equal(made.filter((id) => ids(hits).includes(id)).length, 250);
  await vectors.deleteVectors({ indexName, ids: made });
  const { count } = await vectors.describeIndex({ indexName });
  assert.equal(count, 3);
});
