/**
 * Records of tables that the schema does not have.
 *
 * @module
 */
import { v } from "convex/values";
import { ownTable } from "./table";

/** Every table without one of its own; `table` is its name, `record` its row. */
export const mastraDocumentsTable = ownTable("mastra_documents", {
  fields: {
    table: v.string(),
    primaryKey: v.string(),
    record: v.any(),
  },
  indexes: {
    by_table: ["table"],
    by_table_primary: ["table", "primaryKey"],
  },
});
