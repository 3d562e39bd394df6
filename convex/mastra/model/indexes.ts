/**
 * The indexes to choose from when a request names fields.
 *
 * @module
 */
import type { TableName } from "./server";

/**
 * The indexes of each table (the same as in `schema.ts`, a test compares).
 * Where several fit equally well the first is used, and its order is the
 * order of the rows: Mastra's, which is by `createdAt` for a thread's messages.
 */
export const indexes: Record<TableName, Record<string, string[]>> = {
  mastra_threads: {
    by_record_id: ["id"],
    by_resource: ["resourceId"],
    by_resource_and_created_at: ["resourceId", "createdAt"],
    by_resource_and_updated_at: ["resourceId", "updatedAt"],
    by_created: ["createdAt"],
    by_updated: ["updatedAt"],
  },
  mastra_messages: {
    by_thread_created: ["thread_id", "createdAt"],
    by_record_id: ["id"],
    by_thread: ["thread_id"],
    by_resource: ["resourceId"],
    by_resource_and_created_at: ["resourceId", "createdAt"],
  },
  mastra_resources: {
    by_record_id: ["id"],
    by_updated: ["updatedAt"],
  },
  mastra_workflow_snapshots: {
    by_workflow_run: ["workflow_name", "run_id"],
    by_record_id: ["id"],
    by_workflow: ["workflow_name"],
    by_workflow_and_created_at: ["workflow_name", "createdAt"],
    by_run: ["run_id"],
    by_resource: ["resourceId"],
    by_resource_and_created_at: ["resourceId", "createdAt"],
    by_resource_and_workflow_and_created_at: [
      "resourceId",
      "workflow_name",
      "createdAt",
    ],
    by_status_and_created_at: ["status", "createdAt"],
    by_workflow_and_status_and_created_at: [
      "workflow_name",
      "status",
      "createdAt",
    ],
    by_created: ["createdAt"],
  },
  mastra_scorers: {
    by_entity: ["entityId", "entityType"],
    by_record_id: ["id"],
    by_scorer: ["scorerId"],
    by_scorer_and_created_at: ["scorerId", "createdAt"],
    by_entity_and_created_at: ["entityId", "entityType", "createdAt"],
    by_run: ["runId"],
    by_run_and_created_at: ["runId", "createdAt"],
    by_trace_and_span_and_created_at: ["traceId", "spanId", "createdAt"],
    by_created: ["createdAt"],
  },
  mastra_schedules: {
    by_workflow_status: ["workflow_id", "status"],
    by_workflow_id: ["workflow_id"],
    by_owner: ["owner_type", "owner_id"],
    by_owner_id: ["owner_id"],
    by_status_next_fire_at: ["status", "next_fire_at"],
    by_record_id: ["id"],
    by_created: ["created_at"],
  },
  mastra_schedule_triggers: {
    by_schedule_actual: ["schedule_id", "actual_fire_at"],
    by_record_id: ["id"],
    by_parent_trigger: ["parent_trigger_id"],
  },
  mastra_channel_installations: {
    by_platform_agent: ["platform", "agentId"],
    by_record_id: ["id"],
    by_webhook: ["webhookId"],
    by_platform: ["platform"],
  },
  mastra_channel_config: {
    by_record_id: ["id"],
    by_platform: ["platform"],
  },
  mastra_background_tasks: {
    by_agent_status: ["agent_id", "status"],
    by_status_created: ["status", "createdAt"],
    by_record_id: ["id"],
    by_agent_and_status_and_created_at: ["agent_id", "status", "createdAt"],
    by_run: ["run_id"],
    by_tool_call: ["tool_call_id"],
    by_thread: ["thread_id"],
    by_resource: ["resource_id"],
    by_tool: ["tool_name"],
    by_created: ["createdAt"],
    by_started: ["startedAt"],
    by_suspended: ["suspendedAt"],
    by_completed: ["completedAt"],
  },
  mastra_observational_memory: {
    by_record_id: ["id"],
    by_lookup_key: ["lookupKey", "generationCount"],
  },
  mastra_ai_spans: {
    by_record_id: ["id"],
    by_trace_and_span: ["traceId", "spanId"],
    by_trace_and_started_at: ["traceId", "startedAt"],
    by_root_and_started_at: ["isRoot", "startedAt"],
    by_root_and_end: ["isRoot", "endOrder"],
    by_root_and_run_and_started_at: ["isRoot", "runId", "startedAt"],
    by_root_and_thread_and_started_at: ["isRoot", "threadId", "startedAt"],
    by_root_and_resource_and_started_at: ["isRoot", "resourceId", "startedAt"],
    by_root_and_entity_and_started_at: ["isRoot", "entityId", "startedAt"],
  },
  mastra_evals: {
    by_record_id: ["id"],
    by_run: ["runId"],
    by_agent_and_created_at: ["agentName", "createdAt"],
    by_created: ["createdAt"],
  },
  mastra_documents: {
    by_table: ["table"],
    by_table_primary: ["table", "primaryKey"],
  },
  mastra_cache: {
    by_key: ["key"],
    by_key_prefix: ["keyPrefix"],
    by_key_prefix_and_expires_at: ["keyPrefix", "expiresAt"],
  },
  mastra_cache_list_items: {
    by_key_prefix: ["keyPrefix"],
    by_key_index: ["key", "index"],
  },
  mastra_counts: {
    by_table_and_field_and_value_and_from: ["table", "field", "value", "from"],
  },
  mastra_vector_indexes: {
    by_record_id: ["id"],
    by_name: ["indexName"],
  },
  mastra_vectors: {
    by_index: ["indexName"],
    by_index_id: ["indexName", "id"],
  },
  mastra_vector_changes: {
    by_index_and_at: ["indexName", "at"],
    by_at: ["at"],
  },
};
