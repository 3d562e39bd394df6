/**
 * What every table of records does alike: rows named by `id`.
 *
 * @module
 */
import { findInBatches } from "./batches";
import { operation } from "./operation";
import {
  idsField,
  InvalidRequest,
  recordField,
  type StorageRecord,
  type StorageRequest,
} from "./request";
import { queryArgs, queryRows, rowsWhere } from "./rows";
import type { AnyReadCtx, AnyWriteCtx, RecordTable } from "./server";

/** A record to write, which must say its `id`. */
export function recordArgs(request: StorageRequest): { record: StorageRecord } {
  const record = recordField(request, "record");
  if (!record.id) throw new InvalidRequest("Record is missing an id");
  return { record };
}

export async function findRecord(
  ctx: AnyReadCtx,
  table: RecordTable,
  id: unknown,
) {
  return await rowsWhere(ctx, table, [{ field: "id", value: id }]).unique();
}

/** Insert the record, or update the one with its id: fields not given stay. */
export const insert = operation({
  args: recordArgs,
  handler: async ({ db }: AnyWriteCtx, table: RecordTable, { record }) => {
    const existing = await findRecord({ db }, table, record.id);
    if (existing === null) await db.insert(table, record);
    else await db.patch(table, existing._id, record);
    return { ok: true };
  },
});

/** The first record whose fields equal all of `keys`, or null. */
export const load = operation({
  args: (request) => {
    const keys = Object.entries(recordField(request, "keys"));
    if (keys.length === 0) {
      throw new InvalidRequest("load keys must name a field");
    }
    return { conditions: keys.map(([field, value]) => ({ field, value })) };
  },
  handler: async ({ db }, table: RecordTable, { conditions }) => {
    const result = await rowsWhere({ db }, table, conditions).first();
    return { ok: true, result };
  },
});

/** Rows by equality of fields, in the order of the index that serves them. */
export const queryTable = operation({
  args: queryArgs,
  handler: async ({ db }, table: RecordTable, args) =>
    await queryRows({ db }, table, args),
});

/** Delete the records that exist among `ids`. */
export const deleteMany = operation({
  args: (request) => ({ ids: idsField(request, "ids") }),
  handler: async ({ db }, table: RecordTable, { ids }) => {
    const found = await findInBatches(ids, (id) =>
      findRecord({ db }, table, id),
    );
    for (const record of found) await db.delete(table, record._id);
    return { ok: true };
  },
});
