/**
 * Values that are too large for a document, in parts.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** One part each of a blob, which a row of another table names. */
export const mastraBlobsTable = recordTable("mastra_blobs", {
  fields: {
    id: v.string(),
    blob: v.string(),
    position: v.number(),
    data: v.bytes(),
    createdAt: v.string(),
  },
  indexes: {
    by_record_id: ["id"],
    by_blob_and_position: ["blob", "position"],
    by_created: ["createdAt"],
  },
});
