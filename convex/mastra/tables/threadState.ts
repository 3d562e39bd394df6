/**
 * State of threads, such as their task list and their goal.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** One value for each thread and type of state. */
export const mastraThreadStateTable = recordTable("mastra_thread_state", {
  fields: {
    // Made of the thread and the type, which name the row.
    id: v.optional(v.string()),
    threadId: v.string(),
    type: v.string(),
    value: v.any(),
    createdAt: v.string(),
    updatedAt: v.string(),
  },
  indexes: {
    by_thread_and_type: ["threadId", "type"],
    by_record_id: ["id"],
    by_updated: ["updatedAt"],
  },
  names: ["threadId", "type"],
  keptOnUpdate: ["createdAt"],
  thread: "threadId",
  agedBy: "updatedAt",
});
