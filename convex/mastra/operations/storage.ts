/**
 * The storage function: the operations of each table, and the choice of a
 * request's operation.
 *
 * @module
 */
import { rulesOf } from "../model/columns";
import { recordTables } from "../model/records";
import { textField, type StorageRequest } from "../model/request";
import type { RecordTable, WriteCtx } from "../model/server";
import { backendOf } from "../model/vectorChanges";
import type { StorageReply } from "../validators";
import { checkpoints, checkpointWrites } from "./checkpoints";
import { datasetItems } from "./datasetItems";
import { datasets } from "./datasets";
import { documents } from "./documents";
import { harness } from "./harness";
import { items } from "./items";
import { messages } from "./messages";
import { notifications } from "./notifications";
import { observations } from "./observations";
import { prune } from "./pruning";
import {
  answer,
  hasOwn,
  prepareFor,
  type Operations,
  type Transaction,
} from "./operation";
import { records } from "./records";
import { resources } from "./resources";
import { experiments, experimentResults } from "./experiments";
import { fenced, runOwnership } from "./runOwnership";
import { fires } from "./scheduleFires";
import { schedules, triggers } from "./schedules";
import { spans } from "./spans";
import { tasks } from "./tasks";
import { threads } from "./threads";
import { threadState } from "./threadState";
import { vectorIndexes } from "./vectorIndexes";
import { vectors } from "./vectors";
import { workflows } from "./workflows";

/**
 * Operations that tables of records have besides, or instead of, the common
 * ones.
 */
const ownOperations: { [T in RecordTable]?: Operations<T> } = {
  mastra_threads: threads,
  mastra_messages: messages,
  mastra_resources: resources,
  mastra_workflow_snapshots: workflows,
  mastra_schedules: schedules,
  mastra_schedule_triggers: triggers,
  mastra_schedule_fires: fires,
  mastra_background_tasks: tasks,
  mastra_observational_memory: observations,
  mastra_ai_spans: spans,
  mastra_checkpoints: checkpoints,
  mastra_checkpoint_writes: checkpointWrites,
  mastra_items: items,
  mastra_vector_indexes: vectorIndexes,
  mastra_thread_state: threadState,
  mastra_notifications: notifications,
  mastra_harness_sessions: harness,
  mastra_datasets: datasets,
  mastra_dataset_items: datasetItems,
  mastra_experiments: experiments,
  mastra_experiment_results: experimentResults,
};

const operationsOf = Object.fromEntries(
  recordTables.map((table) => [
    table,
    {
      ...records,
      ...(rulesOf(table).agedBy !== undefined && { prune }),
      ...ownOperations[table],
    },
  ]),
) as { [T in RecordTable]: Operations<T> };

/** Every other `mastra_vector_<indexName>` is the rows of that index. */
const VECTOR_TABLE_PREFIX = "mastra_vector_";

/** Tables of claims on runs. */
const claimTables = ["mastra_workflow_run_owners", "mastra_memory_run_fences"];
const claimTable: Operations<string> = {
  ...documents,
  ...runOwnership,
  fenced: fenced(prepare),
};

/** Answer a request: refuse it before anything is written, or run it whole. */
export async function handleRequest(
  ctx: WriteCtx,
  request: StorageRequest,
): Promise<StorageReply> {
  return await answer(ctx, () => prepare(request));
}

/** Grows when an operation that clients may know changes what it does. */
const VERSION = 1;

/**
 * The deployed version, its operations, and what the backend offers. Upstream's
 * functions refuse `version` as unsupported.
 */
async function version(ctx: WriteCtx): Promise<StorageReply> {
  const tables = {
    ...operationsOf,
    vectors,
    documents,
    claims: claimTable,
  };
  const operations = Object.fromEntries(
    Object.entries(tables).map(([table, operations]) => [
      table,
      Object.keys(operations),
    ]),
  );
  const reads = readsOf(tables);
  const backend = await backendOf(ctx);
  return { ok: true, result: { version: VERSION, operations, reads, backend } };
}

/** The features of the backend, or null. */
async function backend(ctx: WriteCtx): Promise<StorageReply> {
  return { ok: true, result: await backendOf(ctx) };
}

/** The names of the operations that only read, on every table that has them. */
function readsOf(tables: Record<string, Operations<never>>): string[] {
  const all = Object.values(tables).flatMap((operations) =>
    Object.entries(operations),
  );
  const writes = new Set(
    all.filter(([, { reads }]) => !reads).map(([name]) => name),
  );
  const names = all.map(([name]) => name).filter((name) => !writes.has(name));
  return [...new Set(names)].sort();
}

function prepare(request: StorageRequest): Transaction {
  if (request.op === "version") return version;
  if (request.op === "backend") return backend;
  const tableName = textField(request, "tableName");
  if (isRecordTable(tableName)) return prepareRecords(request, tableName);
  // Mastra's name for the rows of `mastra_workflow_snapshots`.
  if (tableName === "mastra_workflow_snapshot") {
    return prepareRecords(request, "mastra_workflow_snapshots");
  }
  if (tableName.startsWith(VECTOR_TABLE_PREFIX)) {
    const indexName = tableName.slice(VECTOR_TABLE_PREFIX.length);
    return prepareFor(request, vectors, indexName);
  }
  const operations = claimTables.includes(tableName) ? claimTable : documents;
  return prepareFor(request, operations, tableName);
}

function prepareRecords<T extends RecordTable>(
  request: StorageRequest,
  table: T,
): Transaction {
  return prepareFor(request, operationsOf[table], table);
}

function isRecordTable(tableName: string): tableName is RecordTable {
  return hasOwn(operationsOf, tableName);
}
