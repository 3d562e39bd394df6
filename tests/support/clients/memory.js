// Threads, messages and resources of `ConvexStore`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexStore } from "@mastra/convex";
import { at, deployment, ofCaller } from "./deployment.js";

const memory = await new ConvexStore(deployment).getStore("memory");

const thread = (id, { resourceId = "ada", ...rest } = {}) => ({
  id,
  resourceId,
  title: `about ${id}`,
  metadata: { topic: "trains" },
  createdAt: at(0),
  updatedAt: at(0),
  ...rest,
});

const message = (id, threadId, ms, { resourceId = "ada", ...rest } = {}) => ({
  id,
  threadId,
  resourceId,
  role: "user",
  type: "v2",
  createdAt: at(ms),
  content: {
    format: 2,
    parts: [{ type: "text", text: `text of ${id}` }],
    metadata: { lang: ms % 2 ? "en" : "fr" },
  },
  ...rest,
});

const ids = (records) => records.map(({ id }) => id);

test("a thread comes back as it was saved, to its resource only", async () => {
  const saved = thread("t1");
  assert.deepEqual(await memory.saveThread({ thread: saved }), saved);
  const found = await memory.getThreadById({ threadId: "t1" });
  assert.deepEqual(ofCaller(found), saved);
  const ofBob = { threadId: "t1", resourceId: "bob" };
  assert.equal(await memory.getThreadById(ofBob), null);
  assert.equal(await memory.getThreadById({ threadId: "t0" }), null);
});

test("an update merges metadata and moves `updatedAt`", async () => {
  await memory.saveThread({ thread: thread("t2") });
  const update = { id: "t2", title: "new", metadata: { seen: true } };
  const updated = await memory.updateThread(update);
  assert.equal(updated.title, "new");
  assert.deepEqual(updated.metadata, { topic: "trains", seen: true });
  assert.deepEqual(updated.createdAt, at(0));
  assert.ok(updated.updatedAt > at(0));
  await assert.rejects(memory.updateThread({ ...update, id: "t0" }), {
    id: "MASTRA_STORAGE_CONVEX_UPDATE_THREAD_THREAD_NOT_FOUND",
  });
});

test("threads are listed by resource and metadata, in pages", async () => {
  for (const [number, id] of ["l1", "l2", "l3"].entries()) {
    const times = { createdAt: at(number), updatedAt: at(10 - number) };
    const metadata = { odd: number % 2 === 1 };
    const listed = thread(id, { resourceId: "lists", metadata, ...times });
    await memory.saveThread({ thread: listed });
  }
  const filter = { resourceId: "lists" };
  const first = await memory.listThreads({ filter, perPage: 2 });
  assert.deepEqual(ids(first.threads), ["l3", "l2"]);
  const { threads, ...page } = first;
  assert.deepEqual(page, { total: 3, page: 0, perPage: 2, hasMore: true });
  const next = await memory.listThreads({ filter, perPage: 2, page: 1 });
  assert.deepEqual(ids(next.threads), ["l1"]);
  assert.equal(next.hasMore, false);
  const orderBy = { field: "updatedAt", direction: "DESC" };
  const all = await memory.listThreads({ filter, perPage: false, orderBy });
  assert.deepEqual(ids(all.threads), ["l1", "l2", "l3"]);
  const odd = { ...filter, metadata: { odd: true } };
  assert.deepEqual(ids((await memory.listThreads({ filter: odd })).threads), [
    "l2",
  ]);
});

test("messages are listed in order, by date and metadata, in pages", async () => {
  await memory.saveThread({ thread: thread("t3") });
  const messages = [3, 1, 2, 0].map((ms) => message(`m${ms}`, "t3", ms));
  const { messages: saved } = await memory.saveMessages({ messages });
  assert.deepEqual(ids(saved), ["m0", "m1", "m2", "m3"]);
  const touched = await memory.getThreadById({ threadId: "t3" });
  assert.ok(touched.updatedAt > at(0));

  const list = (rest) => memory.listMessages({ threadId: "t3", ...rest });
  const all = await list({});
  assert.deepEqual(all.messages[0], message("m0", "t3", 0));
  assert.deepEqual(ids(all.messages), ["m0", "m1", "m2", "m3"]);
  assert.deepEqual([all.total, all.perPage, all.hasMore], [4, 40, false]);
  const page = await list({ perPage: 3, page: 1 });
  assert.deepEqual([ids(page.messages), page.total], [["m3"], 4]);
  const newest = { field: "createdAt", direction: "DESC" };
  const backwards = await list({ orderBy: newest, perPage: 2 });
  assert.deepEqual(ids(backwards.messages), ["m3", "m2"]);
  const dateRange = { start: at(1), end: at(3), endExclusive: true };
  const dated = await list({ filter: { dateRange } });
  assert.deepEqual(ids(dated.messages), ["m1", "m2"]);
  const english = await list({ filter: { metadata: { lang: "en" } } });
  assert.deepEqual(ids(english.messages), ["m1", "m3"]);
});

test("included messages bring their neighbours, from any thread", async () => {
  await memory.saveThread({ thread: thread("t4") });
  const messages = [0, 1, 2, 3, 4].map((ms) => message(`n${ms}`, "t4", ms));
  await memory.saveMessages({ messages });
  await memory.saveThread({ thread: thread("t5") });
  const include = [
    { id: "n2", withPreviousMessages: 1, withNextMessages: 1 },
    { id: "n0" },
  ];
  const found = await memory.listMessages({
    threadId: "t5",
    perPage: 0,
    include,
  });
  assert.deepEqual(ids(found.messages), ["n0", "n1", "n2", "n3"]);
});

test("messages are found by id and by resource", async () => {
  const resourceId = "grace";
  for (const id of ["t6", "t7"]) {
    await memory.saveThread({ thread: thread(id, { resourceId }) });
  }
  await memory.saveMessages({
    messages: [
      message("r1", "t6", 1, { resourceId }),
      message("r2", "t7", 2, { resourceId }),
    ],
  });
  const byResource = await memory.listMessagesByResourceId({ resourceId });
  assert.deepEqual(ids(byResource.messages), ["r1", "r2"]);
  assert.equal(byResource.total, 2);
  const messageIds = ["r2", "missing", "r1"];
  const byId = await memory.listMessagesById({ messageIds });
  assert.deepEqual(ids(byId.messages), ["r1", "r2"]);
});

test("messages are updated and deleted, and go with their thread", async () => {
  await memory.saveThread({ thread: thread("t8") });
  const messages = [0, 1, 2].map((ms) => message(`u${ms}`, "t8", ms));
  await memory.saveMessages({ messages });
  const content = { metadata: { read: true } };
  const [updated] = await memory.updateMessages({
    messages: [{ id: "u0", role: "assistant", content }],
  });
  assert.equal(updated.role, "assistant");
  assert.deepEqual(updated.content.metadata, { lang: "fr", read: true });
  assert.deepEqual(updated.content.parts, messages[0].content.parts);
  await memory.deleteMessages(["u1", "missing"]);
  const left = await memory.listMessages({ threadId: "t8" });
  assert.deepEqual(ids(left.messages), ["u0", "u2"]);
  await memory.deleteThread({ threadId: "t8" });
  assert.equal(await memory.getThreadById({ threadId: "t8" }), null);
  const gone = await memory.listMessages({ threadId: "t8" });
  assert.deepEqual([gone.messages, gone.total], [[], 0]);
});

test("a resource keeps working memory, and merges metadata", async () => {
  const resource = {
    id: "res",
    workingMemory: "likes trains",
    metadata: { a: 1 },
    createdAt: at(0),
    updatedAt: at(0),
  };
  assert.deepEqual(await memory.saveResource({ resource }), resource);
  const found = await memory.getResourceById({ resourceId: "res" });
  assert.deepEqual(ofCaller(found), resource);
  const update = { resourceId: "res", metadata: { b: 2 } };
  const updated = await memory.updateResource(update);
  assert.deepEqual(updated.metadata, { a: 1, b: 2 });
  assert.equal(updated.workingMemory, "likes trains");
  const made = { resourceId: "made", workingMemory: "new" };
  assert.equal((await memory.updateResource(made)).workingMemory, "new");
  assert.equal(await memory.getResourceById({ resourceId: "none" }), null);
});
