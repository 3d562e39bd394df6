import { beforeEach, expect, test } from "vitest";
import {
  deployment,
  storageOf,
  storedIn,
  type Deployment,
} from "../test.setup";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
beforeEach(() => {
  db = deployment();
  call = storageOf(db);
});

const at = (day: number) => `2026-01-0${day}T00:00:00.000Z`;
const ids = (reply: { result: { id: string }[] }) =>
  reply.result.map((row) => row.id);
const where = (conditions: Record<string, unknown>) => ({
  filters: Object.entries(conditions).map(([field, value]) => ({
    field,
    value,
  })),
});

const installation = (id: string, fields: object = {}) => ({
  id,
  platform: "slack",
  agentId: "agent",
  status: "active",
  data: "{}",
  createdAt: at(1),
  updatedAt: at(1),
  ...fields,
});

test("installations keep when they were made, and are found by agent or webhook", async () => {
  const table = "mastra_channel_installations";
  await call("insert", table, {
    record: installation("a", { webhookId: "w" }),
  });
  await call("insert", table, {
    record: installation("b", { agentId: "other" }),
  });
  await call("insert", table, {
    record: installation("a", {
      webhookId: "w",
      createdAt: at(2),
      error: null,
    }),
  });
  expect((await storedIn(db, table))[0]).toEqual(
    installation("a", { webhookId: "w", error: null }),
  );
  const found = async (conditions: Record<string, unknown>) =>
    ids(await call("queryTable", table, where(conditions)));
  expect(await found({ platform: "slack", agentId: "agent" })).toEqual(["a"]);
  expect(await found({ webhookId: "w" })).toEqual(["a"]);
  expect(await found({ platform: "slack" })).toEqual(["a", "b"]);
});

test("a platform has one configuration", async () => {
  const table = "mastra_channel_config";
  const record = {
    id: "slack",
    platform: "slack",
    data: "{}",
    updatedAt: at(1),
  };
  await call("insert", table, { record });
  await call("insert", table, { record: { ...record, data: "[]" } });
  expect(await storedIn(db, table)).toEqual([{ ...record, data: "[]" }]);
});
