/**
 * Messages, which are written together with their threads' `updatedAt`.
 *
 * @module
 */
import { findInBatches, mapInBatches } from "../model/batches";
import { parsed } from "../model/jsonText";
import {
  deleteVectorsOf,
  findIndex,
  indexArg,
  moveVectors,
  openIndex,
  replaceVectors,
  vectorArgs,
} from "./messageVectors";
import { read, write, type Operations } from "./operation";
import { pruneArgs, pruneRows } from "./pruning";
import {
  deleteRows,
  findRecord,
  findRecords,
  mergedByName,
  writeOver,
  writeRecords,
} from "../model/records";
import {
  idsField,
  InvalidRequest,
  isRecord,
  numberField,
  optional,
  recordsField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import { rowsWhere, satisfying } from "../model/rows";
import type {
  AnyRows,
  DataModel,
  ReadCtx,
  StoredRow,
  WriteCtx,
} from "../model/server";
import type { StorageReply } from "../validators";
import { deleteSomeMessages, touchThreads } from "./threads";

type Messages = "mastra_messages";
type MessageRow = DataModel[Messages]["document"];

/**
 * Insert or update messages and touch their threads, which must exist. Those
 * without a resource get their thread's; returns the resource of each record.
 *
 * `undated` names the records whose `createdAt` is a default: of a message that
 * is stored already, the stored one stays. A request that has it gets
 * `{ resourceId, createdAt }` of each record.
 */
const saveMessages = write({
  args: savingArgs,
  handler: async (ctx, table: Messages, { records, undated }) => {
    const threads = new Map<unknown, StoredRow>();
    for (const threadId of new Set(records.map((r) => r.thread_id))) {
      const thread = await findRecord(ctx, "mastra_threads", threadId);
      if (thread === null) return threadNotFound(threadId);
      threads.set(threadId, thread);
    }
    const saved = await save(ctx, table, records, undated, threads);
    await touchThreads(ctx, saved.touched, threads);
    return { ok: true, result: saved.result };
  },
});

function savingArgs(request: StorageRequest) {
  const records = namedRecords(request);
  if (!records.every(({ thread_id }) => typeof thread_id === "string")) {
    throw new InvalidRequest("Thread ID is required");
  }
  return { records, undated: optional(idsField, request, "undated") };
}

function threadNotFound(threadId: unknown): StorageReply {
  return {
    ok: false,
    code: "ThreadNotFound",
    error: `Thread ${threadId} not found`,
    details: { threadId },
  };
}

/** Write messages of these threads. Each message that is stored is read once. */
async function save(
  ctx: WriteCtx,
  table: Messages,
  records: StorageRecord[],
  undated: string[] | undefined,
  threads: Map<unknown, StorageRecord>,
) {
  const ids = [...new Set(records.map(({ id }) => id as string))];
  const rows = await findRecords(ctx, table, ids);
  const stored = new Map<unknown, StoredRow>(rows.map((row) => [row.id, row]));
  const dates = new Map<unknown, unknown>(
    (undated ?? []).map((id) => [id, stored.get(id)?.createdAt]),
  );
  const owned = records.map((record): StorageRecord => {
    const resourceId =
      record.resourceId ?? threads.get(record.thread_id)?.resourceId;
    if (!dates.has(record.id)) return { ...record, resourceId };
    // If two records are of one message, the second finds the first.
    const createdAt = dates.get(record.id) ?? record.createdAt;
    dates.set(record.id, createdAt);
    return { ...record, resourceId, createdAt };
  });
  const found = mergedByName(table, owned).map((record) => ({
    record,
    stored: stored.get(record.id) ?? null,
  }));
  const changes = await writeOver(ctx, table, found);
  const result = owned.map(({ resourceId, createdAt }) =>
    undated === undefined ? resourceId : { resourceId, createdAt },
  );
  const touched = threadsOf(
    changes.flatMap(({ before, after }) => [before, after]),
  );
  return { result, changes, touched };
}

/**
 * As `saveMessages`, of one thread, with the messages' vectors: each message has
 * these afterwards, and no others. A missing thread is made, of `resourceId`, of
 * the first resource that a message names, or of one with the thread's id; a
 * given `resourceId` must be the thread's.
 */
const rememberMessages = write({
  args: (request) => ({
    ...savingArgs(request),
    ...vectorArgs(request),
    threadId: textField(request, "threadId"),
    resourceId: optional(textField, request, "resourceId"),
  }),
  handler: async (ctx, table: Messages, { threadId, resourceId, ...args }) => {
    const stored = await findRecord(ctx, "mastra_threads", threadId);
    // Before anything is written: a refusal doesn't undo writes.
    const { storedIndex, refusedIndex } = await findIndex(ctx, args.index);
    const refusal = refusedOwner(stored, resourceId) ?? refusedIndex;
    if (refusal) return refusal;
    const now = new Date().toISOString();
    const named = args.records.find((record) => record.resourceId != null);
    const thread = stored ?? {
      id: threadId,
      resourceId: resourceId ?? named?.resourceId ?? threadId,
      createdAt: now,
      updatedAt: now,
      metadata: {},
    };
    const threads = new Map([[threadId, thread]]);
    const { records, undated, index } = args;
    const saved = await save(ctx, table, records, undated, threads);
    if (stored === null) {
      const made = { record: thread, stored };
      await writeOver(ctx, "mastra_threads", [made]);
      saved.touched.delete(threadId);
      await touchThreads(ctx, saved.touched);
    } else {
      await touchThreads(ctx, saved.touched, new Map([[threadId, stored]]));
    }
    const { result, changes } = saved;
    const owned = new Map(changes.map(({ after }) => [after!.id, after!]));
    const vectors = args.vectors.map(({ metadata, ...vector }) => ({
      ...vector,
      metadata: completed(metadata as StorageRecord, owned),
    }));
    if (index !== undefined) await openIndex(ctx, index, storedIndex);
    await replaceVectors(
      ctx,
      changes.flatMap(({ before }) => before ?? []),
      index,
      vectors,
      thread.metadata,
    );
    return { ok: true, result };
  },
});

/** A vector's metadata, completed by what its message is stored with. */
function completed(metadata: StorageRecord, messages: Map<unknown, StoredRow>) {
  const message = messages.get(metadata.message_id);
  if (message === undefined) {
    throw new Error("A vector is of no message that is remembered");
  }
  return {
    ...metadata,
    thread_id: message.thread_id,
    resource_id: message.resourceId,
    created_at: message.createdAt,
  };
}

/** Why a resource can't use a thread: it is another's. */
function refusedOwner(
  thread: StoredRow | null,
  resourceId: string | undefined,
): StorageReply | undefined {
  if (thread === null || resourceId === undefined) return undefined;
  if (thread.resourceId === resourceId) return undefined;
  return {
    ok: false,
    code: "AnotherResource",
    error: `thread ${JSON.stringify(thread.id)} does not belong to resource ${JSON.stringify(resourceId)}`,
    details: { thread_id: thread.id, resource_id: resourceId },
  };
}

/**
 * All that a memory tells at once: a thread and its resource, or null; the
 * thread's `last` messages, oldest first; and of each of `messageIds` the message
 * with up to `around` messages before and after it in its thread. Null for one
 * that is missing, or not of the resource or the thread that `ofResource` and
 * `ofThread` name. `index`: where the ids come from.
 */
const readMemory = read({
  args: (request) => ({
    threadId: optional(textField, request, "threadId"),
    resourceId: optional(textField, request, "resourceId"),
    last: numberField(request, "last"),
    messageIds: idsField(request, "messageIds"),
    around: numberField(request, "around"),
    index: indexArg(request),
    ofResource: optional(textField, request, "ofResource"),
    ofThread: optional(textField, request, "ofThread"),
  }),
  handler: async (ctx, table: Messages, args) => {
    const { threadId, last, around, ofResource, ofThread } = args;
    const thread =
      threadId === undefined
        ? null
        : await findRecord(ctx, "mastra_threads", threadId);
    const refusal =
      refusedOwner(thread, args.resourceId) ??
      (await findIndex(ctx, args.index)).refusedIndex;
    if (refusal) return refusal;
    const resourceId = args.resourceId ?? thread?.resourceId;
    const resource =
      resourceId === undefined
        ? null
        : await findRecord(ctx, "mastra_resources", resourceId);
    const newest =
      thread === null || last === 0
        ? []
        : await rowsWhere(ctx, table, inThread(thread.id), {
            field: "createdAt",
            order: "desc",
          }).take(last);
    const found = await mapInBatches(args.messageIds, async (id) => {
      const message = await findRecord(ctx, table, id);
      const isWanted =
        message !== null &&
        message.resourceId === (ofResource ?? message.resourceId) &&
        message.thread_id === (ofThread ?? message.thread_id);
      if (!isWanted) return null;
      const [before, after] = await Promise.all([
        neighbours(
          ctx,
          table,
          message as MessageRow,
          around,
          "desc",
          ofResource,
        ),
        neighbours(
          ctx,
          table,
          message as MessageRow,
          around,
          "asc",
          ofResource,
        ),
      ]);
      return { before: before.reverse(), message, after };
    });
    const result = { thread, resource, last: newest.reverse(), found };
    return { ok: true, result };
  },
});

/** Up to `most` messages that follow one in an order of its thread. */
async function neighbours(
  ctx: ReadCtx,
  table: Messages,
  message: MessageRow,
  most: number,
  order: "asc" | "desc",
  resourceId: string | undefined,
): Promise<StoredRow[]> {
  const { thread_id, createdAt, _creationTime } = message;
  const follows = order === "asc" ? "gt" : "lt";
  const conditions =
    resourceId === undefined
      ? []
      : [{ field: "resourceId", value: resourceId }];
  const found: StoredRow[] = [];
  // Those of its own time, then those of later or earlier times.
  for (const isOfItsTime of [true, false]) {
    if (found.length === most) break;
    const rows = ctx.db
      .query(table)
      .withIndex("by_thread_created", (q) =>
        isOfItsTime
          ? q
              .eq("thread_id", thread_id)
              .eq("createdAt", createdAt)
              [follows]("_creationTime", _creationTime)
          : q.eq("thread_id", thread_id)[follows]("createdAt", createdAt),
      )
      .order(order);
    const left = most - found.length;
    found.push(...(await satisfying(rows as AnyRows, conditions).take(left)));
  }
  return found;
}

function inThread(threadId: string) {
  return [{ field: "thread_id", value: threadId }];
}

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
    for (const row of before) await moveVectors(ctx, row, after.get(row.id)!);
    const result = [...after.values()];
    await touchThreads(ctx, threadsOf([...before, ...result]));
    return { ok: true, result };
  },
});

/**
 * Delete the messages that exist among `ids`, with their vectors, and touch their
 * threads. `keepVectors`: the vectors stay.
 */
const deleteMessages = write({
  args: (request) => ({
    ids: idsField(request, "ids"),
    keepVectors: request.keepVectors === true,
  }),
  handler: async (ctx, table: Messages, { ids, keepVectors }) => {
    const rows = await findInBatches(ids, (id) => findRecord(ctx, table, id));
    if (!keepVectors) await deleteVectorsOf(ctx, rows);
    await deleteRows(ctx, table, rows);
    await touchThreads(ctx, threadsOf(rows));
    return { ok: true };
  },
});

/** Delete a thread's newest message with its vectors and return it; null where it has none. */
const popMessage = write({
  args: (request) => ({ threadId: textField(request, "threadId") }),
  handler: async (ctx, table: Messages, { threadId }) => {
    const newest = await rowsWhere(ctx, table, inThread(threadId), {
      field: "createdAt",
      order: "desc",
    }).first();
    if (newest === null) return { ok: true, result: null };
    await deleteVectorsOf(ctx, [newest]);
    await deleteRows(ctx, table, [newest]);
    await touchThreads(ctx, new Set([threadId]));
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

function threadsOf(rows: (StoredRow | null)[]): Set<string> {
  return new Set(rows.flatMap((row) => row?.thread_id ?? []));
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

/** Prune messages, each with its vectors. */
const prune = write({
  args: pruneArgs,
  handler: async (ctx, table: Messages, args) =>
    await pruneRows(ctx, table, args, deleteSomeMessages),
});

export const messages: Operations<Messages> = {
  saveMessages,
  rememberMessages,
  readMemory,
  updateMessages,
  deleteMessages,
  prune,
  popMessage,
};
