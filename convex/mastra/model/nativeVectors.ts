/**
 * Vectors in tables of the user's own, searched by Convex's vector index.
 *
 * A row holds the id, the embedding, the metadata, and a copy of the metadata
 * fields that queries filter on, since Convex filters on top-level columns.
 *
 * @module
 */
import { ConvexError } from "convex/values";
import type {
  NativeCount,
  NativeFilter,
  NativeIndexConfig,
  NativePage,
  NativeQueryArgs,
  NativeQueryResult,
  NativeReadArgs,
  NativeWriteArgs,
} from "../validators";
import { findInBatches, mapInBatches } from "./batches";
import { everyRow } from "./ranges";
import { isRecord, type StorageRecord } from "./request";
import { clearSome, pageOf } from "./rows";
import type { AnyReadCtx, AnyWriteCtx, SearchCtx } from "./server";

/** Convex's bound on results: https://docs.convex.dev/search/vector-search */
const MAX_RESULTS = 256;

/** Mastra's bound on the rows `describe` counts. */
const MAX_ROWS_COUNTED = 10_000;

/**
 * Bytes of vectors `describe` reads at most. Counting reads whole documents,
 * and a query may read 16 MiB (https://docs.convex.dev/production/state/limits);
 * a quarter is left for metadata and filter fields.
 */
const MAX_VECTOR_BYTES_COUNTED = 12 * 1024 * 1024;

/** A float64 of a document: its type and eight bytes. */
const BYTES_PER_NUMBER = 9;

type Columns = {
  table: string;
  id: string;
  idIndex: string;
  vector: string;
  metadata: string;
  filterFields: string[];
};

function columnsOf(config: NativeIndexConfig): Columns {
  return {
    table: config.tableName,
    id: config.idField ?? "id",
    idIndex: config.idIndexName ?? "by_record_id",
    vector: config.vectorField ?? "embedding",
    metadata: config.metadataField ?? "metadata",
    filterFields: config.filterFields ?? [],
  };
}

function invalid(
  message: string,
): ConvexError<{ code: string; message: string }> {
  return new ConvexError({ code: "InvalidRequest", message });
}

/** The most similar rows by Convex's index: `_id` and score, best first. */
export async function search(
  ctx: SearchCtx,
  { config, vector, limit, filter }: NativeQueryArgs,
): Promise<NativeQueryResult> {
  if (
    limit !== undefined &&
    (!Number.isInteger(limit) || limit < 1 || limit > MAX_RESULTS)
  ) {
    throw invalid(
      `Native vector query: limit must be an integer between 1 and ${MAX_RESULTS}`,
    );
  }
  // One of no conditions must hold, so no row matches. Convex would search without a filter.
  if (filter !== undefined && clausesOf(filter).length === 0) return [];

  const found = await ctx.vectorSearch(
    config.tableName,
    config.vectorIndexName as never,
    {
      vector,
      ...(limit !== undefined && { limit }),
      ...(filter !== undefined && {
        filter: (q) =>
          q.or(
            ...clausesOf(filter).map(({ field, value }) =>
              q.eq(field as never, value as never),
            ),
          ),
      }),
    },
  );
  return found.map(({ _id, _score }) => ({ id: _id, score: _score }));
}

function clausesOf(filter: NativeFilter) {
  return "or" in filter ? filter.or : [filter];
}

async function findRow({ db }: AnyReadCtx, columns: Columns, id: string) {
  return await db
    .query(columns.table)
    .withIndex(columns.idIndex as never, (q) =>
      q.eq(columns.id as never, id as never),
    )
    .unique();
}

/** The documents with these `_id`s, in their order; those deleted since are left out. */
export async function getByConvexIds(
  { db }: AnyReadCtx,
  { config, ids, includeVector = false }: Omit<NativeReadArgs, "op">,
): Promise<StorageRecord[]> {
  if (ids === undefined) throw invalid("Native vector query: ids are required");
  const columns = columnsOf(config);
  const found: StorageRecord[] = await findInBatches(ids, async (id) => {
    // Null for a text that isn't an id of this table.
    const _id = db.normalizeId(columns.table, id);
    return _id === null ? null : await db.get(columns.table, _id);
  });
  if (includeVector) return found;
  return found.map((row) => {
    const shown = { ...row };
    delete shown[columns.vector];
    return shown;
  });
}

/** The documents with these ids, in their order, null for those that don't exist. */
export async function listByIds(
  ctx: AnyReadCtx,
  { config, ids }: Omit<NativeReadArgs, "op">,
): Promise<(StorageRecord | null)[]> {
  if (ids === undefined) throw invalid("Native vector query: ids are required");
  const columns = columnsOf(config);
  return await mapInBatches(ids, (id) => findRow(ctx, columns, id));
}

/** A page of all rows in the order they were created. */
export async function listPage(
  ctx: AnyReadCtx,
  { config, cursor = null, pageSize, includeVector = false }: NativeReadArgs,
): Promise<NativePage> {
  if (pageSize === undefined || !Number.isInteger(pageSize) || pageSize < 1) {
    throw invalid("Native vector query: pageSize must be a positive integer");
  }
  const columns = columnsOf(config);
  const { result, hasMore, continuationCursor } = await pageOf(
    ctx,
    everyRow(columns.table),
    cursor,
    pageSize,
  );
  return {
    page: result.map((row) => ({
      id: row[columns.id],
      metadata: row[columns.metadata],
      ...(includeVector && { vector: row[columns.vector] }),
    })),
    isDone: !hasMore,
    continueCursor: continuationCursor,
  };
}

/** How many rows there are, counting no further than one query may read. */
export async function describe(
  { db }: AnyReadCtx,
  { config, countLimit = MAX_ROWS_COUNTED }: NativeReadArgs,
): Promise<NativeCount> {
  const readable = Math.floor(
    MAX_VECTOR_BYTES_COUNTED / (BYTES_PER_NUMBER * (config.dimension ?? 1)),
  );
  const limit = Math.max(
    1,
    Math.min(Math.floor(countLimit), MAX_ROWS_COUNTED, readable),
  );
  const rows = await db.query(config.tableName).take(limit + 1);
  return {
    count: Math.min(rows.length, limit),
    countIsLimited: rows.length > limit,
  };
}

/**
 * Insert or update rows. Where metadata is given it replaces the stored one
 * and its filter fields; where the list is absent they stay.
 */
export async function upsert(
  ctx: AnyWriteCtx,
  { config, ids, vectors, metadata }: NativeWriteArgs,
): Promise<void> {
  if (ids === undefined || vectors === undefined) {
    throw invalid("Native vector upsert: ids and vectors are required");
  }
  if (vectors.length !== ids.length) {
    throw invalid(
      `Native vector upsert: vectors length (${vectors.length}) must match ids length (${ids.length})`,
    );
  }
  checkMetadataList(metadata, ids.length);
  if (new Set(ids).size !== ids.length) {
    throw invalid("Native vector upsert: ids must be unique");
  }

  const columns = columnsOf(config);
  const existing = await mapInBatches(ids, (id) => findRow(ctx, columns, id));
  for (const [position, id] of ids.entries()) {
    const row = {
      ...(metadata && replacingMetadata(columns, metadata[position])),
      [columns.id]: id,
      [columns.vector]: vectors[position],
    };
    const stored = existing[position];
    if (stored) await ctx.db.patch(columns.table, stored._id, row);
    else await ctx.db.insert(columns.table, row);
  }
}

/** New metadata and its filter fields; a field it lacks is `undefined`, which clears it. */
function replacingMetadata(
  columns: Columns,
  metadata: StorageRecord,
): StorageRecord {
  const copies = columns.filterFields.map((field) => [field, metadata[field]]);
  return { ...Object.fromEntries(copies), [columns.metadata]: metadata };
}

function checkMetadataList(metadata: unknown, length: number) {
  if (metadata === undefined) return;
  if (!Array.isArray(metadata)) {
    throw invalid(
      "Native vector upsert: metadata must be an array matching ids when provided",
    );
  }
  if (metadata.length !== length) {
    throw invalid(
      `Native vector upsert: metadata length (${metadata.length}) must match ids length (${length})`,
    );
  }
  if (!metadata.every(isRecord)) {
    throw invalid(
      "Native vector upsert: metadata entries must be objects when provided",
    );
  }
}

/**
 * Replace one row's vector, merge into its metadata, whichever is given; true if
 * it exists.
 */
export async function updateById(
  ctx: AnyWriteCtx,
  { config, id, vector, metadata }: NativeWriteArgs,
): Promise<boolean> {
  if (!id) throw invalid("Native vector update: id is required");
  if (metadata !== undefined && !isRecord(metadata)) {
    throw invalid(
      "Native vector update: metadata must be an object when provided",
    );
  }
  const columns = columnsOf(config);
  const stored = await findRow(ctx, columns, id);
  if (stored === null) return false;

  const fields: StorageRecord = {};
  if (metadata !== undefined) {
    const before = stored[columns.metadata];
    const merged = { ...(isRecord(before) && before), ...metadata };
    fields[columns.metadata] = merged;
    for (const field of columns.filterFields) {
      if (merged[field] !== undefined) fields[field] = merged[field];
    }
  }
  if (vector !== undefined) fields[columns.vector] = vector;
  await ctx.db.patch(columns.table, stored._id, fields);
  return true;
}

/** Delete the rows that exist among `ids`. */
export async function deleteByIds(
  ctx: AnyWriteCtx,
  { config, ids }: NativeWriteArgs,
): Promise<void> {
  if (ids === undefined) {
    throw invalid("Native vector deleteByIds: ids are required");
  }
  const columns = columnsOf(config);
  const rows = await findInBatches([...new Set(ids)], (id) =>
    findRow(ctx, columns, id),
  );
  for (const row of rows) await ctx.db.delete(columns.table, row._id);
}

/** Delete some rows; true if there are more. */
export async function clear(
  ctx: AnyWriteCtx,
  { config }: NativeWriteArgs,
): Promise<boolean> {
  return await clearSome(ctx, config.tableName, ctx.db.query(config.tableName));
}
