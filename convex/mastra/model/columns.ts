/**
 * What columns do beyond what the schema says of their type.
 *
 * @module
 */
import type { StorageRecord } from "./request";
import { statusOf } from "./snapshots";
import type { RecordTable } from "./server";

type Columns = {
  /** What a new row has where the record says nothing. */
  defaults?: StorageRecord;
  /** Columns that the first write decides. */
  keptOnUpdate?: string[];
  /** Columns that may be absent but not null: a null clears them. */
  clearedByNull?: string[];
  /** Columns made of what a write says in others. */
  derived?: (record: StorageRecord) => StorageRecord;
};

const columns: { [T in RecordTable]?: Columns } = {
  // Mastra's threads need no title, its table does.
  mastra_threads: { defaults: { title: "" } },
  mastra_messages: { clearedByNull: ["resourceId"] },
  mastra_resources: { clearedByNull: ["workingMemory"] },
  mastra_workflow_snapshots: {
    keptOnUpdate: ["createdAt"],
    clearedByNull: ["id", "resourceId"],
    // Whoever has the snapshot at hand says its status.
    derived: ({ snapshot, status }) =>
      snapshot === undefined || status !== undefined
        ? {}
        : { status: statusOf(snapshot) },
  },
  mastra_scorers: {
    // Mastra's scores need no input, its table does.
    defaults: { input: null },
    keptOnUpdate: ["createdAt"],
    clearedByNull: [
      "traceId",
      "spanId",
      "reason",
      "preprocessPrompt",
      "extractPrompt",
      "generateScorePrompt",
      "generateReasonPrompt",
      "analyzePrompt",
      "reasonPrompt",
      "entityType",
      "entityId",
      "resourceId",
      "threadId",
      "organizationId",
      "projectId",
      "batchId",
      "datasetId",
      "datasetItemId",
    ],
  },
  mastra_ai_spans: {
    keptOnUpdate: ["createdAt"],
    derived: ({ parentSpanId, endedAt }) => ({
      ...(parentSpanId !== undefined && { isRoot: parentSpanId === null }),
      // Above every date's text.
      ...(endedAt !== undefined && { endOrder: endedAt ?? "running" }),
    }),
  },
  mastra_channel_installations: { keptOnUpdate: ["createdAt"] },
};

/** The row a record makes where none is stored. */
export function newRow(
  table: RecordTable,
  record: StorageRecord,
): StorageRecord {
  return fieldsOf(table, { ...columns[table]?.defaults, ...record });
}

/** What a record changes of the row that is stored. */
export function changedFields(
  table: RecordTable,
  record: StorageRecord,
): StorageRecord {
  const fields = fieldsOf(table, record);
  for (const kept of columns[table]?.keptOnUpdate ?? []) delete fields[kept];
  return fields;
}

/** Without Convex's own fields, which clients send back as they read them. */
function fieldsOf(table: RecordTable, record: StorageRecord): StorageRecord {
  const fields = { ...record, ...columns[table]?.derived?.(record) };
  delete fields._id;
  delete fields._creationTime;
  for (const name of columns[table]?.clearedByNull ?? []) {
    if (fields[name] === null) fields[name] = undefined;
  }
  return fields;
}
