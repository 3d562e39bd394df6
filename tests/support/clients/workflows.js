// Workflow snapshots and runs of `ConvexStore`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConvexStore } from "@mastra/convex";
import { at, deployment } from "./deployment.js";

const workflows = await new ConvexStore(deployment).getStore("workflows");

const snapshot = (runId, rest = {}) => ({
  runId,
  status: "running",
  value: {},
  context: { input: { city: "Bern" } },
  activePaths: [],
  activeStepsPath: {},
  suspendedPaths: {},
  resumeLabels: {},
  serializedStepGraph: [],
  waitingPaths: {},
  timestamp: 1,
  ...rest,
});

const runIds = ({ runs }) => runs.map(({ runId }) => runId);

test("a snapshot comes back as it was persisted, odd keys included", async () => {
  const key = { workflowName: "trip", runId: "s1" };
  const odd = { $schema: "x", "naïve 🙂": [null, 1.5] };
  const persisted = snapshot("s1", { value: odd });
  await workflows.persistWorkflowSnapshot({ ...key, snapshot: persisted });
  assert.deepEqual(await workflows.loadWorkflowSnapshot(key), persisted);
  const missing = { ...key, runId: "s0" };
  assert.equal(await workflows.loadWorkflowSnapshot(missing), null);
});

test("persisting again replaces the snapshot and keeps `createdAt`", async () => {
  const key = { workflowName: "trip", runId: "s2", resourceId: "ada" };
  const first = { ...key, snapshot: snapshot("s2"), createdAt: at(1) };
  await workflows.persistWorkflowSnapshot(first);
  const done = snapshot("s2", { status: "success" });
  await workflows.persistWorkflowSnapshot({ ...key, snapshot: done });
  const run = await workflows.getWorkflowRunById(key);
  assert.ok(run.updatedAt > at(1));
  delete run.updatedAt;
  const createdAt = at(1);
  assert.deepEqual(run, { ...key, snapshot: done, createdAt });
  const { runId } = key;
  const byRun = await workflows.getWorkflowRunById({ runId });
  assert.equal(byRun.workflowName, "trip");
});

test("results of steps that end at once are all there", async () => {
  const key = { workflowName: "trip", runId: "s3" };
  await workflows.persistWorkflowSnapshot({
    ...key,
    snapshot: snapshot("s3"),
  });
  const steps = Array.from({ length: 16 }, (_, number) => `step${number}`);
  await Promise.all(
    steps.map((stepId) =>
      workflows.updateWorkflowResults({
        ...key,
        stepId,
        result: { status: "success", output: stepId },
        requestContext: { [stepId]: true },
      }),
    ),
  );
  const { context, requestContext } = await workflows.loadWorkflowSnapshot(key);
  assert.deepEqual(Object.keys(context).sort(), ["input", ...steps].sort());
  assert.deepEqual(Object.keys(requestContext).sort(), [...steps].sort());
  assert.equal(context.step7.output, "step7");
});

test("elements of a step's output merge", async () => {
  const key = { workflowName: "trip", runId: "s4", stepId: "each" };
  await workflows.persistWorkflowSnapshot({
    ...key,
    snapshot: snapshot("s4"),
  });
  const update = (output) =>
    workflows.updateWorkflowResults({
      ...key,
      result: { status: "running", output },
      requestContext: {},
    });
  await update([{ n: 0 }, null]);
  const merged = await update([null, { n: 1 }]);
  assert.deepEqual(merged.each.output, [{ n: 0 }, { n: 1 }]);
});

test("the state is merged into the snapshot", async () => {
  const key = { workflowName: "trip", runId: "s5" };
  await workflows.persistWorkflowSnapshot({
    ...key,
    snapshot: snapshot("s5"),
  });
  const opts = { status: "success", result: { total: 3 } };
  const updated = await workflows.updateWorkflowState({ ...key, opts });
  assert.deepEqual(updated, snapshot("s5", opts));
  assert.deepEqual(await workflows.loadWorkflowSnapshot(key), updated);
});

test("runs are listed newest first, by name, resource, status and date", async () => {
  const runs = [
    { runId: "r1", resourceId: "ada", status: "success" },
    { runId: "r2", resourceId: "bob", status: "failed" },
    { runId: "r3", resourceId: "ada", status: "failed" },
  ];
  for (const [number, { runId, resourceId, status }] of runs.entries()) {
    await workflows.persistWorkflowSnapshot({
      workflowName: "listed",
      runId,
      resourceId,
      snapshot: snapshot(runId, { status }),
      createdAt: at(number),
    });
  }
  const list = (rest) =>
    workflows.listWorkflowRuns({ workflowName: "listed", ...rest });
  assert.deepEqual(runIds(await list({})), ["r3", "r2", "r1"]);
  assert.deepEqual(runIds(await list({ resourceId: "ada" })), ["r3", "r1"]);
  assert.deepEqual(runIds(await list({ status: "failed" })), ["r3", "r2"]);
  const dates = { fromDate: at(1), toDate: at(1) };
  assert.deepEqual(runIds(await list(dates)), ["r2"]);
  const page = await list({ perPage: 2, page: 1 });
  assert.deepEqual([runIds(page), page.total], [["r1"], 3]);
  const last = { workflowName: "listed", runId: "r3" };
  await workflows.deleteWorkflowRunById(last);
  assert.equal(await workflows.getWorkflowRunById(last), null);
  assert.deepEqual(runIds(await list({})), ["r2", "r1"]);
});
