/**
 * Vector indexes, their rows and their changes.
 *
 * @module
 */
import { v } from "convex/values";
import { ownTable, recordTable } from "./table";

/** The description of each vector index; `id` is the index's name. */
export const mastraVectorIndexesTable = recordTable("mastra_vector_indexes", {
  fields: {
    id: v.string(),
    indexName: v.string(),
    dimension: v.number(),
    metric: v.string(),
    createdAt: v.string(),
    // The name of the model whose vectors they are, where a client gave one.
    model: v.optional(v.string()),
  },
  indexes: {
    by_record_id: ["id"],
    by_name: ["indexName"],
  },
});

/** The rows of every vector index, told apart by `indexName`. */
export const mastraVectorsTable = ownTable("mastra_vectors", {
  fields: {
    id: v.string(),
    indexName: v.string(),
    embedding: v.array(v.float64()),
    metadata: v.optional(v.any()),
  },
  indexes: {
    by_index: ["indexName"],
    by_index_id: ["indexName", "id"],
    // The vectors of a thread's messages, and of one of them, by the metadata that
    // npm `@mastra/memory` gives them.
    by_message: ["indexName", "metadata.thread_id", "metadata.message_id"],
  },
});

/** The ids of rows that a transaction wrote, so that clients can follow. */
export const mastraVectorChangesTable = ownTable("mastra_vector_changes", {
  fields: {
    indexName: v.string(),
    // The timestamp of the commit, an int64. Not `v.commitTs()`: backends
    // before August 2026 refuse a schema that has it.
    at: v.any(),
    ids: v.array(v.string()),
  },
  indexes: {
    by_index_and_at: ["indexName", "at"],
  },
});
