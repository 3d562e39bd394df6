/**
 * Checkpoints of LangGraph's graphs, and the writes of their tasks.
 *
 * Values are LangGraph's serialized ones: a type and bytes. Bytes that don't fit
 * into a document are in `mastra_blobs`, and the row names them.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** Columns of a serialized value: its bytes, or the blob that holds them. */
const serialized = {
  type: v.string(),
  value: v.optional(v.bytes()),
  blob: v.optional(v.string()),
};

/** One checkpoint of a thread each; `metadata` is JSON text. */
export const mastraCheckpointsTable = recordTable("mastra_checkpoints", {
  fields: {
    id: v.string(),
    thread_id: v.string(),
    namespace: v.string(),
    checkpoint_id: v.string(),
    parent_id: v.optional(v.string()),
    run_id: v.optional(v.string()),
    metadata: v.string(),
    ...serialized,
    createdAt: v.string(),
  },
  indexes: {
    by_record_id: ["id"],
    by_thread_and_namespace_and_checkpoint: [
      "thread_id",
      "namespace",
      "checkpoint_id",
    ],
    by_thread_and_checkpoint: ["thread_id", "checkpoint_id"],
    by_checkpoint: ["checkpoint_id"],
    by_run: ["run_id"],
    by_created: ["createdAt"],
  },
  keptOnUpdate: ["createdAt"],
  clearedByNull: ["parent_id", "run_id", "value", "blob"],
});

/** A task's writes to channels after a checkpoint. */
export const mastraCheckpointWritesTable = recordTable(
  "mastra_checkpoint_writes",
  {
    fields: {
      id: v.string(),
      thread_id: v.string(),
      namespace: v.string(),
      checkpoint_id: v.string(),
      task_id: v.string(),
      task_path: v.string(),
      // Below zero: an error, an interrupt & co., of which a task has one each.
      position: v.number(),
      channel: v.string(),
      ...serialized,
    },
    indexes: {
      by_record_id: ["id"],
      by_thread_and_namespace_and_checkpoint: [
        "thread_id",
        "namespace",
        "checkpoint_id",
      ],
      by_thread: ["thread_id"],
    },
    clearedByNull: ["value", "blob"],
  },
);
