import { convexTest } from "convex-test";
import { componentsGeneric, makeFunctionReference } from "convex/server";
import { expect, test } from "vitest";
import schema from "../../../../convex/schema";
import { isComponent } from "../../../../convex/mastra/model/component";
import { api } from "./_generated/api";

const app = import.meta.glob(["./**/*.{ts,js}", "!./**/*.*.ts"]);
const component = {
  ...import.meta.glob(["/convex/**/*.ts", "!/convex/**/*.*.ts"]),
  "/convex/_generated/api.ts": async () => ({}),
};

/** The app, with the component mounted. */
function deployment() {
  const db = convexTest(undefined, app);
  db.registerComponent("mastra", schema, component);
  return db;
}

const storage = componentsGeneric().mastra!.mastra!.storage!.handle!;

test("a user's messages are in the component, and another's aren't seen", async () => {
  expect(isComponent).toBe(true);
  const db = deployment();
  const ada = db.withIdentity({ subject: "ada" });
  const eve = db.withIdentity({ subject: "eve" });
  await ada.mutation(api.chat.send, { threadId: "t", text: "Hi" });
  await ada.mutation(api.chat.send, { threadId: "t", text: "Again" });
  const shown = await ada.query(api.chat.messages, { threadId: "t" });
  const texts = shown.map(
    (message: { content: string }) => JSON.parse(message.content).parts[0].text,
  );
  expect(texts).toEqual(["Hi", "Again"]);

  expect(await eve.query(api.chat.messages, { threadId: "t" })).toEqual([]);
  const intruding = eve.mutation(api.chat.send, { threadId: "t", text: "?" });
  await expect(intruding).rejects.toThrow("no thread t");
  const unknown = db.query(api.chat.messages, { threadId: "t" });
  await expect(unknown).rejects.toThrow("sign in first");

  // The tables are apart from the app's, and so are the functions.
  const tables = ["mastra_threads", "mastra_messages"];
  const mine = await db.run((ctx) =>
    Promise.all(tables.map((table) => ctx.db.query(table).collect())),
  );
  expect(mine).toEqual([[], []]);
  const theirs = makeFunctionReference<"query">("mastra/queries:watchThread");
  await expect(db.query(theirs, { threadId: "t" })).rejects.toThrow(
    "mastra/queries",
  );
});

test("a failing function undoes what it had the component write", async () => {
  const db = deployment();
  const user = db.withIdentity({ subject: "ada" });
  const failing = user.mutation(async (ctx) => {
    await ctx.runMutation(api.chat.send, { threadId: "t", text: "Hi" });
    throw new Error("later");
  });
  await expect(failing).rejects.toThrow("later");
  expect(await user.query(api.chat.messages, { threadId: "t" })).toEqual([]);
});

test("an action searches the component's vectors, page by page", async () => {
  const db = deployment();
  const call = (op: string, tableName: string, rest: object) =>
    db.mutation(async (ctx) => {
      const reply = await ctx.runMutation(storage, { op, tableName, ...rest });
      expect(reply.ok).toBe(true);
    });
  const index = { dimension: 2, metric: "cosine", createdAt: "" };
  await call("createVectorIndex", "mastra_vector_indexes", {
    record: { id: "docs", indexName: "docs", ...index },
  });
  await call("batchInsert", "mastra_vector_docs", {
    records: [
      { id: "a", embedding: [1, 0], metadata: { n: 1 } },
      { id: "b", embedding: [0, 1] },
    ],
  });
  const user = db.withIdentity({ subject: "ada" });
  const hits = await user.action(api.chat.search, { vector: [1, 0] });
  expect(hits).toMatchObject([
    { id: "a", score: 1, metadata: { n: 1 } },
    { id: "b", score: 0 },
  ]);
});
