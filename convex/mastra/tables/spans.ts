/**
 * Spans of traces.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

const text = v.optional(v.union(v.string(), v.null()));
/** JSON text; what older clients wrote may be the value itself. */
const json = v.optional(v.any());

/** Spans of traces: what agents, workflows and tools did, and when. */
export const mastraSpansTable = recordTable("mastra_ai_spans", {
  fields: {
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
  },
  indexes: {
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
  names: ["traceId", "spanId"],
  keptOnUpdate: ["createdAt"],
  owner: "resourceId",
  agedBy: "startedAt",
  derived: ({ parentSpanId, endedAt }) => ({
    ...(parentSpanId !== undefined && { isRoot: parentSpanId === null }),
    // Above every date's text.
    ...(endedAt !== undefined && { endOrder: endedAt ?? "running" }),
  }),
  // Traces are listed by their roots.
  counted: { where: { isRoot: true }, order: "startedAt" },
});
