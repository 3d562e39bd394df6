/**
 * Background tasks. Older versions of Mastra kept them as documents, with
 * fields in camel case: these are read, updated and deleted where they are,
 * and hidden by a row with their id.
 *
 * @module
 */
import { findInBatches } from "../model/batches";
import { conditionsOf, satisfies, type Condition } from "../model/conditions";
import { deleteDocuments, documentsIn, findDocument } from "./documents";
import { read, write, type Operations } from "./operation";
import {
  deleteRows,
  findRecord,
  isAsExpected,
  patchRow,
} from "../model/records";
import { idsToLoad, insertOnly, patchArgs } from "./records";
import {
  cursorOf,
  idsField,
  optional,
  recordField,
  textField,
  type StorageRecord,
} from "../model/request";
import {
  clearSome,
  firstOf,
  MAX_ROWS_READ,
  pageOf,
  rowsOf,
  rowsWhere,
} from "../model/rows";
import type { AnyRows, StoredRow, ReadCtx } from "../model/server";
import { queryArgs, queryRows } from "./tableQuery";

type Tasks = "mastra_background_tasks";
const TASKS: Tasks = "mastra_background_tasks";

const LEGACY_TASKS_PER_PAGE = 500;

/** The columns that documents name otherwise. */
const legacyNames: Record<string, string> = {
  tool_call_id: "toolCallId",
  tool_name: "toolName",
  agent_id: "agentId",
  run_id: "runId",
  thread_id: "threadId",
  resource_id: "resourceId",
  suspend_payload: "suspendPayload",
  retry_count: "retryCount",
  max_retries: "maxRetries",
  timeout_ms: "timeoutMs",
};

/** A document's record with a row's column names. */
function withColumnNames(record: StorageRecord): StorageRecord {
  const row = { ...record };
  for (const [column, legacy] of Object.entries(legacyNames)) {
    if (legacy in row) {
      row[column] ??= row[legacy];
      delete row[legacy];
    }
  }
  return row;
}

async function findLegacyTask(
  ctx: ReadCtx,
  id: string,
): Promise<StorageRecord | null> {
  const document = await findDocument(ctx, TASKS, id);
  return document && withColumnNames(document.record);
}

/** Of these documents, the tasks that satisfy the conditions and that no row hides. */
async function tasksAmong(
  ctx: ReadCtx,
  documents: StoredRow[],
  conditions: Condition[],
): Promise<StorageRecord[]> {
  const wanted = documents
    .map(({ record }) => withColumnNames(record))
    .filter((task) => satisfies(task, conditions));
  return await findInBatches(wanted, async (task) => {
    const hidden = await findRecord(ctx, TASKS, task.id);
    return hidden === null ? task : null;
  });
}

async function legacyTasksWhere(ctx: ReadCtx, conditions: Condition[]) {
  const documents = await rowsOf(ctx, documentsIn(TASKS)).take(MAX_ROWS_READ);
  return await tasksAmong(ctx, documents, conditions);
}

/**
 * The tasks among the documents, by cursor, without an order; and whether there
 * are documents at all: once there are none, no client needs to ask again.
 */
const listLegacyTasks = read({
  args: (request) => ({
    conditions: conditionsOf(request, "filters"),
    cursor: cursorOf(request),
  }),
  handler: async (ctx, _table: Tasks, { conditions, cursor }) => {
    const page = await pageOf(
      ctx,
      documentsIn(TASKS),
      cursor,
      LEGACY_TASKS_PER_PAGE,
    );
    const tasks = await tasksAmong(ctx, page.result, conditions);
    return { ...page, result: { tasks, exist: page.result.length > 0 } };
  },
});

async function findTask(ctx: ReadCtx, id: string) {
  const row = await findRecord(ctx, TASKS, id);
  return row ?? (await findLegacyTask(ctx, id));
}

const load = read({
  args: (request) => ({ keys: recordField(request, "keys") }),
  handler: async (ctx, table: Tasks, { keys }) => {
    if (Object.keys(keys).join() === "id") {
      return { ok: true, result: await findTask(ctx, String(keys.id)) };
    }
    const conditions = Object.entries(keys).map(([field, value]) => ({
      field,
      value: value ?? null,
    }));
    const row = await rowsWhere(ctx, table, conditions).first();
    const result = row ?? (await legacyTasksWhere(ctx, conditions))[0] ?? null;
    return { ok: true, result };
  },
});

const loadMany = read({
  args: idsToLoad,
  handler: async (ctx, _table: Tasks, { ids }) => ({
    ok: true,
    result: await findInBatches(ids, (id) => findTask(ctx, id)),
  }),
});

/** As for any record; documents follow the last row, unless an order is asked for. */
const queryTable = read({
  args: queryArgs,
  handler: async (ctx, table: Tasks, args) => {
    const reply = await queryRows(ctx, table, args);
    const isOrdered = args.ordering !== undefined;
    if (!reply.ok || reply.hasMore || isOrdered) return reply;
    const legacy = await legacyTasksWhere(ctx, args.conditions);
    const result = [...reply.result, ...legacy];
    return {
      ...reply,
      result: args.limit ? result.slice(0, args.limit) : result,
    };
  },
});

const patch = write({
  args: patchArgs,
  handler: async (ctx, table: Tasks, { id, record, expected }) => {
    const row = await findRecord(ctx, table, id);
    const document = await findDocument(ctx, TASKS, id);
    const task = row ?? (document && withColumnNames(document.record));
    if (task === null || !isAsExpected(task, expected)) {
      return { ok: true, result: false };
    }
    if (row !== null) await patchRow(ctx, table, row, record);
    if (document !== null) {
      if (row !== null) await ctx.db.delete("mastra_documents", document._id);
      else {
        await ctx.db.patch("mastra_documents", document._id, {
          record: { ...task, ...record },
        });
      }
    }
    return { ok: true, result: true };
  },
});

const deleteMany = write({
  args: (request) => ({ ids: idsField(request, "ids") }),
  handler: async (ctx, table: Tasks, { ids }) => {
    const rows = await findInBatches(ids, (id) => findRecord(ctx, table, id));
    await deleteRows(ctx, table, rows);
    await deleteDocuments(ctx, TASKS, ids);
    return { ok: true };
  },
});

/**
 * Delete those of the tasks with these ids that satisfy the conditions: a task
 * that changed since the client listed it is looked at again.
 */
const deleteTasks = write({
  args: (request) => ({
    ids: idsField(request, "ids"),
    conditions: conditionsOf(request, "filters"),
  }),
  handler: async (ctx, table: Tasks, { ids, conditions }) => {
    const tasks = await findInBatches(ids, (id) => findTask(ctx, id));
    const wanted = tasks
      .filter((task) => satisfies(task, conditions))
      .map((task) => String(task.id));
    const rows = await findInBatches(wanted, (id) =>
      findRecord(ctx, table, id),
    );
    await deleteRows(ctx, table, rows);
    await deleteDocuments(ctx, TASKS, wanted);
    return { ok: true };
  },
});

/** Rows first, then documents. */
const clearTable = write({
  args: () => ({}),
  handler: async (ctx, table: Tasks) => {
    const { some } = await firstOf(ctx.db.query(table) as unknown as AnyRows);
    if (some.length > 0) {
      await deleteRows(ctx, table, some);
      return { ok: true, hasMore: true };
    }
    const rows = rowsOf(ctx, documentsIn(TASKS));
    const hasMore = await clearSome(ctx, "mastra_documents", rows);
    return { ok: true, hasMore };
  },
});

/**
 * Start the pending task with this id, or the oldest pending one, of one agent
 * if so asked: of all that ask, one gets it. Returns the task, or null.
 */
const claimTask = write({
  args: (request) => ({
    id: optional(textField, request, "id"),
    agentId: optional(textField, request, "agentId"),
    ownerId: textField(request, "ownerId"),
    leaseExpiresAt: optional(textField, request, "leaseExpiresAt") ?? null,
  }),
  handler: async (
    ctx,
    table: Tasks,
    { id, agentId, ownerId, leaseExpiresAt },
  ) => {
    const conditions = [
      { field: "status", value: "pending" },
      ...(id === undefined ? [] : [{ field: "id", value: id }]),
      ...(agentId === undefined ? [] : [{ field: "agent_id", value: agentId }]),
    ];
    const oldest = { field: "createdAt", order: "asc" } as const;
    const rows = rowsWhere(
      ctx,
      table,
      conditions,
      id === undefined ? oldest : undefined,
    );
    const task = await rows.first();
    const claim = {
      status: "running",
      startedAt: new Date().toISOString(),
      owner_id: ownerId,
      leaseExpiresAt,
    };
    if (task !== null) {
      return { ok: true, result: await patchRow(ctx, table, task, claim) };
    }
    const [legacy] = await legacyTasksWhere(ctx, conditions);
    if (legacy === undefined) return { ok: true, result: null };
    const document = await findDocument(ctx, TASKS, String(legacy.id));
    const record = { ...legacy, ...claim };
    await ctx.db.patch("mastra_documents", document!._id, { record });
    return { ok: true, result: record };
  },
});

export const tasks: Operations<Tasks> = {
  createTask: insertOnly("Background task"),
  load,
  loadMany,
  queryTable,
  patch,
  deleteMany,
  deleteTasks,
  clearTable,
  dropTable: clearTable,
  claimTask,
  listLegacyTasks,
};
