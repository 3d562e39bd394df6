/**
 * Operations of the table of vector indexes alone.
 *
 * @module
 */
import { write, type Operations } from "./operation";
import { deleteRows, findRecord } from "../model/records";
import { textField } from "../model/request";
import { forgetChanges } from "../model/vectorChanges";
import { recordArgs } from "./records";
import { removeSome } from "./vectors";

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

/**
 * Delete an index: some of its rows, then some of what is remembered of their
 * changes, and in the transaction that finds no more the index itself. The client repeats while `hasMore`. A row is
 * written before that transaction and deleted, or after it and refused.
 */
const deleteVectorIndex = write({
  args: (request) => ({ id: textField(request, "id") }),
  handler: async (ctx, table: "mastra_vector_indexes", { id }) => {
    const hasMore =
      (await removeSome(ctx, id)) || (await forgetChanges(ctx, id));
    if (hasMore) return { ok: true, hasMore };
    const index = await findRecord(ctx, table, id);
    if (index !== null) await deleteRows(ctx, table, [index]);
    return { ok: true, hasMore: false };
  },
});

export const vectorIndexes: Operations<"mastra_vector_indexes"> = {
  createVectorIndex,
  deleteVectorIndex,
};
