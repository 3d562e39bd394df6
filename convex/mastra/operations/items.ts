/**
 * Items of frameworks' stores: values by namespace and key.
 *
 * @module
 */
import { deleteRows, patchRow, writeRecords } from "../model/records";
import { mapInBatches } from "../model/batches";
import { isRecord, recordsField, InvalidRequest } from "../model/request";
import type { StorageRecord, StorageRequest } from "../model/request";
import { rowsWhere } from "../model/rows";
import type { ReadCtx, StoredRow } from "../model/server";
import { read, write, type Operations } from "./operation";

type Items = "mastra_items";

/** The address of an item. */
type Address = { namespace: string; key: string };

async function findItem(ctx: ReadCtx, table: Items, address: Address) {
  const { namespace, key } = address;
  const row = await rowsWhere(ctx, table, [
    { field: "namespace", value: namespace },
    { field: "key", value: key },
  ]).unique();
  return row === null || isExpired(row)
    ? { row, item: null }
    : { row, item: row };
}

/** The time by the deployment's clock, so that all clients agree. */
function isExpired(row: StoredRow): boolean {
  return row.expiresAt !== undefined && row.expiresAt <= Date.now();
}

/** The items at some addresses, null where there is none. */
const getItems = read({
  args: (request) => ({ addresses: addressesField(request, "items") }),
  handler: async (ctx, table: Items, { addresses }) => ({
    ok: true,
    result: await mapInBatches(
      addresses,
      async (address) => (await findItem(ctx, table, address)).item,
    ),
  }),
});

/** Like `getItems`. The time of items that expire after a read starts again. */
const readItems = write({
  args: (request) => ({ addresses: addressesField(request, "items") }),
  handler: async (ctx, table: Items, { addresses }) => {
    const result = [];
    for (const address of addresses) {
      const { item } = await findItem(ctx, table, address);
      const ttl = item?.ttl;
      result.push(
        ttl === undefined
          ? item
          : await patchRow(ctx, table, item!, { expiresAt: Date.now() + ttl }),
      );
    }
    return { ok: true, result };
  },
});

/**
 * Write items, in their order; one with neither value nor blob is deleted. Where an item says which revision it
 * `expected`, 0 for none, and another one stands there, nothing at all is
 * written. Returns each item's revision, and the blobs that nothing names any more.
 */
const putItems = write({
  args: (request) => ({ items: itemsField(request) }),
  handler: async (ctx, table: Items, { items }) => {
    const found = await mapInBatches(items, (item) =>
      findItem(ctx, table, item),
    );
    for (const [position, { expected, namespace, key }] of items.entries()) {
      const revision = found[position]!.item?.revision ?? 0;
      if (expected !== undefined && expected !== revision) {
        return {
          ok: false,
          code: "RevisionConflict",
          error: `Item "${key}" of "${namespace}" has revision ${revision}, not ${String(expected)}`,
          details: { namespace, key, revision, expected },
        };
      }
    }
    const result = [];
    const blobs = [];
    for (const { expected: _, ...item } of items) {
      const { row, item: stored } = await findItem(ctx, table, item);
      if (row?.blob !== undefined) blobs.push(row.blob);
      if (item.value === undefined && item.blob === undefined) {
        if (row !== null) await deleteRows(ctx, table, [row]);
        result.push(0);
        continue;
      }
      // An expired item is gone, so its time of creation doesn't count.
      if (row !== null && stored === null) await deleteRows(ctx, table, [row]);
      const revision = (stored?.revision ?? 0) + 1;
      const now = new Date().toISOString();
      await writeRecords(ctx, table, [
        {
          // Columns that a write leaves out are cleared.
          value: null,
          blob: null,
          ttl: null,
          ...item,
          id: JSON.stringify([item.namespace, item.key]),
          revision,
          createdAt: now,
          updatedAt: now,
          expiresAt:
            item.ttl === undefined ? null : Date.now() + (item.ttl as number),
        },
      ]);
      result.push(revision);
    }
    return { ok: true, result: { revisions: result, blobs } };
  },
});

function addressesField(request: StorageRequest, name: string): Address[] {
  const addresses = recordsField(request, name);
  if (!addresses.every(isAddress)) {
    throw new InvalidRequest(
      `${String(request.op)} ${name} must have a namespace and a key each`,
    );
  }
  return addresses;
}

function itemsField(request: StorageRequest): (Address & StorageRecord)[] {
  return addressesField(request, "items") as (Address & StorageRecord)[];
}

function isAddress(item: StorageRecord): item is Address {
  return (
    isRecord(item) &&
    typeof item.namespace === "string" &&
    typeof item.key === "string"
  );
}

export const items: Operations<Items> = { getItems, readItems, putItems };
