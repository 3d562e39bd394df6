/**
 * Threads: operations on more than one row.
 *
 * @module
 */
import {
  mergeMetadata,
  metadataField,
  parseMetadata,
  type Metadata,
} from "../model/metadata";
import { rulesOf } from "../model/columns";
import { forgetLists } from "../model/counts/counts";
import {
  deleteCounted,
  deleteSome,
  tally,
  type Deleted,
} from "../model/deleted";
import { deleteVectorsLeft, deleteVectorsOf } from "./messageVectors";
import { write, type Operations } from "./operation";
import { pruneArgs, pruneRows } from "./pruning";
import {
  findRecord,
  patchRow,
  writeRecords,
  recordTables,
} from "../model/records";
import {
  idsField,
  InvalidRequest,
  isRecord,
  numberField,
  optional,
  recordField,
  textField,
  type StorageRecord,
} from "../model/request";
import { rangeOf } from "../model/ranges";
import {
  ROWS_CLEARED_PER_CALL,
  firstOf,
  pageOf,
  rowsOf,
  rowsWhere,
} from "../model/rows";
import type { AnyRows, StoredRow, WriteCtx } from "../model/server";

type Threads = "mastra_threads";
const MESSAGES = "mastra_messages";

/** The tables whose declaration says which thread a row belongs to. */
const TABLES_OF_THREADS = recordTables.filter(
  (table) => rulesOf(table).thread !== undefined,
);

/**
 * Set `updatedAt` of the threads that exist among `ids` to now. `known` are
 * threads that were read already.
 */
export async function touchThreads(
  ctx: WriteCtx,
  ids: Set<string>,
  known: Map<unknown, StoredRow> = new Map(),
) {
  const updatedAt = new Date().toISOString();
  for (const id of ids) {
    const thread =
      known.get(id) ?? (await findRecord(ctx, "mastra_threads", id));
    if (thread !== null) {
      await ctx.db.patch("mastra_threads", thread._id, { updatedAt });
    }
  }
}

/** Replace the title, merge the metadata, whichever is given; the thread, or null. */
const updateThread = write({
  args: (request) => ({
    id: textField(request, "id"),
    title: optional(textField, request, "title"),
    metadata: optional(metadataField, request, "metadata"),
    updatedAt: optional(textField, request, "updatedAt"),
  }),
  handler: async (
    ctx,
    table: Threads,
    { id, title, metadata, updatedAt = new Date().toISOString() },
  ) => {
    const thread = await findRecord(ctx, table, id);
    if (thread === null) return { ok: true, result: null };
    const fields = {
      ...(title !== undefined && { title }),
      ...(metadata !== undefined && {
        metadata: mergeMetadata(thread.metadata, metadata),
      }),
      updatedAt,
    };
    return { ok: true, result: await patchRow(ctx, table, thread, fields) };
  },
});

/**
 * Delete a thread with its messages, their vectors and its observational
 * memory, some rows a call: the thread itself last, so that a client that stops
 * can begin again. `keepVectors`: the vectors stay.
 */
const deleteThread = write({
  args: (request) => ({
    id: textField(request, "id"),
    keepVectors: request.keepVectors === true,
  }),
  handler: async (ctx, table: Threads, { id, keepVectors }) => {
    const deleted: Deleted = new Map();
    const hasMore = await deleteSomeOfThread(
      ctx,
      table,
      id,
      deleted,
      keepVectors,
    );
    return { ok: true, hasMore };
  },
});

/** Delete some of a thread's rows; true if there may be more. */
export async function deleteSomeOfThread(
  ctx: WriteCtx,
  table: Threads,
  id: string,
  deleted: Deleted,
  keepVectors = false,
): Promise<boolean> {
  const ofThread = [{ field: "thread_id", value: id }];
  const messages = rowsWhere(ctx, MESSAGES, ofThread);
  const most = ROWS_CLEARED_PER_CALL;
  if (
    await deleteSomeMessages(
      ctx,
      MESSAGES,
      messages,
      deleted,
      most,
      keepVectors,
    )
  )
    return true;
  const observed = [{ field: "lookupKey", value: `thread:${id}` }];
  const rows = rowsWhere(ctx, "mastra_observational_memory", observed);
  if (await deleteSome(ctx, "mastra_observational_memory", rows, deleted))
    return true;
  for (const other of TABLES_OF_THREADS) {
    const ownedRows = rowsWhere(ctx, other, [
      { field: rulesOf(other).thread!, value: id },
    ]);
    if (await deleteSome(ctx, other, ownedRows, deleted)) return true;
  }
  if (!keepVectors) {
    const left = await deleteVectorsLeft(ctx, id, most);
    tally(deleted, "mastra_vectors", left.deleted);
    if (left.hasMore) return true;
  }
  await forgetLists(ctx, MESSAGES, "thread_id", id);
  const thread = await findRecord(ctx, table, id);
  if (thread !== null) await deleteCounted(ctx, table, [thread], deleted);
  return false;
}

/** Prune threads, each with all that belongs to it. */
const prune = write({
  args: pruneArgs,
  handler: async (ctx, table: Threads, args) =>
    await pruneRows(ctx, table, args, deleteSomeThreads),
});

/** Delete the first of some threads; true if there is more to delete. */
async function deleteSomeThreads(
  ctx: WriteCtx,
  table: Threads,
  rows: AnyRows,
  deleted: Deleted,
  limit: number,
): Promise<boolean> {
  const most = Math.min(limit, ROWS_CLEARED_PER_CALL);
  const { some, hasMore } = await firstOf(rows, most);
  for (const { id } of some) {
    if (await deleteSomeOfThread(ctx, table, id, deleted)) return true;
  }
  return hasMore;
}

/** Delete the first of some messages, each with its vectors; true if there are more. */
export async function deleteSomeMessages(
  ctx: WriteCtx,
  table: "mastra_messages",
  messages: AnyRows,
  deleted: Deleted,
  limit = ROWS_CLEARED_PER_CALL,
  keepVectors = false,
): Promise<boolean> {
  const { some, hasMore } = await firstOf(messages, limit);
  let [done, left] = [0, limit];
  for (; done < some.length && left > 0; done++) {
    const vectors = keepVectors ? 0 : await deleteVectorsOf(ctx, [some[done]!]);
    tally(deleted, "mastra_vectors", vectors);
    left -= 1 + vectors;
  }
  await deleteCounted(ctx, table, some.slice(0, done), deleted);
  return hasMore || done < some.length;
}

/**
 * Set a thread's working memory, or its resource's with `scope` "resource";
 * without `text` it is cleared. With `expected` only if its `text` still is the
 * working memory.
 */
const setWorkingMemory = write({
  args: (request) => ({
    id: textField(request, "id"),
    scope: textField(request, "scope"),
    text: optional(textField, request, "text"),
    expected: optional(recordField, request, "expected"),
  }),
  handler: async (ctx, table: Threads, { id, scope, text, expected }) => {
    const thread = await findRecord(ctx, table, id);
    if (thread === null) {
      return {
        ok: false,
        code: "ThreadNotFound",
        error: `Thread ${id} not found`,
        details: { threadId: id },
      };
    }
    const { workingMemory: ofThread, ...metadata } = parseMetadata(
      thread.metadata,
    );
    const resource =
      scope === "resource"
        ? await findRecord(ctx, "mastra_resources", thread.resourceId)
        : null;
    const stored = scope === "resource" ? resource?.workingMemory : ofThread;
    if (expected && (stored ?? null) !== (expected.text ?? null)) {
      return {
        ok: false,
        code: "WorkingMemoryConflict",
        error: `the working memory is ${JSON.stringify(stored ?? null)} by now, not ${JSON.stringify(expected.text ?? null)}`,
        details: { thread_id: id, working_memory: stored ?? null },
      };
    }
    const now = new Date().toISOString();
    if (scope === "resource") {
      const made = resource === null && { metadata: {}, createdAt: now };
      const fields = { workingMemory: text ?? null, updatedAt: now, ...made };
      const row = { id: thread.resourceId, ...fields };
      await writeRecords(ctx, "mastra_resources", [row]);
      return { ok: true };
    }
    const changed = { ...metadata, ...(text && { workingMemory: text }) };
    await patchRow(ctx, table, thread, {
      metadata:
        typeof thread.metadata === "string" ? JSON.stringify(changed) : changed,
      updatedAt: now,
    });
    return { ok: true };
  },
});

/**
 * Copy a thread and its messages, oldest first, as many a call as `ids` names
 * copies: those of `messageIds`, from `startDate` (of that date, those stored at
 * `startCreationTime` or later) to `endDate`, or the last `messageLimit` of them.
 * Without `cursor` a call makes the new thread; with the cursor of the last reply
 * it goes on. Returns the new thread, and of each message copied in
 * this call its id and the id of its copy.
 */
const copyThread = write({
  args: (request) => {
    const args = {
      sourceThreadId: textField(request, "sourceThreadId"),
      newThreadId: textField(request, "newThreadId"),
      resourceId: optional(textField, request, "resourceId"),
      title: optional(textField, request, "title"),
      metadata: optional(metadataField, request, "metadata") ?? {},
      ids: idsField(request, "ids"),
      messageIds: optional(idsField, request, "messageIds"),
      startDate: optional(textField, request, "startDate"),
      startCreationTime: optional(numberField, request, "startCreationTime"),
      endDate: optional(textField, request, "endDate"),
      messageLimit: optional(numberField, request, "messageLimit"),
      cursor: optional(textField, request, "cursor"),
    };
    if (args.ids.length === 0) {
      throw new InvalidRequest("copyThread ids must name at least one copy");
    }
    if ((args.messageLimit ?? 0) > args.ids.length) {
      throw new InvalidRequest(
        "copyThread messageLimit must not exceed the number of ids",
      );
    }
    return args;
  },
  handler: async (ctx, table: Threads, args) => {
    const source = await findRecord(ctx, table, args.sourceThreadId);
    if (source === null) {
      return {
        ok: false,
        code: "ThreadNotFound",
        error: `Source thread with id ${args.sourceThreadId} not found`,
      };
    }
    const existing = await findRecord(ctx, table, args.newThreadId);
    if (existing !== null && args.cursor === undefined) {
      return {
        ok: false,
        code: "AlreadyExists",
        error: `Thread with id ${args.newThreadId} already exists`,
      };
    }
    const { messages, ...more } = await messagesToCopy(ctx, args);
    const copies = messages.map((message, position) => ({
      ...message,
      id: args.ids[position],
      thread_id: args.newThreadId,
      resourceId: args.resourceId ?? message.resourceId,
    }));
    await writeRecords(ctx, "mastra_messages", copies);

    const thread = existing ?? cloneOf(source, args);
    const lastMessageId = messages[messages.length - 1]?.id;
    const { clone } = parseMetadata(thread.metadata);
    const metadata = mergeMetadata(thread.metadata, {
      clone: {
        ...(isRecord(clone) && clone),
        ...(lastMessageId !== undefined && { lastMessageId }),
      },
    });
    await writeRecords(ctx, table, [{ ...thread, metadata }]);
    return {
      ok: true,
      ...more,
      result: {
        thread: await findRecord(ctx, table, args.newThreadId),
        // Not an object, since Convex may refuse ids as keys.
        copies: messages.map((message, position) => [
          message.id,
          args.ids[position],
        ]),
      },
    };
  },
});

function cloneOf(
  source: StoredRow,
  args: {
    newThreadId: string;
    resourceId?: string | undefined;
    title?: string | undefined;
    metadata: Metadata;
  },
): StorageRecord {
  const now = new Date().toISOString();
  return {
    id: args.newThreadId,
    resourceId: args.resourceId || source.resourceId,
    title: args.title || (source.title ? `Clone of ${source.title}` : ""),
    metadata: mergeMetadata(args.metadata, {
      clone: { sourceThreadId: source.id, clonedAt: now },
    }),
    createdAt: now,
    updatedAt: now,
  };
}

async function messagesToCopy(
  ctx: WriteCtx,
  args: {
    sourceThreadId: string;
    ids: string[];
    messageIds?: string[] | undefined;
    startDate?: string | undefined;
    startCreationTime?: number | undefined;
    endDate?: string | undefined;
    messageLimit?: number | undefined;
    cursor?: string | undefined;
  },
) {
  const inOrder = (order: "asc" | "desc") =>
    rangeOf(
      "mastra_messages",
      [{ field: "thread_id", value: args.sourceThreadId }],
      { field: "createdAt", order, gte: args.startDate, lte: args.endDate },
    );
  const wanted = args.messageIds && new Set(args.messageIds);
  // Rows of one date come in the order in which they were stored.
  const isBefore = ({ createdAt, _creationTime }: StoredRow) =>
    createdAt === args.startDate &&
    _creationTime < (args.startCreationTime ?? 0);
  const isWanted = (row: StoredRow) =>
    (wanted?.has(row.id) ?? true) && !isBefore(row);

  if (args.messageLimit) {
    const messages: StoredRow[] = [];
    for await (const message of rowsOf(ctx, inOrder("desc"))) {
      if (messages.length === args.messageLimit) break;
      if (isWanted(message)) messages.unshift(message);
    }
    return { messages, hasMore: false };
  }
  const { result, hasMore, continuationCursor } = await pageOf(
    ctx,
    inOrder("asc"),
    args.cursor ?? null,
    args.ids.length,
  );
  return { messages: result.filter(isWanted), hasMore, continuationCursor };
}

export const threads: Operations<Threads> = {
  updateThread,
  deleteThread,
  prune,
  setWorkingMemory,
  copyThread,
};
