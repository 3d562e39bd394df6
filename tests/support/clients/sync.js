// npm's clients over the WebSocket: `ConvexClient`, and the one that `convex/react` is made of.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BaseConvexClient, ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";
import { token } from "./issuer.js";

const [url, adminKey, key] = process.argv.slice(2);
const { chat } = anyApi;

const open = [];
after(() => Promise.all(open.map((client) => client.close())));

/** A promise, and the functions that settle it. */
function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) =>
    Object.assign(made, { resolve, reject }),
  );
  return made;
}

function connect() {
  const client = new ConvexClient(url);
  open.push(client);
  return client;
}

/** Subscribes until a result is as wanted. Returns all results until then. */
function follow(client, query, args, isLast) {
  const { promise, resolve, reject } = deferred();
  const seen = [];
  const update = (result) => {
    seen.push(result);
    if (isLast(result)) resolve(seen);
  };
  const stop = client.onUpdate(query, args, update, reject);
  return promise.finally(stop);
}

test("a client follows what another writes, in order", async () => {
  const [writer, reader] = [connect(), connect()];
  const texts = Array.from({ length: 20 }, (_, n) => `${n}`);
  const room = "ordered";
  const isLast = (found) => found.length === texts.length;
  const followed = follow(reader, chat.list, { room }, isLast);
  await Promise.all(
    texts.map((text) => writer.mutation(chat.send, { room, text })),
  );
  const seen = await followed;
  assert.deepEqual(seen.at(-1), texts);
  for (const state of seen)
    assert.deepEqual(state, texts.slice(0, state.length));
});

test("a mutation that has resolved is in the client's own results", async () => {
  const [client, room] = [connect(), "own"];
  const results = [];
  client.onUpdate(chat.list, { room }, (result) => results.push(result));
  for (const text of ["a", "b"]) {
    assert.equal(await client.mutation(chat.send, { room, text }), text);
    assert.equal(results.at(-1).at(-1), text);
  }
});

test("errors have their data, of mutations and of queries", async () => {
  const [client, room] = [connect(), "errors"];
  await assert.rejects(client.mutation(chat.refuse, { room }), {
    name: "ConvexError",
    data: { reason: "on purpose", at: [1, 2.5] },
  });
  await assert.rejects(client.query(chat.refuseIfEmpty, { room }), {
    data: { empty: room },
  });
  await assert.rejects(client.query(chat.none, {}), /Could not find public/);
  await client.mutation(chat.send, { room, text: "now there is one" });
  assert.equal(await client.query(chat.refuseIfEmpty, { room }), room);
  assert.deepEqual(await client.query(chat.list, { room }), [
    "now there is one",
  ]);
});

test("actions give values back bit for bit, several at once", async () => {
  const client = connect();
  const bytes = new Uint8Array([0, 255]).buffer;
  const value = { a: [1, -0, NaN, 7n, null, "naïve 🙂"], bytes };
  const echo = () => client.action(chat.echo, { value });
  assert.deepEqual(await Promise.all([echo(), echo(), echo()]), [
    value,
    value,
    value,
  ]);
});

test("a page grows with what is written into it, and ends where it ended", async () => {
  const [client, room] = [connect(), "pages"];
  for (const text of ["a", "b", "c"])
    await client.mutation(chat.send, { room, text });
  const page = (cursor) => ({
    room,
    paginationOpts: { numItems: 2, cursor, id: 1 },
  });
  const texts = ({ page }) => page.map(({ text }) => text);
  const first = await client.query(chat.page, page(null));
  assert.deepEqual([texts(first), first.isDone], [["a", "b"], false]);
  const hasD = (result) => texts(result).includes("d");
  const last = follow(client, chat.page, page(first.continueCursor), hasD);
  await client.mutation(chat.send, { room, text: "d" });
  assert.deepEqual(texts((await last).at(-1)), ["c", "d"]);
});

test("a user has the identity of its token, until it logs out", async () => {
  const client = connect();
  const { promise, resolve } = deferred();
  const fetchToken = async () => token(key, "ann", 3600);
  client.setAuth(fetchToken, (isAuthenticated) => resolve(isAuthenticated));
  assert.equal(await promise, true);
  assert.equal(await client.query(chat.whoami, {}), "ann");
  await client.mutation(chat.sign, { room: "signed" });
  assert.deepEqual(await client.query(chat.list, { room: "signed" }), ["ann"]);
  client.client.clearAuth();
  assert.equal(await client.query(chat.whoami, {}), null);
});

test("a refused token ends the login, but not the client", async () => {
  const client = connect();
  const { promise, resolve } = deferred();
  client.setAuth(
    async () => `${token(key, "ann", 3600)}x`,
    (isAuthenticated) => resolve(isAuthenticated),
  );
  assert.equal(await promise, false);
  assert.equal(await client.query(chat.whoami, {}), null);
});

test("an admin reaches internal functions, also while acting as a user", async () => {
  await assert.rejects(connect().query(chat.secret, {}), /Could not find/);
  const client = connect();
  client.client.setAdminAuth(adminKey);
  assert.equal(await client.query(chat.secret, {}), "for admins");
  const bob = { issuer: "https://users.example", subject: "bob" };
  const isBob = (subject) => subject === "bob";
  const followed = follow(client, chat.whoami, {}, isBob);
  client.client.setAdminAuth(adminKey, bob);
  assert.equal((await followed).at(-1), "bob");
});

test("all queries of `convex/react`'s client have one snapshot", async () => {
  const rooms = ["left", "right"];
  const { promise, resolve, reject } = deferred();
  const client = new BaseConvexClient(url, () => {
    const found = rooms.map(
      (room) => client.localQueryResult("chat:list", { room }) ?? [],
    );
    const [left, right] = found.map((texts) => texts.length);
    // Each mutation writes to the left one first.
    if (left < right || left > right + 1) reject(new Error(`${left} ${right}`));
    if (right === 5) resolve();
  });
  open.push(client);
  for (const room of rooms) client.subscribe("chat:list", { room });
  const writer = connect();
  for (const text of ["0", "1", "2", "3", "4"])
    for (const room of rooms) await writer.mutation(chat.send, { room, text });
  await promise;
});
