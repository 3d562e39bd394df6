// Calls of the stores that `@mastra/core` keeps in memory, which stdin lists,
// `[[domain, method, ...arguments]]`: prints what they return, or
// `{"$error": message}`. A date is `{"$date": text}` there, and text here;
// `{"$result": [call, ...path]}` is a part of an earlier result.
import { text } from "node:stream/consumers";
import { InMemoryStore } from "@mastra/core/storage";

const store = new InMemoryStore();
const calls = JSON.parse(await text(process.stdin), (_key, value) =>
  value?.$date ? new Date(value.$date) : value,
);

const results = [];
const given = (value) => {
  if (value?.$result) {
    const [call, ...path] = value.$result;
    return path.reduce((part, name) => part[name], results[call]);
  }
  if (Array.isArray(value)) return value.map(given);
  if (value === null || typeof value !== "object" || value instanceof Date) {
    return value;
  }
  const fields = Object.entries(value);
  return Object.fromEntries(fields.map(([name, part]) => [name, given(part)]));
};
for (const [domain, method, ...args] of calls) {
  const target = await store.getStore(domain);
  try {
    const result = (await target[method](...args.map(given))) ?? null;
    results.push(structuredClone(result));
  } catch (error) {
    results.push({ $error: String(error.message) });
  }
}
console.log(JSON.stringify(results));
