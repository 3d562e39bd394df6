/**
 * Tables that the schema lacks. Their records are stored whole in `mastra_documents`.
 *
 * @module
 */
import { findInBatches, mapInBatches } from "../model/batches";
import { conditionsOf, satisfies, type Condition } from "../model/conditions";
import { read, write, type Operations } from "./operation";
import { idsToLoad } from "./records";
import {
  cursorOf,
  idsField,
  InvalidRequest,
  recordField,
  recordsField,
  textField,
  type StorageRecord,
} from "../model/request";
import { rangeOf, type Range } from "../model/ranges";
import {
  clearSome,
  MAX_ROWS_READ,
  pageOf,
  ROWS_COUNTED_PER_CALL,
  rowsOf,
} from "../model/rows";
import type { ReadCtx, WriteCtx } from "../model/server";
import { queryArgs } from "./tableQuery";

/** The documents of a table, in stored order. */
export function documentsIn(table: string): Range {
  return rangeOf("mastra_documents", [{ field: "table", value: table }]);
}

export async function findDocument({ db }: ReadCtx, table: string, id: string) {
  return await db
    .query("mastra_documents")
    .withIndex("by_table_primary", (q) =>
      q.eq("table", table).eq("primaryKey", id),
    )
    .unique();
}

/** Insert the records, or replace those with their ids. */
export async function writeDocuments(
  ctx: WriteCtx,
  table: string,
  records: StorageRecord[],
) {
  const byId = new Map(records.map((record) => [String(record.id), record]));
  const ids = [...byId.keys()];
  const existing = await mapInBatches(ids, (id) =>
    findDocument(ctx, table, id),
  );
  for (const [position, primaryKey] of ids.entries()) {
    const stored = existing[position];
    const record = byId.get(primaryKey);
    if (stored) {
      await ctx.db.patch("mastra_documents", stored._id, { record });
    } else {
      await ctx.db.insert("mastra_documents", { table, primaryKey, record });
    }
  }
}

const insert = write({
  args: (request) => {
    const record = recordField(request, "record");
    if (!record.id) {
      throw new InvalidRequest(
        `Record for table ${request.tableName} is missing an id`,
      );
    }
    return { record };
  },
  handler: async (ctx, table: string, { record }) => {
    await writeDocuments(ctx, table, [record]);
    return { ok: true };
  },
});

const batchInsert = write({
  args: (request) => ({
    // Mastra skips records without an id.
    records: recordsField(request, "records").filter(({ id }) => id),
  }),
  handler: async (ctx, table: string, { records }) => {
    await writeDocuments(ctx, table, records);
    return { ok: true };
  },
});

/** Update one record's given fields; true if it exists. */
const patch = write({
  args: (request) => {
    const fields = { ...recordField(request, "record") };
    delete fields.id;
    return { id: textField(request, "id"), fields };
  },
  handler: async (ctx, table: string, { id, fields }) => {
    const stored = await findDocument(ctx, table, id);
    if (stored === null) return { ok: true, result: false };
    const record = { ...stored.record, ...fields };
    await ctx.db.patch("mastra_documents", stored._id, { record });
    return { ok: true, result: true };
  },
});

/** One record by `keys.id`, or the first whose fields equal all of `keys`, or null. */
const load = read({
  args: (request) => {
    const keys = Object.entries(recordField(request, "keys"));
    return {
      conditions: keys.map(([field, value]) => ({
        field,
        value: value ?? null,
      })),
    };
  },
  handler: async (ctx, table: string, { conditions }) => {
    const [found] = await firstWhere(ctx, table, conditions, 1);
    return { ok: true, result: found ?? null };
  },
});

const loadMany = read({
  args: idsToLoad,
  handler: async (ctx, table: string, { ids }) => {
    const found = await findInBatches(ids, (id) =>
      findDocument(ctx, table, id),
    );
    return { ok: true, result: found.map(({ record }) => record) };
  },
});

/** Up to `limit` records that satisfy the conditions: by id, or by reading the table. */
async function firstWhere(
  ctx: ReadCtx,
  table: string,
  conditions: Condition[],
  limit: number,
): Promise<StorageRecord[]> {
  const id = conditions.find(({ field }) => field === "id");
  if (id !== undefined) {
    const document = await findDocument(ctx, table, String(id.value));
    return document && meets(document.record, conditions)
      ? [document.record]
      : [];
  }
  const found: StorageRecord[] = [];
  for await (const { record } of rowsOf(ctx, documentsIn(table))) {
    if (found.length === limit) break;
    if (meets(record, conditions)) found.push(record);
  }
  return found;
}

/** Whether a record satisfies conditions, of which one on `id` compares text: 7 and "7" name one record. */
function meets(record: StorageRecord, conditions: Condition[]): boolean {
  const texts = conditions.map((condition) =>
    condition.field === "id" && condition.value != null
      ? { ...condition, value: String(condition.value) }
      : condition,
  );
  return satisfies({ ...record, id: String(record.id) }, texts);
}

/**
 * Records by equality of fields, in stored order. Records have no indexes but
 * their id: a page holds those of the rows it read that satisfy the filters.
 */
const queryTable = read({
  args: queryArgs,
  handler: async (
    ctx,
    table: string,
    { conditions, pageSize, cursor, limit },
  ) => {
    if (pageSize !== undefined) {
      const page = await pageOf(ctx, documentsIn(table), cursor, pageSize);
      const records = page.result.map(({ record }) => record);
      return {
        ...page,
        result: records.filter((record) => meets(record, conditions)),
      };
    }
    const wanted = Math.min(limit || MAX_ROWS_READ, MAX_ROWS_READ);
    const found = await firstWhere(ctx, table, conditions, wanted + 1);
    return {
      ok: true,
      result: found.slice(0, wanted),
      hasMore: found.length > wanted,
    };
  },
});

/** As `count` of a table of records: add up while `hasMore`. */
const count = read({
  args: (request) => ({
    conditions: conditionsOf(request, "filters"),
    cursor: cursorOf(request),
  }),
  handler: async (ctx, table: string, { conditions, cursor }) => {
    const rows = documentsIn(table);
    const page = await pageOf(ctx, rows, cursor, ROWS_COUNTED_PER_CALL);
    const counted = page.result.filter(({ record }) =>
      meets(record, conditions),
    );
    return { ...page, result: counted.length };
  },
});

const deleteMany = write({
  args: (request) => ({ ids: idsField(request, "ids") }),
  handler: async (ctx, table: string, { ids }) => {
    await deleteDocuments(ctx, table, ids);
    return { ok: true };
  },
});

/** Delete those of a table's documents that have these ids. */
export async function deleteDocuments(
  ctx: WriteCtx,
  table: string,
  ids: string[],
): Promise<void> {
  const found = await findInBatches(ids, (id) => findDocument(ctx, table, id));
  for (const { _id } of found) await ctx.db.delete("mastra_documents", _id);
}

const clearTable = write({
  args: () => ({}),
  handler: async (ctx, table: string) => {
    const rows = rowsOf(ctx, documentsIn(table));
    const hasMore = await clearSome(ctx, "mastra_documents", rows);
    return { ok: true, hasMore };
  },
});

export const documents: Operations<string> = {
  insert,
  batchInsert,
  patch,
  load,
  loadMany,
  queryTable,
  count,
  deleteMany,
  clearTable,
  dropTable: clearTable,
};
