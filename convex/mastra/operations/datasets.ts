/**
 * Datasets and their versions.
 *
 * @module
 */
import { forgetLists } from "../model/counts/counts";
import {
  deleteRows,
  findRecord,
  isAsExpected,
  patchRow,
  writeRecords,
} from "../model/records";
import {
  optional,
  recordField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import { firstOf, rowsWhere } from "../model/rows";
import type {
  ReadCtx,
  RecordTable,
  StoredRow,
  WriteCtx,
} from "../model/server";
import { write, type Operations } from "./operation";
import { insertOnly } from "./records";

type Datasets = "mastra_datasets";
const DATASETS: Datasets = "mastra_datasets";

/** The tables with the rows of a dataset, and the column whose rows are counted. */
const PARTS = [
  ["mastra_dataset_items", "currentIn"],
  ["mastra_dataset_versions", "datasetId"],
] as const;

/** Reads a dataset's id, and the organization and the project it must be of. */
export function datasetArgs(request: StorageRequest, name: string) {
  return {
    datasetId: textField(request, name),
    tenant: optional(recordField, request, "tenant") ?? {},
  };
}

/** A dataset, if it is of the tenant; else null, as if it didn't exist. */
export async function findDataset(
  ctx: ReadCtx,
  { datasetId, tenant }: ReturnType<typeof datasetArgs>,
): Promise<StoredRow | null> {
  const dataset = await findRecord(ctx, DATASETS, datasetId);
  return dataset !== null && isAsExpected(dataset, tenant) ? dataset : null;
}

/** Begin a version of a dataset. */
export async function nextVersion(
  ctx: WriteCtx,
  dataset: StoredRow,
): Promise<{ version: number; now: string }> {
  const version = dataset.version + 1;
  const now = new Date().toISOString();
  await patchRow(ctx, DATASETS, dataset, { version });
  const id = `${dataset.id}-${version}`;
  const record = { id, datasetId: dataset.id, version, createdAt: now };
  await writeRecords(ctx, "mastra_dataset_versions", [record]);
  return { version, now };
}

/**
 * Delete a dataset with its items and versions, some rows a call, itself last.
 * Experiments on it stay, without a dataset. The client repeats while `hasMore`.
 */
const deleteDataset = write({
  args: (request) => datasetArgs(request, "id"),
  handler: async (ctx, table: Datasets, asked) => {
    const dataset = await findDataset(ctx, asked);
    if (dataset === null) return { ok: true, hasMore: false };
    for (const [part, counted] of PARTS) {
      const { some, hasMore } = await firstOf(ofDataset(ctx, part, dataset.id));
      await deleteRows(ctx, part, some);
      if (hasMore) return { ok: true, hasMore };
      await forgetLists(ctx, part, counted, dataset.id);
    }
    const experiments = ofDataset(ctx, "mastra_experiments", dataset.id);
    const { some, hasMore } = await firstOf(experiments);
    const cleared: StorageRecord = { datasetId: null, datasetVersion: null };
    for (const experiment of some) {
      await patchRow(ctx, "mastra_experiments", experiment, cleared);
    }
    if (!hasMore) await deleteRows(ctx, table, [dataset]);
    return { ok: true, hasMore };
  },
});

function ofDataset(ctx: ReadCtx, table: RecordTable, id: string) {
  return rowsWhere(ctx, table, [{ field: "datasetId", value: id }]);
}

export const datasets: Operations<Datasets> = {
  createDataset: insertOnly("Dataset"),
  deleteDataset,
};
