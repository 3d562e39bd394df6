// `ConvexServerCache`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { ConvexServerCache } from "@mastra/convex";
import { deployment } from "./deployment.js";

const cacheOf = (keyPrefix, rest) =>
  new ConvexServerCache({ ...deployment, keyPrefix, ...rest });
const cache = cacheOf("test:");

test("a value comes back as it was set, until it is deleted", async () => {
  const value = { text: "naïve 🙂", list: [1, null, { deep: true }] };
  await cache.set("value", value);
  assert.deepEqual(await cache.get("value"), value);
  await cache.set("value", "other");
  assert.equal(await cache.get("value"), "other");
  await cache.delete("value");
  assert.equal(await cache.get("value"), null);
});

test("a value expires, and one whose time to live is 0 doesn't", async () => {
  await cache.set("short", 1, 1);
  await cache.set("long", 2, 0);
  while ((await cache.get("short")) !== null) await setTimeout(1);
  assert.equal(await cache.get("long"), 2);
});

test("a list grows at its end and is read by ranges", async () => {
  for (let n = 0; n < 60; n++) await cache.listPush("list", { n });
  assert.equal(await cache.listLength("list"), 60);
  const range = async (...bounds) =>
    (await cache.listFromTo("list", ...bounds)).map(({ n }) => n);
  assert.deepEqual(await range(0, 2), [0, 1, 2]);
  assert.deepEqual(await range(-2), [58, 59]);
  assert.equal((await range(0)).length, 60);
  assert.equal(await cache.get("list"), null);
  await cache.set("list", "a scalar now");
  assert.equal(await cache.get("list"), "a scalar now");
  await assert.rejects(
    cache.listPush("list", 1),
    /test:list exists but is not an array/,
  );
  assert.equal(await cache.listLength("none"), 0);
  assert.deepEqual(await cache.listFromTo("none", 0), []);
});

test("concurrent callers of a counter get different numbers", async () => {
  const counts = await Promise.all(
    Array.from({ length: 16 }, () => cache.increment("count")),
  );
  assert.deepEqual(
    counts.sort((a, b) => a - b),
    Array.from({ length: 16 }, (_, n) => n + 1),
  );
});

test("indexed items know their place", async () => {
  const push = (text) =>
    cache.listPushIndexed("stream", "streamCount", { text });
  assert.deepEqual([await push("a"), await push("b")], [0, 1]);
  assert.deepEqual(await cache.listFromTo("stream", 0), [
    { text: "a", index: 0 },
    { text: "b", index: 1 },
  ]);
});

test("clearing takes all of a prefix, and of no other", async () => {
  const [cleared, other] = [cacheOf("cleared:"), cacheOf("other:")];
  for (let n = 0; n < 60; n++) await cleared.set(`key${n}`, n);
  for (let n = 0; n < 30; n++) await cleared.listPush("list", n);
  await other.set("key0", "stays");
  await cleared.clear();
  assert.equal(await cleared.get("key0"), null);
  assert.equal(await cleared.get("key59"), null);
  assert.equal(await cleared.listLength("list"), 0);
  assert.equal(await other.get("key0"), "stays");
});
