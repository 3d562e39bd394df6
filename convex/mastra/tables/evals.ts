/**
 * Evaluations.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** Evaluations of agents' answers; `result` and `testInfo` are JSON text. */
export const mastraEvalsTable = recordTable("mastra_evals", {
  fields: {
    id: v.string(),
    agentName: v.string(),
    metricName: v.string(),
    input: v.string(),
    output: v.string(),
    result: v.optional(v.any()),
    instructions: v.string(),
    runId: v.string(),
    globalRunId: v.string(),
    testInfo: v.optional(v.any()),
    createdAt: v.string(),
  },
  indexes: {
    by_record_id: ["id"],
    by_run: ["runId"],
    by_agent_and_created_at: ["agentName", "createdAt"],
    by_created: ["createdAt"],
  },
  agedBy: "createdAt",
  counted: { where: {} },
});
