/**
 * The vectors of one index: rows of `mastra_vectors`, named by index and id.
 *
 * An embedding is handed on as it is, never copied or looked into: the schema
 * checks it, other clients may have written any length, and the embedded
 * engine keeps it packed until JavaScript touches its numbers.
 *
 * @module
 */
import type { WithoutSystemFields } from "convex/server";
import { findInBatches, mapInBatches } from "../model/batches";
import { read, write, type Operations } from "./operation";
import { findRecord } from "../model/records";
import { idsToLoad } from "./records";
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
} from "../model/request";
import { firstOf, pageOf, rowsWhere } from "../model/rows";
import type { DataModel, ReadCtx, WriteCtx } from "../model/server";
import { queryArgs, queryRows } from "./tableQuery";
import { changesSince, recordChange } from "../model/vectorChanges";

/** As many as a client reads in a page: 9 MiB at 4096 dimensions. */
const VECTORS_PER_PAGE = 256;

type VectorRow = DataModel["mastra_vectors"]["document"];
type VectorFields = WithoutSystemFields<VectorRow>;

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
 * Write the records in their order, which becomes the stored order of new
 * rows. A row that exists keeps its place; without metadata it has none.
 */
async function upsert(
  ctx: WriteCtx,
  indexName: string,
  records: StorageRecord[],
) {
  const existing = await mapInBatches(records, ({ id }) =>
    findVector(ctx, indexName, id as string),
  );
  for (const [position, { id, embedding, metadata }] of records.entries()) {
    const row = { id, indexName, embedding, metadata } as VectorFields;
    const stored = existing[position];
    if (stored) await ctx.db.replace("mastra_vectors", stored._id, row);
    else await ctx.db.insert("mastra_vectors", row);
  }
  const ids = records.map((record) => record.id as string);
  await recordChange(ctx, indexName, ids);
}

/** Insert one vector, or replace the one with its id. */
const insert = write({
  args: (request) => {
    const record = recordField(request, "record");
    if (!record.id) {
      throw new InvalidRequest("Vector record is missing an id");
    }
    return { record };
  },
  handler: async (ctx, indexName: string, { record }) => {
    await upsert(ctx, indexName, [record]);
    return { ok: true };
  },
});

/** Insert or replace many; of records with one id the last is written. */
const batchInsert = write({
  args: (request) => {
    const byId = new Map<unknown, StorageRecord>();
    for (const record of recordsField(request, "records")) {
      // Mastra skips records without an id.
      if (record.id) byId.set(record.id, record);
    }
    return { records: [...byId.values()] };
  },
  handler: async (ctx, indexName: string, { records }) => {
    await upsert(ctx, indexName, records);
    return { ok: true };
  },
});

/** Replace the given fields of one vector; true if it exists. */
const patch = write({
  args: (request) => {
    const fields = { ...recordField(request, "record") };
    delete fields.id;
    delete fields.indexName;
    return { id: textField(request, "id"), fields };
  },
  handler: async (ctx, indexName: string, { id, fields }) => {
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
const updateVectors = write({
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
  handler: async (ctx, indexName: string, { ids, embedding, metadata }) => {
    const rows = await findVectors(ctx, indexName, ids);
    for (const row of rows) {
      const stored = isRecord(row.metadata) ? row.metadata : {};
      await ctx.db.patch("mastra_vectors", row._id, {
        ...(embedding && { embedding }),
        ...(metadata && { metadata: { ...stored, ...metadata } }),
      });
    }
    const updated = rows.map((row) => row.id);
    await recordChange(ctx, indexName, updated);
    return { ok: true, result: updated };
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
 * The vectors written since `cursor`, as they are now, and the ids of those
 * deleted: ask again from `continuationCursor` on while `hasMore`. Where it isn't
 * known what changed, as without a cursor, the client reads all vectors, and
 * then what changed meanwhile.
 */
const queryChanges = read({
  args: (request) => {
    const { pageSize = VECTORS_PER_PAGE } = request;
    if (!isCount(pageSize) || pageSize === 0) {
      throw new InvalidRequest(
        "queryChanges pageSize must be a positive integer",
      );
    }
    const cursor = cursorOf(request);
    if (cursor !== null && !/^\d+$/.test(cursor)) {
      throw new InvalidRequest("queryChanges cursor must be one of its own");
    }
    return { since: cursor === null ? null : BigInt(cursor), pageSize };
  },
  handler: async (ctx, indexName: string, { since, pageSize }) => {
    const { isKnown, ids, until, hasMore } = await changesSince(
      ctx,
      indexName,
      since,
      pageSize,
    );
    const rows = await findVectors(ctx, indexName, ids);
    const found = new Set(rows.map((row) => row.id));
    const index = await findRecord(ctx, "mastra_vector_indexes", indexName);
    return {
      ok: true,
      result: rows,
      hasMore,
      continuationCursor: String(until),
      changes: {
        isKnown,
        deleted: ids.filter((id) => !found.has(id)),
        index: index && {
          _id: index._id,
          dimension: index.dimension,
          metric: index.metric,
        },
      },
    };
  },
});

/** How many vectors the index has: add up over calls while `hasMore`. */
const count = read({
  args: (request) => ({ cursor: cursorOf(request) }),
  handler: async (ctx, indexName: string, { cursor }) => {
    const rows = rowsWhere(ctx, "mastra_vectors", [inIndex(indexName)]);
    const page = await pageOf(rows, cursor, VECTORS_PER_PAGE);
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
  handler: async (ctx, indexName: string) => {
    const rows = rowsWhere(ctx, "mastra_vectors", [inIndex(indexName)]);
    const { some, hasMore } = await firstOf(rows);
    await remove(ctx, indexName, some as VectorRow[]);
    return { ok: true, hasMore };
  },
});

async function remove(ctx: WriteCtx, indexName: string, rows: VectorRow[]) {
  for (const row of rows) await ctx.db.delete("mastra_vectors", row._id);
  const ids = rows.map((row) => row.id);
  await recordChange(ctx, indexName, ids);
}

function inIndex(indexName: string) {
  return { field: "indexName", value: indexName };
}

export const vectors: Operations<string> = {
  insert,
  batchInsert,
  patch,
  updateVectors,
  load,
  loadMany,
  queryTable,
  queryChanges,
  count,
  deleteMany,
  clearTable,
  // A vector index has no table of its own to drop.
  dropTable: clearTable,
};
