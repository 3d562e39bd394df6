/**
 * Notifications of agents' threads.
 *
 * @module
 */
import { findInBatches } from "../model/batches";
import { mergeMetadata } from "../model/metadata";
import {
  deleteRows,
  isAsExpected,
  patchRow,
  writeRecords,
} from "../model/records";
import {
  idsField,
  InvalidRequest,
  recordField,
  textField,
  type StorageRecord,
} from "../model/request";
import { rowsWhere } from "../model/rows";
import type { ReadCtx, StoredRow } from "../model/server";
import { write, type Operations } from "./operation";

type Notifications = "mastra_notifications";

/** The columns that a further notification of the same matter replaces. */
const REPLACED = [
  "summary",
  "payload",
  "priority",
  "deliverAt",
  "summaryAt",
  "deliveryReason",
];
const MERGED = ["attributes", "metadata"];

/** The columns that notifications of one matter share, in a thread. */
const MATTER = ["source", "kind", "agentId", "resourceId"];

/**
 * Insert a notification, or update the pending one of the same matter that has
 * its `dedupeKey` or its `coalesceKey`. Columns that aren't given stay.
 */
const createNotification = write({
  args: (request) => {
    const record = recordField(request, "record");
    if (!record.id || !record.threadId) {
      throw new InvalidRequest("Notification is missing an id or a thread");
    }
    return { record };
  },
  handler: async (ctx, table: Notifications, { record }) => {
    const pending = await findPending(ctx, table, record);
    if (pending !== null) {
      const fields = coalesced(pending, record);
      return { ok: true, result: await patchRow(ctx, table, pending, fields) };
    }
    const { threadId, id } = record;
    const same = await findNotification(ctx, table, threadId, id);
    if (same !== null) await deleteRows(ctx, table, [same]);
    await writeRecords(ctx, table, [record]);
    const result = await findNotification(ctx, table, threadId, id);
    return { ok: true, result };
  },
});

async function findNotification(
  ctx: ReadCtx,
  table: Notifications,
  threadId: unknown,
  id: unknown,
) {
  return await rowsWhere(ctx, table, [
    { field: "threadId", value: threadId },
    { field: "id", value: id },
  ]).unique();
}

/** The oldest pending notification that a record coalesces with, or null. */
async function findPending(
  ctx: ReadCtx,
  table: Notifications,
  record: StorageRecord,
): Promise<StoredRow | null> {
  const matter = Object.fromEntries(
    MATTER.map((field) => [field, record[field]]),
  );
  const found = await findInBatches(
    ["dedupeKey", "coalesceKey"].filter((field) => record[field]),
    async (field) => {
      const pending = rowsWhere(ctx, table, [
        { field: "threadId", value: record.threadId },
        { field, value: record[field] },
        { field: "status", value: "pending" },
      ]);
      for await (const row of pending) {
        if (isAsExpected(row, matter)) return row;
      }
      return null;
    },
  );
  found.sort((a, b) => a._creationTime - b._creationTime);
  return found[0] ?? null;
}

/** The columns that a further notification changes. */
function coalesced(stored: StoredRow, record: StorageRecord): StorageRecord {
  const given = (fields: string[]) =>
    fields.filter((field) => record[field] != null);
  const replaced = given(REPLACED).map((field) => [field, record[field]]);
  const merged = given(MERGED).map((field) => [
    field,
    mergeMetadata(stored[field], record[field] as StorageRecord),
  ]);
  return {
    ...Object.fromEntries([...replaced, ...merged]),
    coalescedCount: stored.coalescedCount + 1,
    updatedAt: new Date().toISOString(),
  };
}

/**
 * Update the given columns of a thread's notifications that exist among `ids`;
 * returns these in the order of the ids.
 */
const updateNotifications = write({
  args: (request) => ({
    threadId: textField(request, "threadId"),
    ids: idsField(request, "ids"),
    record: recordField(request, "record"),
  }),
  handler: async (ctx, table: Notifications, { threadId, ids, record }) => {
    const found = await findInBatches(ids, (id) =>
      findNotification(ctx, table, threadId, id),
    );
    const result = [];
    for (const row of found) {
      result.push(await patchRow(ctx, table, row, record));
    }
    return { ok: true, result };
  },
});

export const notifications: Operations<Notifications> = {
  createNotification,
  updateNotifications,
};
