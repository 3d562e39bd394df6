// Calls of `@mastra/memory` over `@mastra/convex` that stdin lists, `[{ options, method, args }]`: prints what they
// return. A date is `{"$date": text}` there, and text here. Texts are embedded by how often they have each letter.
import { text } from "node:stream/consumers";
import { ConvexStore, ConvexVector } from "@mastra/convex";
import { Memory } from "@mastra/memory";
import { deployment } from "./deployment.js";

const letters = (value) =>
  Array.from(
    { length: 26 },
    (_, n) => value.toLowerCase().split(String.fromCharCode(97 + n)).length - 1,
  );
const embedder = {
  specificationVersion: "v2",
  provider: "test",
  modelId: "letters",
  maxEmbeddingsPerCall: 100,
  supportsParallelCalls: false,
  doEmbed: async ({ values }) => ({
    embeddings: values.map(letters),
    usage: { tokens: 0 },
  }),
};

const withDates = (_key, value) =>
  value?.$date ? new Date(value.$date) : value;
const storage = new ConvexStore(deployment);
const vector = new ConvexVector(deployment);
const results = [];
for (const { options, method, args } of JSON.parse(
  await text(process.stdin),
  withDates,
)) {
  const memory = new Memory({ storage, vector, embedder, options });
  results.push((await memory[method](args)) ?? null);
  // Vectors of what was deleted are deleted afterwards.
  await memory.pendingVectorCleanup;
}
console.log(JSON.stringify(results));
