// Calls of `@mastra/memory` over `@mastra/convex` that stdin lists, `[{ options, method, args }]`: prints what they
// return. A date is `{"$date": text}` there, and text here. Texts are embedded by how often they have each letter.
// The method `ask` is an agent with that memory: it returns the prompt that the agent's model was given.
import { text } from "node:stream/consumers";
import { Mastra } from "@mastra/core";
import { Agent } from "@mastra/core/agent";
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

/** Ask an agent, whose model always has the same answer. */
const ask = async (memory, { question, ...options }) => {
  let prompt;
  const model = {
    specificationVersion: "v2",
    provider: "test",
    modelId: "parrot",
    supportedUrls: {},
    doGenerate: async (request) => {
      ({ prompt } = request);
      return {
        content: [{ type: "text", text: "At the depot." }],
        finishReason: "stop",
        usage: { inputTokens: 1, outputTokens: 1, totalTokens: 2 },
        warnings: [],
      };
    },
  };
  const fields = { id: "helper", name: "helper", instructions: "Be kind." };
  const agent = new Agent({ ...fields, model, memory });
  const mastra = new Mastra({ agents: { agent }, storage, logger: false });
  await mastra.getAgent("agent").generate(question, { memory: options });
  return prompt;
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
  const call = method === "ask" ? ask(memory, args) : memory[method](args);
  results.push((await call) ?? null);
  // Vectors of what was deleted are deleted afterwards.
  await memory.pendingVectorCleanup;
}
console.log(JSON.stringify(results));
