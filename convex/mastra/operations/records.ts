/**
 * Operations of every table of records, whose rows are named by `id`.
 *
 * @module
 */
import {
  deleteRows,
  findRecord,
  findRecords,
  isAsExpected,
  isNamedIn,
  patchRow,
  recordTables,
  writeRecords,
} from "../model/records";
import {
  idsField,
  InvalidRequest,
  optional,
  recordField,
  recordsField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import { firstOf, rowsWhere } from "../model/rows";
import type { AnyRows, RecordTable } from "../model/server";
import { count, tidy } from "./count";
import { read, write, type Operations } from "./operation";
import { queryPage } from "./pages";
import { queryArgs, queryRows } from "./tableQuery";

/** Mastra's bound on `loadMany`, which keeps replies small. */
const MAX_IDS_LOADED = 10;

/** Whether a record has the columns that name it, in some table. */
function isNamed(record: StorageRecord): boolean {
  return recordTables.some((table) => isNamedIn(table, record));
}

/** A record to write, which must say its `id`. */
export function recordArgs(request: StorageRequest): { record: StorageRecord } {
  const record = recordField(request, "record");
  if (!isNamed(record)) throw new InvalidRequest("Record is missing an id");
  return { record };
}

/** Insert the record, or update the one with its id: fields not given stay. */
const insert = write({
  args: recordArgs,
  handler: async (ctx, table: RecordTable, { record }) => {
    await writeRecords(ctx, table, [record]);
    return { ok: true };
  },
});

/** Insert or update many, in their order. */
const batchInsert = write({
  args: (request) => ({
    // Mastra skips records without an id.
    records: recordsField(request, "records").filter(isNamed),
  }),
  handler: async (ctx, table: RecordTable, { records }) => {
    await writeRecords(ctx, table, records);
    return { ok: true };
  },
});

/** Insert the record unless its id is taken. */
export function insertOnly<T extends RecordTable>(noun: string) {
  return write({
    args: (request) => {
      const record = recordField(request, "record");
      if (!record.id) throw new InvalidRequest(`${noun} is missing an id`);
      return { record };
    },
    handler: async (ctx, table: T, { record }) => {
      if ((await findRecord(ctx, table, record.id)) !== null) {
        return {
          ok: false,
          code: "AlreadyExists",
          error: `${noun} with id "${record.id}" already exists`,
        };
      }
      await writeRecords(ctx, table, [record]);
      return { ok: true };
    },
  });
}

/** Reads what `patch` changes, and the values it `expected` to find. */
export function patchArgs(request: StorageRequest) {
  const record = { ...recordField(request, "record") };
  delete record.id;
  return {
    id: textField(request, "id"),
    record,
    expected: optional(recordField, request, "expected") ?? {},
  };
}

/** Update one record's given fields; true if it exists and is as expected. */
const patch = write({
  args: patchArgs,
  handler: async (ctx, table: RecordTable, { id, record, expected }) => {
    const row = await findRecord(ctx, table, id);
    if (row === null || !isAsExpected(row, expected)) {
      return { ok: true, result: false };
    }
    await patchRow(ctx, table, row, record);
    return { ok: true, result: true };
  },
});

/** The first record whose fields equal all of `keys`, or null. */
const load = read({
  args: (request) => {
    const keys = Object.entries(recordField(request, "keys"));
    if (keys.length === 0) {
      throw new InvalidRequest("load keys must name a field");
    }
    return { conditions: keys.map(([field, value]) => ({ field, value })) };
  },
  handler: async (ctx, table: RecordTable, { conditions }) => ({
    ok: true,
    result: await rowsWhere(ctx, table, conditions).first(),
  }),
});

/** Reads the ids of `loadMany`. */
export function idsToLoad(request: StorageRequest): { ids: string[] } {
  const ids = idsField(request, "ids");
  if (ids.length > MAX_IDS_LOADED) {
    throw new InvalidRequest(
      `loadMany supports at most ${MAX_IDS_LOADED} ids per request`,
    );
  }
  return { ids };
}

/** The records that exist among a few ids, in the order of the ids. */
const loadMany = read({
  args: idsToLoad,
  handler: async (ctx, table: RecordTable, { ids }) => ({
    ok: true,
    result: await findRecords(ctx, table, ids),
  }),
});

/** Rows by equality of fields, in the order of the index that serves them. */
const queryTable = read({
  args: queryArgs,
  handler: async (ctx, table: RecordTable, args) =>
    await queryRows(ctx, table, args),
});

/** Delete the records that exist among `ids`. */
const deleteMany = write({
  args: (request) => ({ ids: idsField(request, "ids") }),
  handler: async (ctx, table: RecordTable, { ids }) => {
    await deleteRows(ctx, table, await findRecords(ctx, table, ids));
    return { ok: true };
  },
});

/** Delete some of the rows; the client repeats while `hasMore`. */
const clearTable = write({
  args: () => ({}),
  handler: async (ctx, table: RecordTable) => {
    const { some, hasMore } = await firstOf(ctx.db.query(table) as AnyRows);
    await deleteRows(ctx, table, some);
    return { ok: true, hasMore };
  },
});

export const records: Operations<RecordTable> = {
  insert,
  batchInsert,
  patch,
  load,
  loadMany,
  queryTable,
  queryPage,
  count,
  tidy,
  deleteMany,
  clearTable,
  // The schema drops tables; a client can only delete their rows.
  dropTable: clearTable,
};
