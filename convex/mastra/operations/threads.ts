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
import { write, type Operations } from "./operation";
import {
  deleteRows,
  findRecord,
  patchRow,
  writeRecords,
} from "../model/records";
import {
  idsField,
  InvalidRequest,
  isRecord,
  numberField,
  optional,
  textField,
  type StorageRecord,
} from "../model/request";
import {
  firstOf,
  pageOf,
  ROWS_CLEARED_PER_CALL,
  rowsWhere,
} from "../model/rows";
import type { StoredRow, WriteCtx } from "../model/server";

type Threads = "mastra_threads";

/** Set `updatedAt` of the threads that exist among `ids` to now. */
export async function touchThreads(ctx: WriteCtx, ids: Iterable<string>) {
  const updatedAt = new Date().toISOString();
  for (const id of new Set(ids)) {
    const thread = await findRecord(ctx, "mastra_threads", id);
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
 * Delete a thread with its messages and its observational memory, some rows a
 * call: the thread itself last, so that a client that stops can begin again.
 */
const deleteThread = write({
  args: (request) => ({ id: textField(request, "id") }),
  handler: async (ctx, table: Threads, { id }) => {
    const belongings = [
      { table: "mastra_messages", field: "thread_id", value: id },
      {
        table: "mastra_observational_memory",
        field: "lookupKey",
        value: `thread:${id}`,
      },
    ] as const;
    let left = ROWS_CLEARED_PER_CALL;
    for (const { table, field, value } of belongings) {
      const rows = rowsWhere(ctx, table, [{ field, value }]);
      const { some, hasMore } = await firstOf(rows, left);
      await deleteRows(ctx, table, some);
      left -= some.length;
      if (hasMore) return { ok: true, hasMore };
    }
    const thread = await findRecord(ctx, table, id);
    if (thread !== null) await deleteRows(ctx, table, [thread]);
    return { ok: true, hasMore: false };
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
    rowsWhere(
      ctx,
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
    for await (const message of inOrder("desc")) {
      if (messages.length === args.messageLimit) break;
      if (isWanted(message)) messages.unshift(message);
    }
    return { messages, hasMore: false };
  }
  const { result, hasMore, continuationCursor } = await pageOf(
    inOrder("asc"),
    args.cursor ?? null,
    args.ids.length,
  );
  return { messages: result.filter(isWanted), hasMore, continuationCursor };
}

export const threads: Operations<Threads> = {
  updateThread,
  deleteThread,
  copyThread,
};
