/**
 * Which operations each table has. A new one: write it in the module of its
 * noun beside this file, and name it here under the tables it serves.
 *
 * @module
 */
import type { StorageReply } from "../validators";
import { observations } from "./observations";
import {
  answer,
  hasOwn,
  prepareFor,
  type Operations,
  type Transaction,
} from "./operation";
import { documents } from "./documents";
import { deleteMessages, saveMessages, updateMessages } from "./messages";
import { insertOnly, records } from "./records";
import { textField, type StorageRequest } from "./request";
import { updateResource } from "./resources";
import { fenced, runOwnership } from "./runOwnership";
import type { RecordTable, WriteCtx } from "./server";
import {
  deleteSchedule,
  deleteScheduleTriggers,
  listDueSchedules,
  listScheduleTriggers,
  updateSchedule,
  updateScheduleNextFire,
} from "./schedules";
import { createSpans, deleteTraces, updateSpans } from "./spans";
import { tasks } from "./tasks";
import { copyThread, deleteThread, updateThread } from "./threads";
import { createVectorIndex } from "./vectorIndexes";
import * as vectors from "./vectors";
import {
  deleteWorkflowRun,
  fillStatus,
  mergeWorkflowState,
  mergeWorkflowStepResult,
} from "./workflows";

/** Tables of records, and what they have beyond what all have. */
const recordTables: { [T in RecordTable]: Operations<T> } = {
  mastra_threads: { ...records, updateThread, deleteThread, copyThread },
  mastra_messages: { ...records, saveMessages, updateMessages, deleteMessages },
  mastra_resources: { ...records, updateResource },
  mastra_workflow_snapshots: {
    ...records,
    mergeWorkflowStepResult,
    mergeWorkflowState,
    deleteWorkflowRun,
    fillStatus,
  },
  mastra_scorers: records,
  mastra_schedules: {
    ...records,
    createSchedule: insertOnly("Schedule"),
    listDueSchedules,
    updateScheduleNextFire,
    updateSchedule,
    deleteSchedule,
  },
  mastra_schedule_triggers: {
    ...records,
    recordScheduleTrigger: insertOnly("Schedule trigger"),
    listScheduleTriggers,
    deleteScheduleTriggers,
  },
  mastra_channel_installations: records,
  mastra_channel_config: records,
  mastra_background_tasks: {
    ...tasks,
    createTask: insertOnly("Background task"),
  },
  mastra_observational_memory: observations,
  mastra_ai_spans: { ...records, createSpans, updateSpans, deleteTraces },
  mastra_evals: records,
  mastra_vector_indexes: { ...records, createVectorIndex },
};

/** Every other `mastra_vector_<indexName>` is the rows of that index. */
const VECTOR_TABLE_PREFIX = "mastra_vector_";

const vectorTable: Operations<string> = {
  insert: vectors.insert,
  batchInsert: vectors.batchInsert,
  patch: vectors.patch,
  updateVectors: vectors.updateVectors,
  load: vectors.load,
  loadMany: vectors.loadMany,
  queryTable: vectors.queryTable,
  queryChanges: vectors.queryChanges,
  count: vectors.count,
  deleteMany: vectors.deleteMany,
  clearTable: vectors.clearTable,
  // A vector index has no table of its own to drop.
  dropTable: vectors.clearTable,
};

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

/** What is deployed; upstream's functions refuse `version` as unsupported. */
function version(): StorageReply {
  const tables = {
    ...recordTables,
    vectors: vectorTable,
    documents,
    claims: claimTable,
  };
  const operations = Object.fromEntries(
    Object.entries(tables).map(([table, operations]) => [
      table,
      Object.keys(operations),
    ]),
  );
  return { ok: true, result: { version: VERSION, operations } };
}

function prepare(request: StorageRequest): Transaction {
  if (request.op === "version") return async () => version();
  const tableName = textField(request, "tableName");
  if (isRecordTable(tableName)) return prepareRecords(request, tableName);
  // Mastra's name for the rows of `mastra_workflow_snapshots`.
  if (tableName === "mastra_workflow_snapshot") {
    return prepareRecords(request, "mastra_workflow_snapshots");
  }
  if (tableName.startsWith(VECTOR_TABLE_PREFIX)) {
    const indexName = tableName.slice(VECTOR_TABLE_PREFIX.length);
    return prepareFor(request, vectorTable, indexName);
  }
  const operations = claimTables.includes(tableName) ? claimTable : documents;
  return prepareFor(request, operations, tableName);
}

function prepareRecords<T extends RecordTable>(
  request: StorageRequest,
  table: T,
): Transaction {
  return prepareFor(request, recordTables[table], table);
}

function isRecordTable(tableName: string): tableName is RecordTable {
  return hasOwn(recordTables, tableName);
}
