// `ConvexHttpClient` of npm `convex`, with the functions of `functions/plain`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexHttpClient } from "convex/browser";
import { anyApi } from "convex/server";

const [url, adminKey] = process.argv.slice(2);
const client = new ConvexHttpClient(url);
const { notes } = anyApi;

test("values come back bit for bit", async () => {
  const bytes = new Uint8Array([0, 255]).buffer;
  const value = { a: [1, -0, NaN, 7n, null, "naïve 🙂"], bytes };
  assert.deepEqual(await client.action(notes.echo, { value }), value);
});

test("a written note is read, at a timestamp too", async () => {
  await client.mutation(notes.add, { text: "from JavaScript" });
  const read = await client.query(notes.list, {});
  assert.ok(read.includes("from JavaScript"));
  assert.deepEqual(await client.consistentQuery(notes.list, {}), read);
});

test("a thrown ConvexError arrives with its data", async () => {
  await assert.rejects(client.mutation(notes.fail, {}), {
    name: "ConvexError",
    data: { reason: "on purpose", at: [1, 2.5] },
  });
});

test("internal functions are for admins", async () => {
  await assert.rejects(
    client.query(notes.secret, {}),
    /Could not find public function for 'notes:secret'/,
  );
  client.setAdminAuth(adminKey);
  assert.equal(await client.query(notes.secret, {}), "for admins");
});
