/**
 * The vectors of messages: rows of the indexes that npm `@mastra/memory` makes,
 * whose metadata names their message and its thread. A message and its vectors
 * are written and deleted in one transaction.
 *
 * @module
 */
import { parseMetadata } from "../model/metadata";
import { findRecord, writeRecords } from "../model/records";
import {
  numberField,
  optional,
  recordField,
  recordsField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import { firstOf, rowsWhere } from "../model/rows";
import type {
  AnyReadCtx,
  DataModel,
  ReadCtx,
  StoredRow,
  WriteCtx,
} from "../model/server";
import { lastChange } from "../model/vectorChanges";
import type { StorageReply } from "../validators";
import { fromRecordBytes, remove, upsert } from "./vectors";

/**
 * The beginnings of the indexes' names: another dimension than the usual one
 * follows.
 */
const MESSAGES = "memory_messages";
const OBSERVATIONS = "memory_observations";

type VectorRow = DataModel["mastra_vectors"]["document"];

/** A message by its id and its thread, as a row has them. */
type Message = StoredRow;

/** The index that vectors go to. */
export type MessageIndex = {
  indexName: string;
  dimension: number;
  metric: string;
  model?: string | undefined;
};

/** The field `index`: the index of vectors, if there are any. */
export function indexArg(request: StorageRequest): MessageIndex | undefined {
  const given = optional(recordField, request, "index");
  return (
    given && {
      indexName: textField(given, "indexName"),
      dimension: numberField(given, "dimension"),
      metric: textField(given, "metric"),
      model: optional(textField, given, "model"),
    }
  );
}

/** The field `index`, and `vectors`: ids, bytes, and metadata that names a message. */
export function vectorArgs(request: StorageRequest) {
  const index = indexArg(request);
  const vectors = index ? recordsField(request, "vectors") : [];
  return { index, vectors: vectors.map(fromRecordBytes) };
}

/**
 * The stored description of an index, or null; and why vectors can't be in it, if
 * its own have another dimension, or are another model's.
 */
export async function findIndex(
  ctx: ReadCtx,
  index: MessageIndex | undefined,
): Promise<{ storedIndex: StoredRow | null; refusedIndex?: StorageReply }> {
  if (index === undefined) return { storedIndex: null };
  const { indexName, dimension, model } = index;
  const stored = await findRecord(ctx, "mastra_vector_indexes", indexName);
  const named = `index ${JSON.stringify(indexName)}`;
  if (stored !== null && stored.dimension !== dimension) {
    const refusedIndex: StorageReply = {
      ok: false,
      code: "DimensionMismatch",
      error: `vectors have ${dimension} dimensions, ${named} has ${stored.dimension}`,
      details: { found: dimension, expected: stored.dimension },
    };
    return { storedIndex: stored, refusedIndex };
  }
  if (model !== undefined && (stored?.model ?? model) !== model) {
    const refusedIndex: StorageReply = {
      ok: false,
      code: "ModelMismatch",
      error: `${named} has vectors of the model ${JSON.stringify(stored?.model)}, not of ${JSON.stringify(model)}`,
      details: { found: model, expected: stored?.model },
    };
    return { storedIndex: stored, refusedIndex };
  }
  return { storedIndex: stored };
}

/** Make an index that isn't stored, or let it name its model. */
export async function openIndex(
  ctx: WriteCtx,
  { indexName, dimension, metric, model }: MessageIndex,
  stored: StoredRow | null,
) {
  const table = "mastra_vector_indexes";
  if (stored === null) {
    const createdAt = new Date().toISOString();
    const made = { id: indexName, indexName, dimension, metric, createdAt };
    await writeRecords(ctx, table, [{ ...made, ...(model && { model }) }]);
  } else if (model !== undefined && stored.model === undefined) {
    await writeRecords(ctx, table, [{ id: indexName, model }]);
  }
}

/**
 * Give messages these vectors instead of those that they had. `before` are the
 * messages that are replaced, which may have been in another thread.
 */
export async function replaceVectors(
  ctx: WriteCtx,
  before: Message[],
  index: MessageIndex | undefined,
  vectors: StorageRecord[],
  threadMetadata: unknown,
) {
  // A vector that stays keeps its place in stored order.
  const kept = new Set(vectors.map(({ id }) => id));
  await deleteVectorsOf(
    ctx,
    before,
    (row) => row.indexName === index?.indexName && kept.has(row.id),
  );
  if (index === undefined) return;
  const inherited = metadataOf(threadMetadata);
  const rows = vectors.map(({ metadata, ...vector }) => ({
    ...vector,
    metadata: { ...inherited, ...(metadata as StorageRecord) },
  }));
  await upsert(ctx, index.indexName, rows);
}

/**
 * The part of a thread's metadata that its messages' vectors have too, as in npm's
 * memory, whose recall can be filtered by it; without the working memory, which
 * changes. Text is metadata with keys that Convex refuses.
 */
function metadataOf(threadMetadata: unknown): StorageRecord {
  if (typeof threadMetadata === "string") return {};
  const { workingMemory: _, ...metadata } = parseMetadata(threadMetadata);
  return metadata;
}

/** Delete the vectors of messages, except those that are kept; how many. */
export async function deleteVectorsOf(
  ctx: WriteCtx,
  messages: Message[],
  isKept: (row: VectorRow) => boolean = () => false,
): Promise<number> {
  let deleted = 0;
  if (messages.length === 0) return deleted;
  for (const indexName of await indexesNamed(ctx, MESSAGES)) {
    const rows: VectorRow[] = [];
    for (const { thread_id, id } of messages) {
      const all = await vectorsIn(ctx, indexName, thread_id, id).collect();
      rows.push(...(all as VectorRow[]).filter((row) => !isKept(row)));
    }
    await remove(ctx, indexName, rows);
    deleted += rows.length;
  }
  return deleted;
}

/** Let the vectors of a message that was moved name its thread and its resource. */
export async function moveVectors(
  ctx: WriteCtx,
  before: Message,
  after: Message,
) {
  const { thread_id, resourceId } = after;
  if (before.thread_id === thread_id && before.resourceId === resourceId) {
    return;
  }
  for (const indexName of await indexesNamed(ctx, MESSAGES)) {
    const rows = await vectorsIn(
      ctx,
      indexName,
      before.thread_id,
      before.id,
    ).collect();
    await upsert(
      ctx,
      indexName,
      rows.map((row) => ({
        ...row,
        metadata: { ...row.metadata, thread_id, resource_id: resourceId },
      })),
    );
  }
}

/**
 * Delete vectors that are left of a thread, up to `limit` in each index: its
 * observations', and those whose message is gone. How many, and whether there
 * are more.
 */
export async function deleteVectorsLeft(
  ctx: WriteCtx,
  threadId: string,
  limit: number,
): Promise<{ deleted: number; hasMore: boolean }> {
  let [deleted, hasMore] = [0, false];
  for (const prefix of [MESSAGES, OBSERVATIONS]) {
    for (const indexName of await indexesNamed(ctx, prefix)) {
      const left = await firstOf(vectorsIn(ctx, indexName, threadId), limit);
      await remove(ctx, indexName, left.some as VectorRow[]);
      deleted += left.some.length;
      hasMore ||= left.hasMore;
    }
  }
  return { deleted, hasMore };
}

function vectorsIn(
  ctx: ReadCtx,
  indexName: string,
  threadId: string,
  messageId?: string,
) {
  return rowsWhere(ctx, "mastra_vectors", [
    { field: "indexName", value: indexName },
    { field: "metadata.thread_id", value: threadId },
    ...(messageId === undefined
      ? []
      : [{ field: "metadata.message_id", value: messageId }]),
  ]);
}

/** The timestamp of the last change that is remembered of messages' vectors, or null. */
export async function lastChangeOfVectors(ctx: AnyReadCtx) {
  let last: bigint | null = null;
  for (const indexName of await indexesNamed(ctx, MESSAGES)) {
    const changed = await lastChange(ctx, indexName);
    if (changed !== null && (last === null || changed > last)) last = changed;
  }
  return last;
}

/** The names of the indexes that begin so. */
async function indexesNamed(
  ctx: AnyReadCtx,
  prefix: string,
): Promise<string[]> {
  const indexes = await rowsWhere(ctx, "mastra_vector_indexes", [], {
    field: "id",
    order: "asc",
    gte: prefix,
    lt: `${prefix}\uffff`,
  }).collect();
  return indexes.map((index) => index.id);
}
