/**
 * Numbers of rows.
 *
 * @module
 */
import { v } from "convex/values";
import { ownTable } from "./table";

/** How many rows of `table` have `value` in `field`, in parts; see `model/counts.ts`. */
export const mastraCountsTable = ownTable("mastra_counts", {
  fields: {
    table: v.string(),
    field: v.string(),
    value: v.string(),
    from: v.string(),
    to: v.string(),
    count: v.number(),
  },
  indexes: {
    by_table_and_field_and_value_and_from: ["table", "field", "value", "from"],
  },
});
