/**
 * Generations of observational memory: the rows of one key, each made by
 * condensing the one before.
 *
 * @module
 */
import type { StorageReply } from "../validators";
import { write, type Operation } from "./operation";
import { findRecord, patchRow } from "../model/records";
import {
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import type { StoredRow, ReadCtx, WriteCtx } from "../model/server";

export type Memory = "mastra_observational_memory";
export const MEMORY: Memory = "mastra_observational_memory";

/** The rows of a key, the latest first. */
export function generationsOf({ db }: ReadCtx, lookupKey: string) {
  return db
    .query(MEMORY)
    .withIndex("by_lookup_key", (q) => q.eq("lookupKey", lookupKey))
    .order("desc");
}

/** An operation on the row `id`. */
export function onRow<Args>({
  id = (request) => textField(request, "id"),
  args,
  handler,
}: {
  id?: (request: StorageRequest) => string;
  args: (request: StorageRequest) => Args;
  handler: (
    row: StoredRow,
    args: Args,
    update: (fields: StorageRecord) => Promise<StoredRow>,
    ctx: WriteCtx,
  ) => Promise<StorageReply>;
}): Operation<Memory> {
  return write({
    args: (request) => ({ id: id(request), args: args(request) }),
    handler: async (ctx, table: Memory, { id, args }) => {
      const row = await findRecord(ctx, table, id);
      if (row === null) {
        return {
          ok: false,
          code: "NotFound",
          error: `Observational memory record not found: ${id}`,
        };
      }
      const update = (fields: StorageRecord) =>
        patchRow(ctx, table, row, fields);
      return await handler(row, args, update, ctx);
    },
  });
}
