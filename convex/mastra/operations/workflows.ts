/**
 * Workflow runs: the snapshot of each, and changes to parts of it.
 *
 * Snapshots cross the wire as JSON text, since Convex refuses some of the
 * keys they hold (`$schema`).
 *
 * @module
 */
import { write, type Operations } from "./operation";
import { deleteRows, patchRow } from "../model/records";
import {
  InvalidRequest,
  isRecord,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import { firstOf, rowsWhere } from "../model/rows";
import type { StoredRow, WriteCtx } from "../model/server";
import { parseSnapshot, statusOf } from "../model/snapshots";

type Snapshots = "mastra_workflow_snapshots";

/** The marker, in a step's result, of an iteration that is to run again. */
const PENDING_MARKER = "__mastra_pending__";

function runArgs(request: StorageRequest) {
  return {
    workflowName: textField(request, "workflowName"),
    runId: textField(request, "runId"),
  };
}
type Run = ReturnType<typeof runArgs>;

async function findRun(ctx: WriteCtx, { workflowName, runId }: Run) {
  return await rowsWhere(ctx, "mastra_workflow_snapshots", [
    { field: "workflow_name", value: workflowName },
    { field: "run_id", value: runId },
  ]).unique();
}

/** Delete a run; true if it existed. */
const deleteWorkflowRun = write({
  args: runArgs,
  handler: async (ctx, table: Snapshots, run) => {
    const row = await findRun(ctx, run);
    if (row !== null) await deleteRows(ctx, table, [row]);
    return { ok: true, result: row !== null };
  },
});

const RUNS_TOLD_PER_CALL = 25;

/**
 * Write the column `status` of runs that other functions stored without it,
 * which lists by status need; some a call.
 */
const fillStatus = write({
  args: () => ({}),
  handler: async (ctx, table: Snapshots) => {
    const rows = rowsWhere(ctx, table, [{ field: "status", value: null }]);
    const { some, hasMore } = await firstOf(rows, RUNS_TOLD_PER_CALL);
    for (const row of some) {
      await patchRow(ctx, table, row, { snapshot: row.snapshot });
    }
    return { ok: true, hasMore };
  },
});

/**
 * Merge one step's result and the request context into a run's snapshot.
 * Returns the JSON text of all steps' results, `{}` where there is no run.
 */
const mergeWorkflowStepResult = write({
  args: (request) => ({
    ...runArgs(request),
    stepId: textField(request, "stepId"),
    stepResult: parsedField(request, "result"),
    requestContext: parsedField(request, "requestContext"),
  }),
  handler: async (
    ctx,
    table: Snapshots,
    { stepId, stepResult, requestContext, ...run },
  ) => {
    const row = await findRun(ctx, run);
    if (row === null) return { ok: true, result: "{}" };
    const snapshot = parseSnapshot(row.snapshot);
    if (snapshot === null || !isRecord(snapshot.context)) {
      return invalidSnapshot(run);
    }
    const context = {
      ...snapshot.context,
      [stepId]: mergeStepResult(snapshot.context[stepId], stepResult),
    };
    await writeSnapshot(ctx, table, row, {
      ...snapshot,
      context,
      requestContext: {
        ...(isRecord(snapshot.requestContext) && snapshot.requestContext),
        ...(isRecord(requestContext) && requestContext),
      },
    });
    return { ok: true, result: JSON.stringify(context) };
  },
});

/**
 * Merge fields into a run's snapshot, if its status is the expected one or one
 * of them. Returns the snapshot's JSON text, or "" where nothing was merged.
 */
const mergeWorkflowState = write({
  args: (request) => {
    const opts = parsedField(request, "opts");
    if (!isRecord(opts)) {
      throw new InvalidRequest(
        "mergeWorkflowState opts must be the JSON text of an object",
      );
    }
    const { expectedStatus, ...fields } = opts;
    return { ...runArgs(request), expectedStatus, fields };
  },
  handler: async (
    ctx,
    table: Snapshots,
    { expectedStatus, fields, ...run },
  ) => {
    const row = await findRun(ctx, run);
    if (row === null) return { ok: true, result: "" };
    const snapshot = parseSnapshot(row.snapshot);
    if (snapshot === null || !isRecord(snapshot.context)) {
      return invalidSnapshot(run);
    }
    const expected: unknown[] = Array.isArray(expectedStatus)
      ? expectedStatus
      : [expectedStatus ?? snapshot.status];
    const isExpected = expected.includes(snapshot.status);
    if (!isExpected) return { ok: true, result: "" };
    const text = await writeSnapshot(ctx, table, row, {
      ...snapshot,
      ...fields,
    });
    return { ok: true, result: text };
  },
});

function parsedField(request: StorageRequest, name: string): unknown {
  try {
    return JSON.parse(textField(request, name));
  } catch (error) {
    if (error instanceof InvalidRequest) throw error;
    throw new InvalidRequest(`${request.op} ${name} must be JSON text`);
  }
}

function invalidSnapshot({ runId }: Run) {
  return {
    ok: false as const,
    code: "InvalidSnapshot",
    error: `Snapshot for runId ${runId} is missing or has invalid context`,
  };
}

async function writeSnapshot(
  ctx: WriteCtx,
  table: Snapshots,
  row: StoredRow,
  snapshot: StorageRecord,
): Promise<string> {
  const text = JSON.stringify(snapshot);
  const updatedAt = new Date().toISOString();
  const status = statusOf(snapshot);
  await patchRow(ctx, table, row, { snapshot: text, status, updatedAt });
  return text;
}

/**
 * A step's new result. Where old and new outputs are lists, as those of a loop
 * whose iterations report one by one, they are merged element by element.
 */
function mergeStepResult(before: unknown, given: unknown): unknown {
  if (
    !isRecord(before) ||
    !isRecord(given) ||
    !Array.isArray(before.output) ||
    !Array.isArray(given.output)
  ) {
    return given;
  }
  const old: unknown[] = before.output;
  // A reset comes from an earlier snapshot: all but its markers is out of date.
  const isReset = given.output.some(isPendingMarker);
  const output = [...old];
  for (const [position, element] of given.output.entries()) {
    const isNew = position >= old.length;
    if (isPendingMarker(element)) {
      if (isNew || canRunAgain(old[position])) output[position] = null;
    } else if (element !== null && !isReset) {
      output[position] = element;
    } else if (isNew) {
      output[position] = null;
    }
  }
  return { ...before, ...(!isReset && given), output };
}

function isPendingMarker(element: unknown): boolean {
  return (
    isRecord(element) &&
    element[PENDING_MARKER] === true &&
    Object.keys(element).length === 1
  );
}

/** An iteration without a result, or one that is suspended. */
function canRunAgain(element: unknown): boolean {
  if (element == null || isPendingMarker(element)) return true;
  return (
    isRecord(element) &&
    element.status === "suspended" &&
    ("suspendPayload" in element || "suspendedAt" in element)
  );
}

export const workflows: Operations<Snapshots> = {
  mergeWorkflowStepResult,
  mergeWorkflowState,
  deleteWorkflowRun,
  fillStatus,
};
