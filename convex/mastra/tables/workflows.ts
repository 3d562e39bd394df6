/**
 * Runs of workflows.
 *
 * @module
 */
import { v } from "convex/values";
import { statusOf } from "../model/snapshots";
import { recordTable } from "./table";

/** One workflow run each; `snapshot` is JSON text. */
export const mastraWorkflowSnapshotsTable = recordTable(
  "mastra_workflow_snapshots",
  {
    fields: {
      id: v.optional(v.string()),
      workflow_name: v.string(),
      run_id: v.string(),
      resourceId: v.optional(v.string()),
      snapshot: v.any(),
      createdAt: v.string(),
      updatedAt: v.string(),
      // The snapshot's status, empty where it says none: written with each snapshot.
      status: v.optional(v.string()),
    },
    indexes: {
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
      by_updated: ["updatedAt"],
    },
    names: ["workflow_name", "run_id"],
    keptOnUpdate: ["createdAt"],
    clearedByNull: ["id", "resourceId"],
    owner: "resourceId",
    // Not from its beginning: a run may be suspended for long, and go on.
    agedBy: "updatedAt",
    // A write that has the snapshot at hand may give the status too.
    derived: ({ snapshot, status }) =>
      snapshot === undefined || status !== undefined
        ? {}
        : { status: statusOf(snapshot) },
    counted: { where: {} },
  },
);
