// Calls of `@mastra/convex` that stdin lists, `[[domain, method, ...arguments]]`:
// prints what they return. A date is `{"$date": text}` there, and text here.
import { text } from "node:stream/consumers";
import { ConvexServerCache, ConvexStore } from "@mastra/convex";
import { deployment } from "./deployment.js";

const store = new ConvexStore(deployment);
const withDates = (_key, value) =>
  value?.$date ? new Date(value.$date) : value;

const results = [];
for (const [domain, method, ...args] of JSON.parse(
  await text(process.stdin),
  withDates,
)) {
  const target =
    domain === "cache"
      ? new ConvexServerCache(deployment)
      : await store.getStore(domain);
  results.push((await target[method](...args)) ?? null);
}
console.log(JSON.stringify(results));
