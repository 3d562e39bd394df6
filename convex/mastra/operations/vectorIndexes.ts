/**
 * The table of vector indexes: what only it does.
 *
 * @module
 */
import { write, type Operations } from "./operation";
import { findRecord } from "../model/records";
import { recordArgs } from "./records";

/**
 * Insert the record unless its id is taken, and return the stored one either
 * way: of two clients that create an index at once both see the same
 * dimension and metric, and can compare them with what they asked for.
 */
const createVectorIndex = write({
  args: recordArgs,
  handler: async (ctx, table: "mastra_vector_indexes", { record }) => {
    const existing = await findRecord(ctx, table, record.id);
    if (existing !== null) return { ok: true, result: existing };
    const _id = await ctx.db.insert(table, record as never);
    return { ok: true, result: await ctx.db.get(table, _id) };
  },
});

export const vectorIndexes: Operations<"mastra_vector_indexes"> = {
  createVectorIndex,
};
