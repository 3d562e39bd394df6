/**
 * The shapes on the wire, each once: validators, and the types they imply.
 *
 * @module
 */
import { v, type Infer } from "convex/values";

/** A vector index; null if there is none. */
const vectorIndex = v.union(
  v.null(),
  v.object({ _id: v.string(), dimension: v.number(), metric: v.string() }),
);

/**
 * The answer of `queryChanges` beside rows: whether the changes are known, the
 * ids of deleted rows, and the index. And that of the first page of
 * `queryVectors`: the cursor from which changes of its rows are asked for.
 */
const vectorChanges = v.union(
  v.object({
    isKnown: v.boolean(),
    deleted: v.array(v.string()),
    index: vectorIndex,
  }),
  v.object({ since: v.string(), index: vectorIndex }),
);

/** The reply of `storage:handle` to any operation. */
export const storageReply = v.union(
  v.object({
    ok: v.literal(true),
    result: v.optional(v.any()),
    hasMore: v.optional(v.boolean()),
    continuationCursor: v.optional(v.string()),
    // Whether `tidy` would make later calls cheaper.
    isUntidy: v.optional(v.boolean()),
    changes: v.optional(vectorChanges),
  }),
  v.object({
    ok: v.literal(false),
    error: v.string(),
    code: v.optional(v.string()),
    details: v.optional(v.any()),
  }),
);
export type StorageReply = Infer<typeof storageReply>;

/** A vector in bytes, little-endian: float32 where that holds every number, else float64. */
const vectorBytes = v.union(
  v.object({ float32: v.bytes() }),
  v.object({ float64: v.bytes() }),
);

/** A search of an index: by a vector, by a filter, or by both. */
export const vectorSearchArgs = v.object({
  indexName: v.string(),
  vector: v.optional(v.union(v.array(v.float64()), vectorBytes)),
  topK: v.optional(v.number()),
  // JSON text, or an object none of whose keys begins with `$`.
  filter: v.optional(v.any()),
  minScore: v.optional(v.number()),
  includeVector: v.optional(v.boolean()),
});
export type VectorSearchArgs = Infer<typeof vectorSearchArgs>;

const vectorSearchFields = {
  // Best first; ties in stored order.
  hits: v.array(
    v.object({
      id: v.string(),
      score: v.number(),
      metadata: v.any(),
      vector: v.optional(vectorBytes),
    }),
  ),
  // How many rows there are, and how many of those admitted never rank.
  rows: v.number(),
  skipped: v.number(),
};
export const vectorSearchResult = v.object(vectorSearchFields);
export type VectorSearchResult = Infer<typeof vectorSearchResult>;

/** A search of the rows behind a cursor. */
export const vectorPageArgs = v.object({
  ...vectorSearchArgs.fields,
  cursor: v.optional(v.union(v.string(), v.null())),
  numItems: v.optional(v.number()),
  // The rows to leave out.
  without: v.optional(v.array(v.string())),
});
export type VectorPageArgs = Infer<typeof vectorPageArgs>;
export const vectorPage = v.object({
  ...vectorSearchFields,
  hasMore: v.boolean(),
  continuationCursor: v.string(),
});
export type VectorPage = Infer<typeof vectorPage>;

/** How a native vector table is laid out, as the client declares it. */
const nativeIndexConfig = v.object({
  tableName: v.string(),
  vectorIndexName: v.string(),
  dimension: v.optional(v.number()),
  idField: v.optional(v.string()),
  idIndexName: v.optional(v.string()),
  vectorField: v.optional(v.string()),
  metadataField: v.optional(v.string()),
  filterFields: v.optional(v.array(v.string())),
});
export type NativeIndexConfig = Infer<typeof nativeIndexConfig>;

const nativeFilterClause = v.object({
  field: v.string(),
  value: v.union(v.string(), v.number(), v.boolean(), v.null()),
});

/**
 * One equality, or several of which one must hold. The key is `or`, not
 * Mastra's `$or`, because Convex refuses object keys that start with `$`.
 */
const nativeFilter = v.union(
  nativeFilterClause,
  v.object({ or: v.array(nativeFilterClause) }),
);
export type NativeFilter = Infer<typeof nativeFilter>;

export const nativeQueryArgs = v.object({
  config: nativeIndexConfig,
  vector: v.array(v.float64()),
  limit: v.optional(v.number()),
  filter: v.optional(nativeFilter),
});
export type NativeQueryArgs = Infer<typeof nativeQueryArgs>;

/** `id` is the document's `_id`. */
export const nativeQueryResult = v.array(
  v.object({ id: v.string(), score: v.number() }),
);
export type NativeQueryResult = Infer<typeof nativeQueryResult>;

export const nativeSearchArgs = v.object({
  ...nativeQueryArgs.fields,
  includeVector: v.optional(v.boolean()),
});

/** The rows as they are stored, best first. */
export const nativeSearchResult = v.array(
  v.object({ row: v.any(), score: v.number() }),
);
export type NativeSearchResult = Infer<typeof nativeSearchResult>;

/** Rows by `_id`. */
export const nativeRowsArgs = v.object({
  config: nativeIndexConfig,
  ids: v.array(v.string()),
  includeVector: v.optional(v.boolean()),
});
export type NativeRowsArgs = Infer<typeof nativeRowsArgs>;

export const nativeReadArgs = v.object({
  op: v.union(
    v.literal("getByConvexIds"),
    v.literal("listByIds"),
    v.literal("listPage"),
    v.literal("describe"),
  ),
  config: nativeIndexConfig,
  ids: v.optional(v.array(v.string())),
  includeVector: v.optional(v.boolean()),
  countLimit: v.optional(v.number()),
  cursor: v.optional(v.union(v.string(), v.null())),
  pageSize: v.optional(v.number()),
});
export type NativeReadArgs = Infer<typeof nativeReadArgs>;

/** `describe`'s reply: `count` is a lower bound where `countIsLimited`. */
const nativeCount = v.object({
  count: v.number(),
  countIsLimited: v.boolean(),
});
export type NativeCount = Infer<typeof nativeCount>;

/** `listPage`'s reply. */
const nativePage = v.object({
  page: v.array(
    v.object({
      id: v.string(),
      metadata: v.optional(v.any()),
      vector: v.optional(v.array(v.float64())),
    }),
  ),
  isDone: v.boolean(),
  continueCursor: v.string(),
});
export type NativePage = Infer<typeof nativePage>;

/** In `read`'s order of operations: documents, a page, a count. */
export const nativeReadResult = v.union(
  v.array(v.any()),
  nativePage,
  nativeCount,
);

export const nativeWriteArgs = v.object({
  op: v.union(
    v.literal("upsert"),
    v.literal("updateById"),
    v.literal("deleteByIds"),
    v.literal("clear"),
  ),
  config: nativeIndexConfig,
  ids: v.optional(v.array(v.string())),
  vectors: v.optional(v.array(v.array(v.float64()))),
  // For `upsert` a list, for `updateById` an object: the functions check it
  // themselves, with Mastra's sentences.
  metadata: v.optional(v.any()),
  id: v.optional(v.string()),
  vector: v.optional(v.array(v.float64())),
});
export type NativeWriteArgs = Infer<typeof nativeWriteArgs>;

/** `hasMore` only where one call may leave rows behind, `found` only of one row. */
export const nativeWriteResult = v.object({
  ok: v.literal(true),
  found: v.optional(v.boolean()),
  hasMore: v.optional(v.boolean()),
});
export type NativeWriteResult = Infer<typeof nativeWriteResult>;

export const liveOrder = v.optional(
  v.union(v.literal("asc"), v.literal("desc")),
);

/** `isEstimate`: there are more than were counted. */
export const countResult = v.object({
  count: v.number(),
  isEstimate: v.boolean(),
});

/** `nextCursor` is null where there are no more. */
export const livePage = v.object({
  items: v.array(v.any()),
  nextCursor: v.union(v.string(), v.null()),
  hasMore: v.boolean(),
});
