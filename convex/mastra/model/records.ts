/**
 * What every table of records does alike: rows named by `id`.
 *
 * @module
 */
import { findInBatches, mapInBatches } from "./batches";
import { changedFields, newRow } from "./columns";
import { countChanges, count, type Change } from "./counts";
import { operation, type Operations } from "./operation";
import { queryPage } from "./pages";
import {
  idsField,
  InvalidRequest,
  optional,
  recordField,
  recordsField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "./request";
import { firstOf, rowsWhere } from "./rows";
import type {
  AnyReadCtx,
  AnyRows,
  AnyWriteCtx,
  RecordTable,
  StoredRow,
} from "./server";
import { queryArgs, queryRows } from "./tableQuery";

/** Mastra's bound on `loadMany`, which keeps replies small. */
const MAX_IDS_LOADED = 10;

/** A record to write, which must say its `id`. */
export function recordArgs(request: StorageRequest): { record: StorageRecord } {
  const record = recordField(request, "record");
  if (!isNamed(record)) throw new InvalidRequest("Record is missing an id");
  return { record };
}

/**
 * Columns that name a row together, where its `id` is made of both, and that
 * of another row too where the names contain hyphens.
 */
const compositeNames: { [T in RecordTable]?: string[] } = {
  mastra_workflow_snapshots: ["workflow_name", "run_id"],
  mastra_ai_spans: ["traceId", "spanId"],
};

/** Whether a record says its name, in some table. */
function isNamed(record: StorageRecord): boolean {
  const tables = Object.keys(compositeNames) as RecordTable[];
  return tables.some((table) => isNamedIn(table, record));
}

/** Whether a record says its name. */
export function isNamedIn(table: RecordTable, record: StorageRecord): boolean {
  return nameOf(table, record).every(({ value }) => value);
}

/** The conditions that name one row. */
export function nameOf(table: RecordTable, record: StorageRecord) {
  const composite = compositeNames[table];
  const fields = composite?.every((field) => record[field])
    ? composite
    : ["id"];
  return fields.map((field) => ({ field, value: record[field] }));
}

export async function findRecord(
  ctx: AnyReadCtx,
  table: RecordTable,
  id: unknown,
) {
  return await rowsWhere(ctx, table, [{ field: "id", value: id }]).unique();
}

/**
 * Insert the records, or update those that exist: fields not given stay. Of
 * records with one name the fields are merged, later ones winning.
 */
export async function writeRecords(
  ctx: AnyWriteCtx,
  table: RecordTable,
  records: StorageRecord[],
): Promise<Change[]> {
  const byName = new Map<string, StorageRecord>();
  for (const record of records) {
    const name = JSON.stringify(nameOf(table, record));
    byName.set(name, { ...byName.get(name), ...record });
  }
  const merged = [...byName.values()];
  const existing = await mapInBatches(merged, (record) =>
    rowsWhere(ctx, table, nameOf(table, record)).unique(),
  );
  const changes: Change[] = [];
  for (const [position, record] of merged.entries()) {
    const before = existing[position] ?? null;
    if (before === null) {
      const after = newRow(table, record);
      await ctx.db.insert(table, after);
      changes.push({ before, after: after as StoredRow });
    } else {
      changes.push(await updateRow(ctx, table, before, record));
    }
  }
  await countChanges(ctx, table, changes);
  return changes;
}

async function updateRow(
  { db }: AnyWriteCtx,
  table: RecordTable,
  before: StoredRow,
  record: StorageRecord,
): Promise<Change> {
  const fields = changedFields(table, record);
  await db.patch(table, before._id, fields);
  return { before, after: { ...before, ...fields } };
}

/** Update a row that is stored; returns it as it then is. */
export async function patchRow(
  ctx: AnyWriteCtx,
  table: RecordTable,
  row: StoredRow,
  fields: StorageRecord,
): Promise<StoredRow> {
  const change = await updateRow(ctx, table, row, fields);
  await countChanges(ctx, table, [change]);
  return change.after!;
}

export async function deleteRows(
  ctx: AnyWriteCtx,
  table: RecordTable,
  rows: StoredRow[],
): Promise<void> {
  for (const row of rows) await ctx.db.delete(table, row._id);
  const changes = rows.map((before) => ({ before, after: null }));
  await countChanges(ctx, table, changes);
}

/** Insert the record, or update the one with its id: fields not given stay. */
const insert = operation({
  args: recordArgs,
  handler: async (ctx, table: RecordTable, { record }) => {
    await writeRecords(ctx, table, [record]);
    return { ok: true };
  },
});

/** Insert or update many, in their order. */
const batchInsert = operation({
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
  return operation({
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
const patch = operation({
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

/** Whether the row has these values; a field it lacks counts as null. */
export function isAsExpected(
  row: StorageRecord,
  expected: StorageRecord,
): boolean {
  return Object.entries(expected).every(
    ([field, value]) => (row[field] ?? null) === (value ?? null),
  );
}

/** The first record whose fields equal all of `keys`, or null. */
const load = operation({
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

async function findRecords(ctx: AnyReadCtx, table: RecordTable, ids: string[]) {
  return await findInBatches(ids, (id) => findRecord(ctx, table, id));
}

/** The records that exist among a few ids, in the order of the ids. */
const loadMany = operation({
  args: idsToLoad,
  handler: async (ctx, table: RecordTable, { ids }) => ({
    ok: true,
    result: await findRecords(ctx, table, ids),
  }),
});

/** Rows by equality of fields, in the order of the index that serves them. */
const queryTable = operation({
  args: queryArgs,
  handler: async (ctx, table: RecordTable, args) =>
    await queryRows(ctx, table, args),
});

/** Delete the records that exist among `ids`. */
const deleteMany = operation({
  args: (request) => ({ ids: idsField(request, "ids") }),
  handler: async (ctx, table: RecordTable, { ids }) => {
    await deleteRows(ctx, table, await findRecords(ctx, table, ids));
    return { ok: true };
  },
});

/** Delete some of the rows; the client repeats while `hasMore`. */
const clearTable = operation({
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
  deleteMany,
  clearTable,
  // The schema drops tables; what a client can drop is their rows.
  dropTable: clearTable,
};
