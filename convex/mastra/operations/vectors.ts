/**
 * The vectors of one index: rows of `mastra_vectors`, named by index and id.
 *
 * An embedding is passed on as it is, and never copied or read. The schema checks
 * it, other clients may have written any length, and the embedded engine keeps it
 * packed until JavaScript reads its numbers.
 *
 * @module
 */
import { findInBatches, mapInBatches } from "../model/batches";
import { compileFilter } from "../model/filter";
import { read, write, type Operations } from "./operation";
import { findRecord } from "../model/records";
import { idsToLoad } from "./records";
import { sameValue } from "../model/sameValue";
import type { StorageReply } from "../validators";
import {
  cursorOf,
  idsField,
  InvalidRequest,
  isCount,
  isRecord,
  numbersField,
  optional,
  recordField,
  recordsField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import { fromBytes, toBytes } from "../model/numbers";
import { rangeOf } from "../model/ranges";
import { pageOf } from "../model/rows";
import type { DataModel, ReadCtx, StoredRow, WriteCtx } from "../model/server";
import { upsertRows } from "../model/upserts";
import { queryArgs, queryRows } from "./tableQuery";
import { changesSince, recordChange } from "../model/vectorChanges";

/** As many as a client reads in a page: 9 MiB at 4096 dimensions. */
const VECTORS_PER_PAGE = 256;

/**
 * The most that one page reads: a transaction may read 16 MiB in 32,000
 * documents, and the last of them may be 1 MiB.
 * https://docs.convex.dev/production/state/limits
 */
const MAX_VECTORS_READ = 8000;
const MAX_BYTES_OF_VECTORS_READ = 14 * 1024 * 1024;

/** The most that one call deletes: deleting a row reads it a second time. */
const MAX_VECTORS_DELETED = 4000;
const MAX_BYTES_OF_VECTORS_DELETED = 6 * 1024 * 1024;

type VectorRow = DataModel["mastra_vectors"]["document"];

async function findVector({ db }: ReadCtx, indexName: string, id: string) {
  return await db
    .query("mastra_vectors")
    .withIndex("by_index_id", (q) => q.eq("indexName", indexName).eq("id", id))
    .unique();
}

async function findVectors(ctx: ReadCtx, indexName: string, ids: string[]) {
  return await findInBatches(ids, (id) => findVector(ctx, indexName, id));
}

/**
 * An operation that writes rows of an index, which must exist. Reading the
 * index's document in the transaction that writes makes the write conflict with
 * a deletion of the index, so that no row outlives it.
 */
function writeRows<Args>({
  args,
  handler,
}: {
  args: (request: StorageRequest) => Args;
  handler: (
    ctx: WriteCtx,
    indexName: string,
    args: Args,
  ) => Promise<StorageReply>;
}) {
  return write({
    args,
    handler: async (ctx: WriteCtx, indexName: string, checked: Args) => {
      const index = await findRecord(ctx, "mastra_vector_indexes", indexName);
      if (index !== null) return await handler(ctx, indexName, checked);
      return {
        ok: false,
        code: "IndexNotFound",
        error: `index ${JSON.stringify(indexName)} does not exist`,
        details: { index_name: indexName },
      };
    },
  });
}

/**
 * Write the records in their order, which becomes the stored order of new
 * rows. A row that exists keeps its place; without metadata it has none.
 */
export async function upsert(
  ctx: WriteCtx,
  indexName: string,
  records: StorageRecord[],
) {
  const rows = records.map(({ id, embedding, metadata }) => ({
    id,
    indexName,
    embedding,
    metadata,
  }));
  const names = ["indexName", "id"];
  await upsertRows(ctx, "mastra_vectors", "by_index_id", names, rows);
  const ids = records.map((record) => record.id as string);
  await recordChange(ctx, indexName, ids);
}

/** Insert one vector, or replace the one with its id. */
const insert = writeRows({
  args: (request) => {
    const record = recordField(request, "record");
    if (!record.id) {
      throw new InvalidRequest("Vector record is missing an id");
    }
    return { record };
  },
  handler: async (ctx, indexName, { record }) => {
    await upsert(ctx, indexName, [record]);
    return { ok: true };
  },
});

/** Insert or replace many; of records with one id the last is written. */
const batchInsert = writeRows({
  args: (request) => ({ records: lastById(recordsField(request, "records")) }),
  handler: async (ctx, indexName, { records }) => {
    await upsert(ctx, indexName, records);
    return { ok: true };
  },
});

/** As `batchInsert`, of records with their embeddings in bytes, as `float32` or `float64`. */
const upsertVectors = writeRows({
  args: (request) => ({
    records: lastById(recordsField(request, "records")).map(fromRecordBytes),
  }),
  handler: async (ctx, indexName, { records }) => {
    await upsert(ctx, indexName, records);
    return { ok: true };
  },
});

function lastById(records: StorageRecord[]): StorageRecord[] {
  const byId = new Map<unknown, StorageRecord>();
  for (const record of records) {
    // Mastra skips records without an id.
    if (record.id) byId.set(record.id, record);
  }
  return [...byId.values()];
}

/** A record with its embedding in bytes, as one with its numbers. */
export function fromRecordBytes({
  float32,
  float64,
  ...record
}: StorageRecord): StorageRecord {
  if (float32 instanceof ArrayBuffer && float32.byteLength % 4 === 0) {
    return { ...record, embedding: fromBytes({ float32 }) };
  }
  if (float64 instanceof ArrayBuffer && float64.byteLength % 8 === 0) {
    return { ...record, embedding: fromBytes({ float64 }) };
  }
  throw new InvalidRequest(
    "vectors must have float32 or float64, bytes of whole numbers",
  );
}

/** Replace the given fields of one vector; true if it exists. */
const patch = writeRows({
  args: (request) => {
    const fields = { ...recordField(request, "record") };
    delete fields.id;
    delete fields.indexName;
    return { id: textField(request, "id"), fields };
  },
  handler: async (ctx, indexName, { id, fields }) => {
    const row = await findVector(ctx, indexName, id);
    if (row === null) return { ok: true, result: false };
    await ctx.db.patch("mastra_vectors", row._id, fields);
    await recordChange(ctx, indexName, [id]);
    return { ok: true, result: true };
  },
});

/**
 * Of every vector that exists among `ids`: replace the embedding, merge the
 * metadata shallowly, whichever is given. Returns the ids updated.
 */
const updateVectors = writeRows({
  args: (request) => {
    const args = {
      ids: idsField(request, "ids"),
      embedding: optional(numbersField, request, "embedding"),
      metadata: optional(recordField, request, "metadata"),
    };
    if (args.embedding === undefined && args.metadata === undefined) {
      throw new InvalidRequest(
        "updateVectors requires an embedding or metadata",
      );
    }
    return args;
  },
  handler: async (ctx, indexName, { ids, ...fields }) => {
    const rows = await findVectors(ctx, indexName, ids);
    await update(ctx, indexName, rows, fields);
    return { ok: true, result: rows.map((row) => row.id) };
  },
});

async function update(
  ctx: WriteCtx,
  indexName: string,
  rows: VectorRow[],
  { embedding, metadata }: { embedding?: number[]; metadata?: StorageRecord },
) {
  for (const row of rows) {
    const stored = isRecord(row.metadata) ? row.metadata : {};
    await ctx.db.patch("mastra_vectors", row._id, {
      ...(embedding && { embedding }),
      ...(metadata && { metadata: { ...stored, ...metadata } }),
    });
  }
  await recordChange(
    ctx,
    indexName,
    rows.map((row) => row.id),
  );
}

/**
 * Rows as a client saw them when it decided that its filter admits them: their
 * ids and their metadata, which is all that a filter looks at. And the filter,
 * unless only clients have the operators that it uses.
 */
function rowsSeen(request: StorageRequest) {
  const seen = new Map<string, unknown>();
  for (const row of recordsField(request, "rows")) {
    seen.set(textField(row, "id"), row.metadata ?? {});
  }
  const filter = optional(textField, request, "filter");
  return { seen, admits: filter === undefined ? null : compileFilter(filter) };
}

type Seen = ReturnType<typeof rowsSeen>;

/**
 * The rows that the filter admits as they are now, and the ids of those that
 * changed since they were seen and that only the client's filter can judge.
 */
async function judge(ctx: ReadCtx, indexName: string, { seen, admits }: Seen) {
  const admitted: VectorRow[] = [];
  const undecided: string[] = [];
  for (const row of await findVectors(ctx, indexName, [...seen.keys()])) {
    const metadata = row.metadata ?? {};
    if (sameValue(metadata, seen.get(row.id)) || admits?.(metadata)) {
      admitted.push(row);
    } else if (admits === null) {
      undecided.push(row.id);
    }
  }
  return { admitted, undecided };
}

/** Merge metadata into the rows that the filter admits. Returns the ids of the undecided, which stay. */
const updateSeen = writeRows({
  args: (request) => ({
    ...rowsSeen(request),
    metadata: recordField(request, "metadata"),
  }),
  handler: async (ctx, indexName, { metadata, ...rows }) => {
    const { admitted, undecided } = await judge(ctx, indexName, rows);
    await update(ctx, indexName, admitted, { metadata });
    return { ok: true, result: undecided };
  },
});

/** Delete the rows that the filter admits. Returns the ids of the undecided, which stay. */
const deleteSeen = write({
  args: rowsSeen,
  handler: async (ctx, indexName: string, rows) => {
    const { admitted, undecided } = await judge(ctx, indexName, rows);
    await remove(ctx, indexName, admitted);
    return { ok: true, result: undecided };
  },
});

/** One vector by `keys.id`, or null. */
const load = read({
  args: (request) => ({ id: recordField(request, "keys").id }),
  handler: async (ctx, indexName: string, { id }) => ({
    ok: true,
    result: id ? await findVector(ctx, indexName, id as string) : null,
  }),
});

/** The vectors that exist among a few ids, in the order of the ids. */
const loadMany = read({
  args: idsToLoad,
  handler: async (ctx, indexName: string, { ids }) => ({
    ok: true,
    result: await findVectors(ctx, indexName, ids),
  }),
});

/** Vectors in stored order, all or those equal in the filters' top-level fields. */
const queryTable = read({
  args: queryArgs,
  handler: async (ctx, indexName: string, args) =>
    await queryRows(ctx, "mastra_vectors", {
      ...args,
      conditions: [inIndex(indexName), ...args.conditions],
    }),
});

/**
 * A page of an index's vectors in stored order, as many as a transaction can
 * read, their embeddings in bytes. The first page also says from where on to ask
 * `queryChanges` for later writes, so that a client needs no call before it.
 */
const queryVectors = read({
  args: (request) => ({ cursor: cursorOf(request), pageSize: sizeOf(request) }),
  handler: async (ctx, indexName: string, { cursor, pageSize }) => {
    const rows = rangeOf("mastra_vectors", [inIndex(indexName)]);
    const page = await pageOf(ctx, rows, cursor, pageSize ?? MAX_VECTORS_READ, {
      maximumBytesRead: MAX_BYTES_OF_VECTORS_READ,
    });
    const result = page.result.map(inBytes);
    if (cursor !== null) return { ...page, result };
    const { until } = await changesSince(ctx, indexName, null, 0);
    const index = await describe(ctx, indexName);
    return { ...page, result, changes: { since: String(until), index } };
  },
});

function sizeOf(request: StorageRequest): number | undefined {
  const { pageSize } = request;
  if (pageSize !== undefined && !(isCount(pageSize) && pageSize > 0)) {
    throw new InvalidRequest(
      `${request.op} pageSize must be a positive integer`,
    );
  }
  return pageSize;
}

/** The index as replies describe it, or null. */
async function describe(ctx: ReadCtx, indexName: string) {
  const index = await findRecord(ctx, "mastra_vector_indexes", indexName);
  if (index === null) return null;
  const { _id, dimension, metric } = index;
  return { _id, dimension, metric };
}

/** A row with its embedding in bytes, as `float32` or `float64`. */
function inBytes({ embedding, ...row }: StoredRow) {
  return { ...row, ...toBytes(embedding) };
}

/**
 * The vectors written since `cursor`, as they are now, and the ids of those
 * deleted: ask again from `continuationCursor` on while `hasMore`. Where it isn't
 * known what changed, as without a cursor, the client reads all vectors, and
 * then what changed meanwhile. `asBytes`: embeddings come in bytes.
 */
const queryChanges = read({
  args: (request) => {
    const pageSize = sizeOf(request) ?? VECTORS_PER_PAGE;
    const cursor = cursorOf(request);
    if (cursor !== null && !/^\d+$/.test(cursor)) {
      throw new InvalidRequest("queryChanges cursor must be one of its own");
    }
    return {
      since: cursor === null ? null : BigInt(cursor),
      pageSize,
      asBytes: request.asBytes === true,
    };
  },
  handler: async (ctx, indexName: string, { since, pageSize, asBytes }) => {
    const { isKnown, ids, until, hasMore } = await changesSince(
      ctx,
      indexName,
      since,
      pageSize,
    );
    const rows = await findVectors(ctx, indexName, ids);
    const found = new Set(rows.map((row) => row.id));
    return {
      ok: true,
      result: asBytes ? rows.map(inBytes) : rows,
      hasMore,
      continuationCursor: String(until),
      changes: {
        isKnown,
        deleted: ids.filter((id) => !found.has(id)),
        index: await describe(ctx, indexName),
      },
    };
  },
});

/** How many vectors the index has: add up over calls while `hasMore`. */
const count = read({
  args: (request) => ({ cursor: cursorOf(request) }),
  handler: async (ctx, indexName: string, { cursor }) => {
    const rows = rangeOf("mastra_vectors", [inIndex(indexName)]);
    const page = await pageOf(ctx, rows, cursor, VECTORS_PER_PAGE);
    return { ...page, result: page.result.length };
  },
});

/** Delete the vectors that exist among `ids`. */
const deleteMany = write({
  args: (request) => ({ ids: idsField(request, "ids") }),
  handler: async (ctx, indexName: string, { ids }) => {
    await remove(ctx, indexName, await findVectors(ctx, indexName, ids));
    return { ok: true };
  },
});

/** Delete some of the index's vectors; the client repeats while `hasMore`. */
const clearTable = write({
  args: () => ({}),
  handler: async (ctx, indexName: string) => ({
    ok: true,
    hasMore: await removeSome(ctx, indexName),
  }),
});

/** Delete some of an index's rows; true if there are more. */
export async function removeSome(ctx: WriteCtx, indexName: string) {
  const rows = rangeOf("mastra_vectors", [inIndex(indexName)]);
  const { result, hasMore } = await pageOf(
    ctx,
    rows,
    null,
    MAX_VECTORS_DELETED,
    { maximumBytesRead: MAX_BYTES_OF_VECTORS_DELETED },
  );
  await remove(ctx, indexName, result as VectorRow[]);
  return hasMore;
}

export async function remove(
  ctx: WriteCtx,
  indexName: string,
  rows: VectorRow[],
) {
  for (const row of rows) await ctx.db.delete("mastra_vectors", row._id);
  const ids = rows.map((row) => row.id);
  await recordChange(ctx, indexName, ids);
}

/**
 * The vectors of a page whose metadata names no message: their messages were
 * deleted by a client that left them behind.
 */
async function orphansIn(
  ctx: ReadCtx,
  indexName: string,
  cursor: string | null,
) {
  const rows = rangeOf("mastra_vectors", [inIndex(indexName)]);
  const { result, ...page } = await pageOf(ctx, rows, cursor, VECTORS_PER_PAGE);
  const messages = await mapInBatches(result, ({ metadata }) =>
    findRecord(ctx, "mastra_messages", metadata?.message_id ?? ""),
  );
  const orphans = result.filter((_, n) => messages[n] === null) as VectorRow[];
  return { page, orphans };
}

/** How many vectors of a page have no message: add up over calls while `hasMore`. */
const countOrphans = read({
  args: (request) => ({ cursor: cursorOf(request) }),
  handler: async (ctx, indexName: string, { cursor }) => {
    const { page, orphans } = await orphansIn(ctx, indexName, cursor);
    return { ...page, result: orphans.length };
  },
});

/** Delete the vectors of a page that have no message; how many. */
const deleteOrphans = write({
  args: (request) => ({ cursor: cursorOf(request) }),
  handler: async (ctx, indexName: string, { cursor }) => {
    const { page, orphans } = await orphansIn(ctx, indexName, cursor);
    await remove(ctx, indexName, orphans);
    return { ...page, result: orphans.length };
  },
});

function inIndex(indexName: string) {
  return { field: "indexName", value: indexName };
}

export const vectors: Operations<string> = {
  insert,
  batchInsert,
  upsertVectors,
  patch,
  updateVectors,
  updateSeen,
  load,
  loadMany,
  queryTable,
  queryVectors,
  queryChanges,
  count,
  deleteMany,
  deleteSeen,
  countOrphans,
  deleteOrphans,
  clearTable,
  // A vector index has no table of its own to drop.
  dropTable: clearTable,
};
