/**
 * Messages, which are written together with their threads' `updatedAt`.
 *
 * @module
 */
import { findInBatches } from "../model/batches";
import { parsed } from "../model/jsonText";
import { write, type Operations } from "./operation";
import { deleteRows, findRecord, writeRecords } from "../model/records";
import {
  idsField,
  InvalidRequest,
  isRecord,
  optional,
  recordsField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import { rowsWhere } from "../model/rows";
import type { StoredRow, WriteCtx } from "../model/server";
import { touchThreads } from "./threads";

type Messages = "mastra_messages";

/**
 * Insert or update messages and touch their threads, which must exist. Those
 * without a resource get their thread's; returns the resource of each record.
 *
 * `undated` names the records whose `createdAt` is a default: of a message that
 * is stored already, the stored one stays. A request that has it gets
 * `{ resourceId, createdAt }` of each record.
 */
const saveMessages = write({
  args: (request) => {
    const records = namedRecords(request);
    if (!records.every(({ thread_id }) => typeof thread_id === "string")) {
      throw new InvalidRequest("Thread ID is required");
    }
    return { records, undated: optional(idsField, request, "undated") };
  },
  handler: async (ctx, table: Messages, { records, undated }) => {
    const owners = new Map<unknown, unknown>();
    for (const threadId of new Set(records.map((r) => r.thread_id))) {
      const thread = await findRecord(ctx, "mastra_threads", threadId);
      if (thread === null) {
        return {
          ok: false,
          code: "ThreadNotFound",
          error: `Thread ${threadId} not found`,
          details: { threadId },
        };
      }
      owners.set(threadId, thread.resourceId);
    }
    const dates = await datesOf(ctx, table, undated ?? []);
    const owned = records.map((record): StorageRecord => {
      const resourceId = record.resourceId ?? owners.get(record.thread_id);
      if (!dates.has(record.id)) return { ...record, resourceId };
      // If two records are of one message, the second finds the first.
      const createdAt = dates.get(record.id) ?? record.createdAt;
      dates.set(record.id, createdAt);
      return { ...record, resourceId, createdAt };
    });
    const changes = await writeRecords(ctx, table, owned);
    const rows = changes.flatMap(({ before, after }) => [before, after]);
    await touchThreads(ctx, threadsOf(rows));
    return {
      ok: true,
      result: owned.map(({ resourceId, createdAt }) =>
        undated === undefined ? resourceId : { resourceId, createdAt },
      ),
    };
  },
});

/**
 * Update the messages that exist among the records: columns given replace, of
 * `content` the fields given, and of its `metadata` the keys given. Touches
 * the threads they were in and are in. Returns the messages updated.
 */
const updateMessages = write({
  args: (request) => ({ records: namedRecords(request) }),
  handler: async (ctx, table: Messages, { records }) => {
    const before: StoredRow[] = [];
    const after = new Map<unknown, StoredRow>();
    const updates: StorageRecord[] = [];
    for (const record of records) {
      const known = after.get(record.id);
      const stored = known ?? (await findRecord(ctx, table, record.id));
      if (stored === null) continue;
      if (known === undefined) before.push(stored);
      const update = updateOf(stored, record);
      updates.push(update);
      after.set(record.id, { ...stored, ...update });
    }
    await writeRecords(ctx, table, updates);
    const result = [...after.values()];
    await touchThreads(ctx, threadsOf([...before, ...result]));
    return { ok: true, result };
  },
});

/** Delete the messages that exist among `ids` and touch their threads. */
const deleteMessages = write({
  args: (request) => ({ ids: idsField(request, "ids") }),
  handler: async (ctx, table: Messages, { ids }) => {
    const rows = await findInBatches(ids, (id) => findRecord(ctx, table, id));
    await deleteRows(ctx, table, rows);
    await touchThreads(ctx, threadsOf(rows));
    return { ok: true };
  },
});

/** The stored messages' times of creation. */
async function datesOf(ctx: WriteCtx, table: Messages, ids: string[]) {
  const dates = new Map<unknown, unknown>(ids.map((id) => [id, undefined]));
  const rows = await findInBatches(ids, (id) => findRecord(ctx, table, id));
  for (const { id, createdAt } of rows) dates.set(id, createdAt);
  return dates;
}

/** Delete a thread's newest message and return it; null where it has none. */
const popMessage = write({
  args: (request) => ({ threadId: textField(request, "threadId") }),
  handler: async (ctx, table: Messages, { threadId }) => {
    const ofThread = [{ field: "thread_id", value: threadId }];
    const newest = await rowsWhere(ctx, table, ofThread, {
      field: "createdAt",
      order: "desc",
    }).first();
    if (newest === null) return { ok: true, result: null };
    await deleteRows(ctx, table, [newest]);
    await touchThreads(ctx, [threadId]);
    return { ok: true, result: newest };
  },
});

function namedRecords(request: StorageRequest): StorageRecord[] {
  const records = recordsField(request, "records");
  if (!records.every(({ id }) => id)) {
    throw new InvalidRequest("Record is missing an id");
  }
  return records;
}

function threadsOf(rows: (StoredRow | null)[]): string[] {
  return rows.flatMap((row) => (row === null ? [] : [row.thread_id]));
}

/** Updates don't change `createdAt`. */
function updateOf(stored: StoredRow, record: StorageRecord): StorageRecord {
  const update: StorageRecord = { id: record.id };
  for (const column of ["thread_id", "role", "type"]) {
    if (record[column]) update[column] = record[column];
  }
  if (record.resourceId !== undefined) update.resourceId = record.resourceId;
  if (record.content !== undefined) {
    update.content = mergeContent(stored.content, record.content);
  }
  return update;
}

/** JSON text of both, merged; a value that isn't an object is replaced. */
function mergeContent(stored: string, given: unknown): unknown {
  const before = parsed(stored);
  const changes = parsed(given);
  if (!isRecord(changes)) return given;
  if (!isRecord(before)) return JSON.stringify(changes);
  const metadata = isRecord(changes.metadata) && {
    metadata: {
      ...(isRecord(before.metadata) && before.metadata),
      ...changes.metadata,
    },
  };
  return JSON.stringify({ ...before, ...changes, ...metadata });
}

export const messages: Operations<Messages> = {
  saveMessages,
  updateMessages,
  deleteMessages,
  popMessage,
};
