// Channel installations and configurations of `ConvexStore`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexStore } from "@mastra/convex";
import { at, deployment } from "./deployment.js";

const channels = await new ConvexStore(deployment).getStore("channels");

const installation = (id, rest = {}) => ({
  id,
  platform: "slack",
  agentId: "agent",
  status: "active",
  webhookId: `hook-${id}`,
  data: { token: "sealed", $kind: 1 },
  configHash: "hash",
  error: undefined,
  createdAt: at(0),
  ...rest,
});

const withoutUpdate = ({ updatedAt, ...rest }) => {
  assert.ok(updatedAt > at(0));
  return rest;
};

test("an installation comes back as it was saved, and keeps its age", async () => {
  await channels.saveInstallation(installation("i1"));
  const found = await channels.getInstallation("i1");
  assert.deepEqual(withoutUpdate(found), installation("i1"));
  const failed = { status: "error", error: "revoked", webhookId: undefined };
  const later = installation("i1", { ...failed, createdAt: at(9) });
  await channels.saveInstallation(later);
  const again = await channels.getInstallation("i1");
  assert.deepEqual(withoutUpdate(again), { ...later, createdAt: at(0) });
  assert.equal(await channels.getInstallation("none"), null);
});

test("the active installation of an agent is preferred", async () => {
  const agentId = "preferred";
  const rows = [
    installation("p1", { agentId, status: "pending", createdAt: at(1) }),
    installation("p2", { agentId, status: "active", createdAt: at(2) }),
    installation("p3", { agentId, status: "error", createdAt: at(3) }),
    installation("p4", { agentId, platform: "teams" }),
  ];
  for (const row of rows) await channels.saveInstallation(row);
  const best = await channels.getInstallationByAgent("slack", agentId);
  assert.equal(best.id, "p2");
  const byHook = await channels.getInstallationByWebhookId("hook-p3");
  assert.equal(byHook.id, "p3");
  const listed = await channels.listInstallations("slack");
  const ofAgent = listed.filter((row) => row.agentId === agentId);
  assert.deepEqual(
    ofAgent.map(({ id }) => id),
    ["p3", "p2", "p1"],
  );
  await channels.deleteInstallation("p2");
  const next = await channels.getInstallationByAgent("slack", agentId);
  assert.equal(next.id, "p1");
});

test("a platform has one configuration", async () => {
  const config = (rest) => ({ platform: "slack", updatedAt: at(1), ...rest });
  await channels.saveConfig(config({ data: { a: 1 } }));
  const replaced = config({ data: { $b: [2] }, updatedAt: at(2) });
  await channels.saveConfig(replaced);
  assert.deepEqual(await channels.getConfig("slack"), replaced);
  await channels.deleteConfig("slack");
  assert.equal(await channels.getConfig("slack"), null);
});
