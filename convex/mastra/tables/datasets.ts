/**
 * Datasets, on which agents are tried.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

const text = v.optional(v.union(v.string(), v.null()));
const number = v.optional(v.union(v.number(), v.null()));
const json = v.optional(v.any());

/** Datasets; `version` counts the changes of a dataset's items. */
export const mastraDatasetsTable = recordTable("mastra_datasets", {
  fields: {
    id: v.string(),
    name: v.string(),
    description: text,
    metadata: json,
    inputSchema: json,
    groundTruthSchema: json,
    requestContextSchema: json,
    tags: json,
    targetType: text,
    targetIds: json,
    scorerIds: json,
    organizationId: text,
    projectId: text,
    candidateKey: text,
    candidateId: text,
    version: v.number(),
    createdAt: v.string(),
    updatedAt: v.string(),
  },
  indexes: {
    by_record_id: ["id"],
    by_created: ["createdAt"],
    by_updated: ["updatedAt"],
    by_name: ["name"],
    by_organization_and_created_at: ["organizationId", "createdAt"],
    by_project_and_created_at: ["projectId", "createdAt"],
  },
  keptOnUpdate: ["createdAt"],
  counted: { where: {} },
});

/**
 * One row for each version of an item: what it was from `datasetVersion` on,
 * until before `validTo`. The deletion of an item is a row too.
 */
export const mastraDatasetItemsTable = recordTable("mastra_dataset_items", {
  fields: {
    id: v.string(),
    datasetId: v.string(),
    datasetVersion: v.number(),
    externalId: text,
    organizationId: text,
    projectId: text,
    validTo: number,
    isDeleted: v.boolean(),
    input: v.any(),
    groundTruth: json,
    requestContext: json,
    metadata: json,
    source: json,
    expectedTrajectory: json,
    toolMocks: json,
    unmockedToolPolicy: text,
    scorerIds: json,
    createdAt: v.string(),
    updatedAt: v.string(),
    // The dataset of which this row is a current item: written with each row.
    currentIn: v.optional(v.string()),
  },
  indexes: {
    by_item_and_version: ["id", "datasetVersion"],
    by_dataset_and_external_id: ["datasetId", "externalId", "datasetVersion"],
    // Items that were inserted together have the same dates.
    by_dataset_and_created_at: ["datasetId", "createdAt", "id"],
    by_current_and_created_at: ["currentIn", "createdAt", "id"],
    by_current_and_updated_at: ["currentIn", "updatedAt", "id"],
  },
  names: ["id", "datasetVersion"],
  derived: ({ datasetId, isDeleted, validTo }) => {
    // A row becomes an older version by its `validTo`.
    if (isDeleted === undefined && validTo === undefined) return {};
    const isCurrent = isDeleted === false && validTo == null;
    return { currentIn: isCurrent ? datasetId : undefined };
  },
  counted: { by: ["currentIn"] },
});

/** The versions of datasets. */
export const mastraDatasetVersionsTable = recordTable(
  "mastra_dataset_versions",
  {
    fields: {
      id: v.string(),
      datasetId: v.string(),
      version: v.number(),
      createdAt: v.string(),
    },
    indexes: {
      by_record_id: ["id"],
      by_dataset_and_version: ["datasetId", "version"],
    },
    keptOnUpdate: ["createdAt"],
    counted: { by: ["datasetId"] },
  },
);
