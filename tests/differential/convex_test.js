// The functions under convex-test: answers calls, a line of JSON each, until there are no more.
import { createInterface } from "node:readline";
import { convexTest } from "convex-test";
import { ConvexError, convexToJson, jsonToConvex } from "convex/values";
import { makeFunctionReference } from "convex/server";
import { runnerImport } from "vite";

const load = async (name) => {
  const file = `${import.meta.dirname}/functions/${name}`;
  return (await runnerImport(file, { configFile: false, logLevel: "error" }))
    .module;
};
const schema = (await load("schema.ts")).default;
const sequences = await load("sequences.ts");
const modules = {
  "./_generated/api.js": async () => ({}),
  "./sequences.ts": async () => sequences,
};

/** A line without a path asks for an empty deployment. */
let deployment;
async function answer({ kind, path, args }) {
  if (path === undefined) {
    deployment = convexTest(schema, modules);
    return { value: null };
  }
  try {
    const reference = makeFunctionReference(path);
    const value = await deployment[kind](reference, jsonToConvex(args));
    return { value: convexToJson(value) };
  } catch (error) {
    const data =
      error instanceof ConvexError ? { data: convexToJson(error.data) } : {};
    return { error: { message: error.message, ...data } };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
