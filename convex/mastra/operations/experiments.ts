/**
 * Experiments and their results.
 *
 * @module
 */
import { forgetLists } from "../model/counts/counts";
import { deleteCounted, deleteSome, type Deleted } from "../model/deleted";
import {
  findRecord,
  isAsExpected,
  patchRow,
  writeRecords,
} from "../model/records";
import {
  cursorOf,
  InvalidRequest,
  optional,
  recordField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import { everyRow, rangeOf } from "../model/ranges";
import {
  firstOf,
  pageOf,
  ROWS_CLEARED_PER_CALL,
  rowsWhere,
} from "../model/rows";
import type { AnyRows, ReadCtx, StoredRow, WriteCtx } from "../model/server";
import { purgeMark } from "./datasetItems";
import { read, write, type Operations } from "./operation";
import { pruneArgs, pruneRows } from "./pruning";
import { insertOnly } from "./records";

type Experiments = "mastra_experiments";
type Results = "mastra_experiment_results";
const EXPERIMENTS: Experiments = "mastra_experiments";
const RESULTS: Results = "mastra_experiment_results";

/** The columns of a result that a purge of its item erases. */
const ERASED = [
  "input",
  "output",
  "groundTruth",
  "error",
  "toolMockReport",
  "tags",
  "comment",
];

/** Rows that one call reads, each of up to 1 MiB. */
const ROWS_READ_PER_CALL = 100;
const ROWS_PURGED_PER_CALL = 25;

/** The name of an experiment's results in the counts. */
const COUNTED = "experimentId";

function experimentArgs(request: StorageRequest, name: string) {
  return {
    id: textField(request, name),
    tenant: optional(recordField, request, "tenant") ?? {},
  };
}

/** Update the given columns of an experiment; returns it. */
const updateExperiment = write({
  args: (request) => ({
    id: textField(request, "id"),
    record: recordField(request, "record"),
  }),
  handler: async (ctx, table: Experiments, { id, record }) => {
    const experiment = await findRecord(ctx, table, id);
    if (experiment === null) {
      return {
        ok: false,
        code: "NotFound",
        error: `Experiment not found: ${id}`,
        details: { id },
      };
    }
    return { ok: true, result: await patchRow(ctx, table, experiment, record) };
  },
});

/** Delete an experiment with its results, some a call; the client repeats while `hasMore`. */
const deleteExperiment = write({
  args: (request) => experimentArgs(request, "id"),
  handler: async (ctx, table: Experiments, { id, tenant }) => {
    const experiment = await findRecord(ctx, table, id);
    if (experiment === null || !isAsExpected(experiment, tenant)) {
      return { ok: true, hasMore: false };
    }
    const hasMore = await deleteSomeOf(ctx, experiment, new Map());
    return { ok: true, hasMore };
  },
});

/** Delete some of an experiment's rows, itself last; true if there are more. */
async function deleteSomeOf(
  ctx: WriteCtx,
  experiment: StoredRow,
  deleted: Deleted,
): Promise<boolean> {
  if (await deleteSomeResults(ctx, experiment.id, deleted)) return true;
  await deleteCounted(ctx, EXPERIMENTS, [experiment], deleted);
  return false;
}

async function deleteSomeResults(ctx: WriteCtx, id: string, deleted: Deleted) {
  const rows = rowsWhere(ctx, RESULTS, [{ field: COUNTED, value: id }]);
  if (await deleteSome(ctx, RESULTS, rows, deleted)) return true;
  await forgetLists(ctx, RESULTS, COUNTED, id);
  return false;
}

/** Prune experiments, each with its results. */
const prune = write({
  args: pruneArgs,
  handler: async (ctx, table: Experiments, args) =>
    await pruneRows(ctx, table, args, deleteSomeExperiments),
});

/** Delete the first of some experiments; true if there is more to delete. */
async function deleteSomeExperiments(
  ctx: WriteCtx,
  _table: Experiments,
  rows: AnyRows,
  deleted: Deleted,
  limit: number,
): Promise<boolean> {
  const { some, hasMore } = await firstOf(
    rows,
    Math.min(limit, ROWS_CLEARED_PER_CALL),
  );
  for (const experiment of some) {
    if (await deleteSomeOf(ctx, experiment, deleted)) return true;
  }
  return hasMore;
}

/** Delete some results of an experiment; the client repeats while `hasMore`. */
const deleteResults = write({
  args: (request) => experimentArgs(request, "experimentId"),
  handler: async (ctx, _table: Results, { id, tenant }) => {
    if (Object.keys(tenant).length > 0) {
      const experiment = await findRecord(ctx, EXPERIMENTS, id);
      if (experiment === null || !isAsExpected(experiment, tenant)) {
        return { ok: true, hasMore: false };
      }
    }
    const hasMore = await deleteSomeResults(ctx, id, new Map());
    return { ok: true, hasMore };
  },
});

function resultArgs(request: StorageRequest): { record: StorageRecord } {
  const record = recordField(request, "record");
  for (const name of ["id", "experimentId", "itemId"]) {
    if (!record[name]) {
      throw new InvalidRequest(`Experiment result is missing ${name}`);
    }
  }
  return { record };
}

/** The given columns of a result, without those that a purge of its item erased. */
async function withoutPurged(
  ctx: ReadCtx,
  { experimentId, itemId }: StorageRecord,
  record: StorageRecord,
): Promise<StorageRecord> {
  const experiment = await findRecord(ctx, EXPERIMENTS, experimentId);
  const mark = await purgeMark(ctx, experiment?.datasetId, itemId as string);
  return mark === null ? record : erased(record, mark);
}

/** Columns of a result, of which the given ones that callers filled are erased. */
function erased(record: StorageRecord, mark: string): StorageRecord {
  const columns = Object.entries(record).map(([name, value]) => {
    if (name === "metadata") return [name, mark];
    return [name, ERASED.includes(name) ? null : value];
  });
  return Object.fromEntries(columns);
}

/** Insert a result unless its id is taken; returns it. */
const addResult = write({
  args: resultArgs,
  handler: async (ctx, table: Results, { record }) => {
    if ((await findRecord(ctx, table, record.id)) !== null) {
      return {
        ok: false,
        code: "AlreadyExists",
        error: `Experiment result with id "${String(record.id)}" already exists`,
      };
    }
    return { ok: true, result: await writeResult(ctx, table, record) };
  },
});

async function writeResult(
  ctx: WriteCtx,
  table: Results,
  record: StorageRecord,
) {
  await writeRecords(ctx, table, [await withoutPurged(ctx, record, record)]);
  return await findRecord(ctx, table, record.id);
}

/**
 * Insert a result, or replace the one of the same experiment, item and attempt,
 * which keeps its id, its date and its comment. Returns it.
 */
const upsertResult = write({
  args: resultArgs,
  handler: async (ctx, table: Results, { record }) => {
    const { experimentId, itemId, attempt } = record;
    const ofItem = rowsWhere(ctx, table, [
      { field: "experimentId", value: experimentId },
      { field: "itemId", value: itemId },
    ]);
    for await (const { id, comment = null, ...stored } of ofItem) {
      // Older clients wrote no attempt.
      if ((stored.attempt ?? 0) !== (attempt ?? 0)) continue;
      const replaced = { ...record, id, comment };
      return { ok: true, result: await writeResult(ctx, table, replaced) };
    }
    return { ok: true, result: await writeResult(ctx, table, record) };
  },
});

/** Update the given columns of a result's review; returns it. */
const reviewResult = write({
  args: (request) => ({
    id: textField(request, "id"),
    experimentId: optional(textField, request, "experimentId"),
    record: recordField(request, "record"),
  }),
  handler: async (ctx, table: Results, { id, experimentId, record }) => {
    const row = await findRecord(ctx, table, id);
    const isElsewhere = row !== null && row.experimentId !== experimentId;
    if (row === null || (experimentId !== undefined && isElsewhere)) {
      return {
        ok: false,
        code: "NotFound",
        error: isElsewhere
          ? `Experiment result ${id} does not belong to experiment ${experimentId}`
          : `Experiment result not found: ${id}`,
        details: { id },
      };
    }
    const fields = await withoutPurged(ctx, row, record);
    return { ok: true, result: await patchRow(ctx, table, row, fields) };
  },
});

/**
 * Erase what callers said in the results of a purged item, some rows a call.
 * The client repeats with the cursor while `hasMore`.
 */
const purgeResults = write({
  args: (request) => ({
    datasetId: textField(request, "datasetId"),
    itemId: textField(request, "itemId"),
    cursor: cursorOf(request),
  }),
  handler: async (ctx, table: Results, { datasetId, itemId, cursor }) => {
    const mark = await purgeMark(ctx, datasetId, itemId);
    if (mark === null) return { ok: true, hasMore: false };
    const all = Object.fromEntries(ERASED.map((name) => [name, null]));
    const rows = rangeOf(table, [{ field: "itemId", value: itemId }]);
    const page = await pageOf(ctx, rows, cursor, ROWS_PURGED_PER_CALL);
    for (const row of page.result) {
      const experiment = await findRecord(ctx, EXPERIMENTS, row.experimentId);
      if (experiment?.datasetId !== datasetId) continue;
      await patchRow(ctx, table, row, { ...all, metadata: mark });
    }
    return { ...page, result: null };
  },
});

/**
 * The numbers of results by experiment and status, of some results a call:
 * `[experimentId, status, number]`. The client adds them up, and repeats with
 * the cursor while `hasMore`.
 */
const reviewSummary = read({
  args: (request) => ({ cursor: cursorOf(request) }),
  handler: async (ctx, table: Results, { cursor }) => {
    const page = await pageOf(ctx, everyRow(table), cursor, ROWS_READ_PER_CALL);
    const numbers = new Map<string, [string, string, number]>();
    for (const { experimentId, status } of page.result) {
      const name = JSON.stringify([experimentId, status ?? ""]);
      const number = (numbers.get(name)?.[2] ?? 0) + 1;
      numbers.set(name, [experimentId, status ?? "", number]);
    }
    return { ...page, result: [...numbers.values()] };
  },
});

export const experiments: Operations<Experiments> = {
  createExperiment: insertOnly("Experiment"),
  updateExperiment,
  deleteExperiment,
  prune,
};

export const experimentResults: Operations<Results> = {
  addResult,
  upsertResult,
  reviewResult,
  purgeResults,
  deleteResults,
  reviewSummary,
};
