/**
 * Items of datasets. A change of items is a version of their dataset: the rows
 * before it stay, and end with it.
 *
 * @module
 */
import { parseMetadata } from "../model/metadata";
import { patchRow, writeRecords } from "../model/records";
import {
  cursorOf,
  idsField,
  optional,
  recordField,
  recordsField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import { rangeOf } from "../model/ranges";
import { pageOf, rowsWhere } from "../model/rows";
import { sameValue } from "../model/sameValue";
import type { ReadCtx, StoredRow, WriteCtx } from "../model/server";
import { datasetArgs, findDataset, nextVersion } from "./datasets";
import { write, type Operations } from "./operation";

type Items = "mastra_dataset_items";
const ITEMS: Items = "mastra_dataset_items";

/** The columns that callers fill. */
const PAYLOAD = [
  "input",
  "groundTruth",
  "expectedTrajectory",
  "toolMocks",
  "unmockedToolPolicy",
  "scorerIds",
  "requestContext",
  "metadata",
  "source",
];

/** The columns that an item keeps through all its versions. */
const KEPT = ["id", "datasetId", "externalId", "createdAt"];

/** Rows that one call purges, each of up to 1 MiB. */
const ROWS_PURGED_PER_CALL = 25;

const notFound = (noun: string, id: string) => ({
  ok: false as const,
  code: "NotFound",
  error: `${noun} not found: ${id}`,
  details: { id },
});

/** Reads the dataset, and the date of the schemas that items were checked by. */
function checkedArgs(request: StorageRequest) {
  return {
    ...datasetArgs(request, "datasetId"),
    schemasAsOf: optional(textField, request, "schemasAsOf"),
  };
}

/** A refusal to write to a dataset that isn't there, or has changed since items were checked. */
function refused(
  dataset: StoredRow | null,
  { datasetId, schemasAsOf }: ReturnType<typeof checkedArgs>,
) {
  if (dataset === null) return notFound("Dataset", datasetId);
  if (schemasAsOf === undefined || dataset.updatedAt === schemasAsOf) return;
  return {
    ok: false as const,
    code: "RevisionConflict",
    error: `the dataset ${datasetId} was updated while items were checked by its schemas; try again`,
    details: { id: datasetId },
  };
}

/** The latest row of an item, or null. */
async function latestRow(ctx: ReadCtx, id: string): Promise<StoredRow | null> {
  const ofItem = [{ field: "id", value: id }];
  const order = { field: "datasetVersion", order: "desc" as const };
  return await rowsWhere(ctx, ITEMS, ofItem, order).first();
}

/** The row of an item that isn't deleted, or null. */
async function currentRow(ctx: ReadCtx, id: string): Promise<StoredRow | null> {
  const row = await latestRow(ctx, id);
  return row === null || row.isDeleted ? null : row;
}

/** Write an item's row of a new version, which ends the one before. */
async function writeVersion(
  ctx: WriteCtx,
  before: StoredRow,
  dataset: StoredRow,
  { version, now }: { version: number; now: string },
  changes: StorageRecord,
): Promise<StoredRow> {
  const kept = [...KEPT, ...PAYLOAD].map((field) => [field, before[field]]);
  const row = {
    ...Object.fromEntries(kept),
    organizationId: dataset.organizationId,
    projectId: dataset.projectId,
    isDeleted: false,
    ...changes,
    datasetVersion: version,
    updatedAt: now,
  };
  await patchRow(ctx, ITEMS, before, { validTo: version });
  await writeRecords(ctx, ITEMS, [row]);
  return row as unknown as StoredRow;
}

/** Whether two items say the same; what is absent equals null. */
function samePayload(a: StorageRecord, b: StorageRecord): boolean {
  return PAYLOAD.every((name) => sameValue(a[name] ?? null, b[name] ?? null));
}

/**
 * Insert items, as one version; an item whose `externalId` was accepted before
 * is that one, if it says the same as then. Returns the items in their order.
 */
const insertItems = write({
  args: (request) => ({
    ...checkedArgs(request),
    items: recordsField(request, "items"),
  }),
  handler: async (ctx, table: Items, { items, ...asked }) => {
    const dataset = await findDataset(ctx, asked);
    const refusal = refused(dataset, asked);
    if (refusal !== undefined) return refusal;
    const { accepted, inserted, conflicts } = await planned(ctx, asked, items);
    if (conflicts.length > 0) {
      return {
        ok: false,
        code: "DatasetItemConflict",
        error: conflictText(conflicts),
        details: { conflicts },
      };
    }
    if (inserted.length === 0) return { ok: true, result: accepted };
    const { version, now } = await nextVersion(ctx, dataset!);
    const rows = new Map<string, StorageRecord>();
    for (const item of inserted) {
      rows.set(item.id as string, {
        ...item,
        datasetId: asked.datasetId,
        datasetVersion: version,
        organizationId: dataset!.organizationId,
        projectId: dataset!.projectId,
        isDeleted: false,
        createdAt: now,
        updatedAt: now,
      });
    }
    await writeRecords(ctx, table, [...rows.values()]);
    const result = accepted.map((item) => rows.get(item.id as string) ?? item);
    return { ok: true, result };
  },
});

type Conflict = {
  index: number;
  external_id: string;
  existing_item_id: string;
  reason: "deleted" | "payload_mismatch";
};

/** The effect of an insertion: the row or the new item for each, those that are new, and conflicts. */
async function planned(
  ctx: ReadCtx,
  { datasetId }: { datasetId: string },
  items: StorageRecord[],
) {
  const accepted: StorageRecord[] = [];
  const inserted: StorageRecord[] = [];
  const conflicts: Conflict[] = [];
  const byName = new Map<string, { first: StorageRecord; current: unknown }>();
  for (const [index, item] of items.entries()) {
    const name = item.externalId as string | null | undefined;
    if (name == null) {
      accepted.push(item);
      inserted.push(item);
      continue;
    }
    const known = byName.get(name) ?? (await findNamed(ctx, datasetId, name));
    if (known === null) {
      byName.set(name, { first: item, current: item });
      accepted.push(item);
      inserted.push(item);
      continue;
    }
    byName.set(name, known);
    const { first, current } = known;
    accepted.push((current ?? first) as StorageRecord);
    if (current !== null && samePayload(item, first)) continue;
    conflicts.push({
      index,
      external_id: name,
      existing_item_id: first.id as string,
      reason: current === null ? "deleted" : "payload_mismatch",
    });
  }
  return { accepted, inserted, conflicts };
}

/** The first row of the item with a name of the caller's, and its current one. */
async function findNamed(ctx: ReadCtx, datasetId: string, name: string) {
  const named = [
    { field: "datasetId", value: datasetId },
    { field: "externalId", value: name },
  ];
  const order = { field: "datasetVersion", order: "asc" as const };
  const first = await rowsWhere(ctx, ITEMS, named, order).first();
  return first && { first, current: await currentRow(ctx, first.id) };
}

function conflictText(conflicts: Conflict[]): string {
  const [{ index, external_id, reason }] = conflicts as [Conflict];
  const problem =
    reason === "deleted"
      ? "names an item that was deleted"
      : "names an item that was accepted with other values";
  const others =
    conflicts.length === 1 ? "" : `; ${conflicts.length - 1} more conflict`;
  return `items[${index}]: externalId ${JSON.stringify(external_id)} ${problem}${others}`;
}

/** Update the given columns of an item, as a version; returns the item. */
const updateItem = write({
  args: (request) => ({
    ...checkedArgs(request),
    id: textField(request, "id"),
    record: recordField(request, "record"),
  }),
  handler: async (ctx, _table: Items, { id, record, ...asked }) => {
    const dataset = await findDataset(ctx, asked);
    const refusal = refused(dataset, asked);
    if (refusal !== undefined) return refusal;
    const row = await currentRow(ctx, id);
    if (row === null) return notFound("Item", id);
    if (row.datasetId !== asked.datasetId) return elsewhere(row, asked);
    if (isPurged(row)) {
      return {
        ok: false,
        code: "DatasetItemPurged",
        error: `Purged dataset item cannot be updated: ${id}`,
        details: { id },
      };
    }
    const next = await nextVersion(ctx, dataset!);
    const result = await writeVersion(ctx, row, dataset!, next, record);
    return { ok: true, result };
  },
});

const elsewhere = (row: StoredRow, { datasetId }: { datasetId: string }) => ({
  ok: false as const,
  code: "NotFound",
  error: `Item ${row.id} does not belong to dataset ${datasetId}`,
  details: { id: row.id },
});

function isPurged(row: StoredRow): boolean {
  return parseMetadata(row.metadata).__purged === true;
}

/** Delete an item, as a version, if the dataset has it. */
const deleteItem = write({
  args: (request) => ({
    ...datasetArgs(request, "datasetId"),
    id: textField(request, "id"),
  }),
  handler: async (ctx, _table: Items, { id, ...asked }) => {
    const dataset = await findDataset(ctx, asked);
    const row = dataset && (await currentRow(ctx, id));
    if (row === null) return { ok: true };
    if (row.datasetId !== asked.datasetId) return elsewhere(row, asked);
    const next = await nextVersion(ctx, dataset!);
    await writeVersion(ctx, row, dataset!, next, { isDeleted: true });
    return { ok: true };
  },
});

/** Delete the items that the dataset has among `ids`, as one version. */
const deleteItems = write({
  args: (request) => ({
    ...datasetArgs(request, "datasetId"),
    ids: idsField(request, "ids"),
  }),
  handler: async (ctx, _table: Items, { ids, ...asked }) => {
    const dataset = await findDataset(ctx, asked);
    if (dataset === null) return notFound("Dataset", asked.datasetId);
    const next = await nextVersion(ctx, dataset);
    for (const id of ids) {
      const row = await currentRow(ctx, id);
      if (row?.datasetId !== asked.datasetId) continue;
      await writeVersion(ctx, row!, dataset, next, { isDeleted: true });
    }
    return { ok: true };
  },
});

/**
 * Erase what callers said in all versions of an item, some rows a call; the rows
 * stay. The client repeats with the cursor while `hasMore`.
 */
const purgeItem = write({
  args: (request) => ({
    ...datasetArgs(request, "datasetId"),
    id: textField(request, "id"),
    purgedAt: textField(request, "purgedAt"),
    cursor: cursorOf(request),
  }),
  handler: async (ctx, table: Items, { id, purgedAt, cursor, ...asked }) => {
    if (Object.keys(asked.tenant).length > 0) {
      const dataset = await findDataset(ctx, asked);
      if (dataset === null) return { ok: true, hasMore: false };
    }
    // The latest row first: from then on the item can't be updated.
    const order = { field: "datasetVersion", order: "desc" as const };
    const rows = rangeOf(table, [{ field: "id", value: id }], order);
    const page = await pageOf(ctx, rows, cursor, ROWS_PURGED_PER_CALL);
    const erased = Object.fromEntries(PAYLOAD.map((field) => [field, null]));
    // Convex refuses keys that begin with an underscore.
    const metadata = JSON.stringify({ __purged: true, purgedAt });
    for (const row of page.result) {
      if (row.datasetId !== asked.datasetId) continue;
      await patchRow(ctx, table, row, { ...erased, metadata });
    }
    return { ...page, result: null };
  },
});

/** The metadata of an item of a dataset that was purged; null for any other. */
export async function purgeMark(
  ctx: ReadCtx,
  datasetId: string | null | undefined,
  id: string,
): Promise<string | null> {
  const row = datasetId == null ? null : await latestRow(ctx, id);
  const isOfDataset = row !== null && row.datasetId === datasetId;
  return isOfDataset && isPurged(row) ? row.metadata : null;
}

export const datasetItems: Operations<Items> = {
  insertItems,
  updateItem,
  deleteItem,
  deleteItems,
  purgeItem,
};
