/**
 * The tables behind Mastra's storage.
 *
 * Names, fields and indexes are those of `@mastra/convex`, so that both
 * clients share one deployment's data.
 *
 * @module
 */
// Not redundant: the shorter of two indexes lists rows in stored order, and
// names of `@mastra/convex` stay.
/* eslint-disable @convex-dev/no-duplicate-indexes */
import { defineTable } from "convex/server";
import { v } from "convex/values";

export {
  defineMastraNativeVectorTable,
  type MastraNativeVectorTable,
} from "./model/nativeVectorTable";

/** Conversation threads. */
export const mastraThreadsTable = defineTable({
  id: v.string(),
  resourceId: v.string(),
  title: v.string(),
  metadata: v.optional(v.any()),
  createdAt: v.string(),
  updatedAt: v.string(),
})
  .index("by_record_id", ["id"])
  .index("by_resource", ["resourceId"])
  .index("by_resource_and_created_at", ["resourceId", "createdAt"])
  .index("by_resource_and_updated_at", ["resourceId", "updatedAt"])
  .index("by_created", ["createdAt"])
  .index("by_updated", ["updatedAt"]);

/** Messages; `content` is JSON text. */
export const mastraMessagesTable = defineTable({
  id: v.string(),
  thread_id: v.string(),
  content: v.string(),
  role: v.string(),
  type: v.string(),
  createdAt: v.string(),
  resourceId: v.optional(v.string()),
})
  .index("by_record_id", ["id"])
  .index("by_thread", ["thread_id"])
  .index("by_thread_created", ["thread_id", "createdAt"])
  .index("by_resource", ["resourceId"])
  .index("by_resource_and_created_at", ["resourceId", "createdAt"]);

/** Working memory and metadata of users and other owners of threads. */
export const mastraResourcesTable = defineTable({
  id: v.string(),
  workingMemory: v.optional(v.string()),
  metadata: v.optional(v.any()),
  createdAt: v.string(),
  updatedAt: v.string(),
})
  .index("by_record_id", ["id"])
  .index("by_updated", ["updatedAt"]);

/** One workflow run each; `snapshot` is JSON text. */
export const mastraWorkflowSnapshotsTable = defineTable({
  id: v.optional(v.string()),
  workflow_name: v.string(),
  run_id: v.string(),
  resourceId: v.optional(v.string()),
  snapshot: v.any(),
  createdAt: v.string(),
  updatedAt: v.string(),
  // The snapshot's status, empty where it says none: written with each snapshot.
  status: v.optional(v.string()),
})
  .index("by_record_id", ["id"])
  .index("by_workflow_run", ["workflow_name", "run_id"])
  .index("by_workflow", ["workflow_name"])
  .index("by_workflow_and_created_at", ["workflow_name", "createdAt"])
  .index("by_run", ["run_id"])
  .index("by_resource", ["resourceId"])
  .index("by_resource_and_created_at", ["resourceId", "createdAt"])
  .index("by_resource_and_workflow_and_created_at", [
    "resourceId",
    "workflow_name",
    "createdAt",
  ])
  .index("by_status_and_created_at", ["status", "createdAt"])
  .index("by_workflow_and_status_and_created_at", [
    "workflow_name",
    "status",
    "createdAt",
  ])
  .index("by_created", ["createdAt"]);

/** Scores that scorers gave. */
export const mastraScoresTable = defineTable({
  id: v.string(),
  scorerId: v.string(),
  runId: v.string(),
  scorer: v.any(),
  score: v.number(),
  input: v.any(),
  output: v.any(),
  source: v.string(),
  createdAt: v.string(),
  updatedAt: v.string(),
  traceId: v.optional(v.string()),
  spanId: v.optional(v.string()),
  reason: v.optional(v.string()),
  preprocessPrompt: v.optional(v.string()),
  extractPrompt: v.optional(v.string()),
  generateScorePrompt: v.optional(v.string()),
  generateReasonPrompt: v.optional(v.string()),
  analyzePrompt: v.optional(v.string()),
  reasonPrompt: v.optional(v.string()),
  entityType: v.optional(v.string()),
  entityId: v.optional(v.string()),
  resourceId: v.optional(v.string()),
  threadId: v.optional(v.string()),
  organizationId: v.optional(v.string()),
  projectId: v.optional(v.string()),
  batchId: v.optional(v.string()),
  datasetId: v.optional(v.string()),
  datasetItemId: v.optional(v.string()),
  preprocessStepResult: v.optional(v.any()),
  extractStepResult: v.optional(v.any()),
  analyzeStepResult: v.optional(v.any()),
  metadata: v.optional(v.any()),
  additionalContext: v.optional(v.any()),
  requestContext: v.optional(v.any()),
  entity: v.optional(v.any()),
})
  .index("by_record_id", ["id"])
  .index("by_scorer", ["scorerId"])
  .index("by_scorer_and_created_at", ["scorerId", "createdAt"])
  .index("by_entity", ["entityId", "entityType"])
  .index("by_entity_and_created_at", ["entityId", "entityType", "createdAt"])
  .index("by_run", ["runId"])
  .index("by_run_and_created_at", ["runId", "createdAt"])
  .index("by_trace_and_span_and_created_at", ["traceId", "spanId", "createdAt"])
  .index("by_created", ["createdAt"]);

/** Schedules; `target` and `metadata` are JSON text, times are epoch milliseconds. */
export const mastraSchedulesTable = defineTable({
  id: v.string(),
  target: v.string(),
  cron: v.string(),
  timezone: v.optional(v.union(v.string(), v.null())),
  status: v.string(),
  next_fire_at: v.number(),
  last_fire_at: v.optional(v.union(v.number(), v.null())),
  last_run_id: v.optional(v.union(v.string(), v.null())),
  created_at: v.number(),
  updated_at: v.number(),
  metadata: v.optional(v.union(v.string(), v.null())),
  owner_type: v.optional(v.union(v.string(), v.null())),
  owner_id: v.optional(v.union(v.string(), v.null())),
  workflow_id: v.optional(v.union(v.string(), v.null())),
})
  .index("by_record_id", ["id"])
  .index("by_status_next_fire_at", ["status", "next_fire_at"])
  .index("by_workflow_status", ["workflow_id", "status"])
  .index("by_workflow_id", ["workflow_id"])
  .index("by_owner", ["owner_type", "owner_id"])
  .index("by_owner_id", ["owner_id"])
  .index("by_created", ["created_at"]);

/** What became of each firing of a schedule. */
export const mastraScheduleTriggersTable = defineTable({
  id: v.string(),
  schedule_id: v.string(),
  run_id: v.optional(v.union(v.string(), v.null())),
  scheduled_fire_at: v.number(),
  actual_fire_at: v.number(),
  outcome: v.string(),
  error: v.optional(v.union(v.string(), v.null())),
  trigger_kind: v.string(),
  parent_trigger_id: v.optional(v.union(v.string(), v.null())),
  metadata: v.optional(v.union(v.string(), v.null())),
})
  .index("by_record_id", ["id"])
  .index("by_schedule_actual", ["schedule_id", "actual_fire_at"])
  .index("by_parent_trigger", ["parent_trigger_id"]);

/** Agents installed on chat platforms; `data` is JSON text, encrypted by the caller. */
export const mastraChannelInstallationsTable = defineTable({
  id: v.string(),
  platform: v.string(),
  agentId: v.string(),
  status: v.string(),
  webhookId: v.optional(v.union(v.string(), v.null())),
  data: v.string(),
  configHash: v.optional(v.union(v.string(), v.null())),
  error: v.optional(v.union(v.string(), v.null())),
  createdAt: v.string(),
  updatedAt: v.string(),
})
  .index("by_record_id", ["id"])
  .index("by_webhook", ["webhookId"])
  .index("by_platform_agent", ["platform", "agentId"])
  .index("by_platform", ["platform"]);

/** One configuration for each chat platform; `id` is the platform. */
export const mastraChannelConfigTable = defineTable({
  id: v.string(),
  platform: v.string(),
  data: v.string(),
  updatedAt: v.string(),
})
  .index("by_record_id", ["id"])
  .index("by_platform", ["platform"]);

/** Tool calls that run beside a conversation; arguments and results are JSON text. */
export const mastraBackgroundTasksTable = defineTable({
  id: v.string(),
  tool_call_id: v.string(),
  tool_name: v.string(),
  agent_id: v.string(),
  run_id: v.string(),
  thread_id: v.union(v.string(), v.null()),
  resource_id: v.union(v.string(), v.null()),
  status: v.union(
    v.literal("pending"),
    v.literal("running"),
    v.literal("suspended"),
    v.literal("completed"),
    v.literal("failed"),
    v.literal("cancelled"),
    v.literal("timed_out"),
  ),
  args: v.string(),
  result: v.union(v.string(), v.null()),
  error: v.union(v.string(), v.null()),
  suspend_payload: v.union(v.string(), v.null()),
  retry_count: v.number(),
  max_retries: v.number(),
  timeout_ms: v.number(),
  createdAt: v.string(),
  startedAt: v.union(v.string(), v.null()),
  suspendedAt: v.union(v.string(), v.null()),
  completedAt: v.union(v.string(), v.null()),
  // Who runs the task, and until when nobody else may take it over.
  owner_id: v.optional(v.union(v.string(), v.null())),
  leaseExpiresAt: v.optional(v.union(v.string(), v.null())),
})
  .index("by_record_id", ["id"])
  .index("by_status_created", ["status", "createdAt"])
  .index("by_agent_status", ["agent_id", "status"])
  .index("by_agent_and_status_and_created_at", [
    "agent_id",
    "status",
    "createdAt",
  ])
  .index("by_run", ["run_id"])
  .index("by_tool_call", ["tool_call_id"])
  .index("by_thread", ["thread_id"])
  .index("by_resource", ["resource_id"])
  .index("by_tool", ["tool_name"])
  .index("by_created", ["createdAt"])
  .index("by_started", ["startedAt"])
  .index("by_suspended", ["suspendedAt"])
  .index("by_completed", ["completedAt"]);

/** Observational memory: one row for each generation of a thread's or a resource's. */
export const mastraObservationalMemoryTable = defineTable({
  id: v.string(),
  lookupKey: v.string(),
  scope: v.string(),
  activeObservations: v.string(),
  originType: v.string(),
  config: v.string(),
  createdAt: v.string(),
  updatedAt: v.string(),
  generationCount: v.number(),
  pendingMessageTokens: v.number(),
  totalTokensObserved: v.number(),
  observationTokenCount: v.number(),
  lastBufferedAtTokens: v.number(),
  isObserving: v.boolean(),
  isReflecting: v.boolean(),
  isBufferingObservation: v.boolean(),
  isBufferingReflection: v.boolean(),
  resourceId: v.optional(v.union(v.string(), v.null())),
  threadId: v.optional(v.union(v.string(), v.null())),
  activeObservationsPendingUpdate: v.optional(v.union(v.string(), v.null())),
  lastObservedAt: v.optional(v.union(v.string(), v.null())),
  lastReflectionAt: v.optional(v.union(v.string(), v.null())),
  observedTimezone: v.optional(v.union(v.string(), v.null())),
  bufferedObservations: v.optional(v.union(v.string(), v.null())),
  bufferedReflection: v.optional(v.union(v.string(), v.null())),
  bufferedObservationChunks: v.optional(v.union(v.string(), v.null())),
  lastBufferedAtTime: v.optional(v.union(v.string(), v.null())),
  metadata: v.optional(v.union(v.string(), v.null())),
  bufferedObservationTokens: v.optional(v.union(v.number(), v.null())),
  bufferedReflectionTokens: v.optional(v.union(v.number(), v.null())),
  bufferedReflectionInputTokens: v.optional(v.union(v.number(), v.null())),
  reflectedObservationLineCount: v.optional(v.union(v.number(), v.null())),
  observedMessageIds: v.optional(v.union(v.array(v.string()), v.null())),
  bufferedMessageIds: v.optional(v.union(v.array(v.string()), v.null())),
})
  .index("by_record_id", ["id"])
  .index("by_lookup_key", ["lookupKey", "generationCount"]);

const text = v.optional(v.union(v.string(), v.null()));
/** JSON text; what older clients wrote may be the value itself. */
const json = v.optional(v.any());

/** Spans of traces: what agents, workflows and tools did, and when. */
export const mastraSpansTable = defineTable({
  id: v.string(),
  traceId: v.string(),
  spanId: v.string(),
  name: v.string(),
  spanType: v.string(),
  isEvent: v.boolean(),
  startedAt: v.string(),
  createdAt: v.string(),
  updatedAt: text,
  endedAt: text,
  parentSpanId: text,
  // Whether it has no parent, and when it ended, after all others where it
  // hasn't: written with each span.
  isRoot: v.optional(v.boolean()),
  endOrder: v.optional(v.string()),
  entityType: text,
  entityId: text,
  entityName: text,
  parentEntityType: text,
  parentEntityId: text,
  parentEntityName: text,
  rootEntityType: text,
  rootEntityId: text,
  rootEntityName: text,
  userId: text,
  organizationId: text,
  resourceId: text,
  runId: text,
  sessionId: text,
  threadId: text,
  requestId: text,
  environment: text,
  serviceName: text,
  entityVersionId: text,
  parentEntityVersionId: text,
  rootEntityVersionId: text,
  experimentId: text,
  source: text,
  scope: json,
  metadata: json,
  tags: json,
  attributes: json,
  links: json,
  input: json,
  output: json,
  error: json,
  requestContext: json,
})
  .index("by_record_id", ["id"])
  .index("by_trace_and_span", ["traceId", "spanId"])
  .index("by_trace_and_started_at", ["traceId", "startedAt"])
  .index("by_root_and_started_at", ["isRoot", "startedAt"])
  .index("by_root_and_end", ["isRoot", "endOrder"])
  .index("by_root_and_run_and_started_at", ["isRoot", "runId", "startedAt"])
  .index("by_root_and_thread_and_started_at", [
    "isRoot",
    "threadId",
    "startedAt",
  ])
  .index("by_root_and_resource_and_started_at", [
    "isRoot",
    "resourceId",
    "startedAt",
  ])
  .index("by_root_and_entity_and_started_at", [
    "isRoot",
    "entityId",
    "startedAt",
  ]);

/** Evaluations of agents' answers; `result` and `testInfo` are JSON text. */
export const mastraEvalsTable = defineTable({
  id: v.string(),
  agentName: v.string(),
  metricName: v.string(),
  input: v.string(),
  output: v.string(),
  result: json,
  instructions: v.string(),
  runId: v.string(),
  globalRunId: v.string(),
  testInfo: json,
  createdAt: v.string(),
})
  .index("by_record_id", ["id"])
  .index("by_run", ["runId"])
  .index("by_agent_and_created_at", ["agentName", "createdAt"])
  .index("by_created", ["createdAt"]);

/** Every table without one of its own; `table` is its name, `record` its row. */
export const mastraDocumentsTable = defineTable({
  table: v.string(),
  primaryKey: v.string(),
  record: v.any(),
})
  .index("by_table", ["table"])
  .index("by_table_primary", ["table", "primaryKey"]);

/** The server cache: values, lists, counters, and keys being deleted. */
export const mastraCacheTable = defineTable({
  key: v.string(),
  keyPrefix: v.string(),
  kind: v.union(
    v.literal("value"),
    v.literal("list"),
    v.literal("counter"),
    v.literal("deleted"),
  ),
  value: v.optional(v.string()),
  counter: v.optional(v.number()),
  expiresAt: v.union(v.number(), v.null()),
})
  .index("by_key", ["key"])
  .index("by_key_prefix", ["keyPrefix"])
  .index("by_key_prefix_and_expires_at", ["keyPrefix", "expiresAt"]);

/** The items of the cache's lists; `value` is JSON text. */
export const mastraCacheListItemsTable = defineTable({
  key: v.string(),
  keyPrefix: v.string(),
  index: v.number(),
  value: v.string(),
})
  .index("by_key_prefix", ["keyPrefix"])
  .index("by_key_index", ["key", "index"]);

/** How many rows of `table` have `value` in `field`, in parts; see `model/counts.ts`. */
export const mastraCountsTable = defineTable({
  table: v.string(),
  field: v.string(),
  value: v.string(),
  from: v.string(),
  to: v.string(),
  count: v.number(),
}).index("by_table_and_field_and_value_and_from", [
  "table",
  "field",
  "value",
  "from",
]);

/** What each vector index was created with; `id` is the index's name. */
export const mastraVectorIndexesTable = defineTable({
  id: v.string(),
  indexName: v.string(),
  dimension: v.number(),
  metric: v.string(),
  createdAt: v.string(),
})
  .index("by_record_id", ["id"])
  .index("by_name", ["indexName"]);

/** The rows of every vector index, told apart by `indexName`. */
export const mastraVectorsTable = defineTable({
  id: v.string(),
  indexName: v.string(),
  embedding: v.array(v.float64()),
  metadata: v.optional(v.any()),
})
  .index("by_index_id", ["indexName", "id"])
  .index("by_index", ["indexName"]);

/** The ids of rows that a transaction wrote, so that clients can follow. */
export const mastraVectorChangesTable = defineTable({
  indexName: v.string(),
  at: v.commitTs(),
  ids: v.array(v.string()),
})
  .index("by_index_and_at", ["indexName", "at"])
  .index("by_at", ["at"]);

/**
 * Every table the functions in `convex/mastra` use, to spread into your schema.
 *
 * @example
 * ```ts
 * export default defineSchema({ ...mastraTables });
 * ```
 */
export const mastraTables = {
  mastra_threads: mastraThreadsTable,
  mastra_messages: mastraMessagesTable,
  mastra_resources: mastraResourcesTable,
  mastra_workflow_snapshots: mastraWorkflowSnapshotsTable,
  mastra_scorers: mastraScoresTable,
  mastra_schedules: mastraSchedulesTable,
  mastra_schedule_triggers: mastraScheduleTriggersTable,
  mastra_channel_installations: mastraChannelInstallationsTable,
  mastra_channel_config: mastraChannelConfigTable,
  mastra_background_tasks: mastraBackgroundTasksTable,
  mastra_observational_memory: mastraObservationalMemoryTable,
  mastra_ai_spans: mastraSpansTable,
  mastra_evals: mastraEvalsTable,
  mastra_vector_indexes: mastraVectorIndexesTable,
  mastra_vectors: mastraVectorsTable,
  mastra_vector_changes: mastraVectorChangesTable,
  mastra_documents: mastraDocumentsTable,
  mastra_cache: mastraCacheTable,
  mastra_cache_list_items: mastraCacheListItemsTable,
  mastra_counts: mastraCountsTable,
};
