/**
 * Experiments: trials of agents on datasets.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

const text = v.optional(v.union(v.string(), v.null()));
const number = v.optional(v.union(v.number(), v.null()));
const json = v.optional(v.any());

/** Experiments, each with the numbers of its results. */
export const mastraExperimentsTable = recordTable("mastra_experiments", {
  fields: {
    id: v.string(),
    name: text,
    description: text,
    metadata: json,
    provenance: json,
    runnerAttestation: json,
    experimentSetId: text,
    comparisonId: text,
    variantId: text,
    trialIndex: number,
    datasetId: text,
    datasetVersion: number,
    targetType: text,
    targetId: text,
    scorerIds: json,
    status: v.string(),
    totalItems: v.number(),
    succeededCount: v.number(),
    failedCount: v.number(),
    skippedCount: v.number(),
    startedAt: text,
    completedAt: text,
    agentVersion: text,
    organizationId: text,
    projectId: text,
    createdAt: v.string(),
    updatedAt: v.string(),
  },
  indexes: {
    by_record_id: ["id"],
    by_created: ["createdAt"],
    by_status_and_created_at: ["status", "createdAt"],
    by_dataset_and_created_at: ["datasetId", "createdAt"],
    by_set_and_created_at: ["experimentSetId", "createdAt"],
    by_target_and_created_at: ["targetId", "createdAt"],
    by_organization_and_created_at: ["organizationId", "createdAt"],
    by_project_and_created_at: ["projectId", "createdAt"],
    by_completed: ["completedAt"],
  },
  keptOnUpdate: ["createdAt"],
  // Experiments that aren't completed have no age.
  agedBy: "completedAt",
  counted: { where: {} },
});

/** One result for each item and attempt. */
export const mastraExperimentResultsTable = recordTable(
  "mastra_experiment_results",
  {
    fields: {
      id: v.string(),
      experimentId: v.string(),
      itemId: v.string(),
      itemDatasetVersion: number,
      input: v.any(),
      output: json,
      groundTruth: json,
      metadata: json,
      error: json,
      startedAt: v.string(),
      completedAt: v.string(),
      retryCount: v.number(),
      attempt: number,
      traceId: text,
      status: text,
      tags: json,
      comment: text,
      toolMockReport: json,
      organizationId: text,
      projectId: text,
      createdAt: v.string(),
    },
    indexes: {
      by_record_id: ["id"],
      by_experiment_and_started_at: ["experimentId", "startedAt", "id"],
      by_experiment_and_created_at: ["experimentId", "createdAt", "id"],
      by_experiment_and_item: ["experimentId", "itemId"],
      by_item: ["itemId"],
    },
    keptOnUpdate: ["createdAt"],
    counted: { by: ["experimentId"], order: "startedAt" },
  },
);
