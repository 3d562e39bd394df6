/**
 * Numbers of rows.
 *
 * @module
 */
import { v } from "convex/values";
import { ownTable } from "./table";

/**
 * How many rows of `table` have `value` in `field`, both "" for a whole list: parts
 * of the count; differences that aren't added to them yet, which have `moves`; and
 * the mark of a list that is counted. See `model/counts/`.
 */
export const mastraCountsTable = ownTable("mastra_counts", {
  fields: {
    table: v.string(),
    field: v.string(),
    value: v.string(),
    from: v.string(),
    to: v.string(),
    count: v.number(),
    isMark: v.optional(v.boolean()),
    isUncounted: v.optional(v.boolean()),
    moves: v.optional(
      v.array(v.object({ at: v.string(), difference: v.number() })),
    ),
  },
  indexes: {
    by_table_and_field_and_value_and_from: ["table", "field", "value", "from"],
    by_from: ["from"],
  },
});
