/**
 * Checkpoints of graphs, and the writes of their tasks.
 *
 * @module
 */
import { findStored, writeOver } from "../model/records";
import {
  InvalidRequest,
  optional,
  recordsField,
  textField,
} from "../model/request";
import { rowsWhere } from "../model/rows";
import { read, write, type Operations } from "./operation";

type Checkpoints = "mastra_checkpoints";
type Writes = "mastra_checkpoint_writes";

/**
 * A checkpoint of a thread's namespace, by default the newest, and the writes
 * after it; null if there is none.
 */
const loadCheckpoint = read({
  args: (request) => ({
    thread: textField(request, "threadId"),
    namespace: textField(request, "namespace"),
    checkpoint: optional(textField, request, "checkpointId"),
  }),
  handler: async (
    ctx,
    table: Checkpoints,
    { thread, namespace, checkpoint },
  ) => {
    const ofNamespace = [
      { field: "thread_id", value: thread },
      { field: "namespace", value: namespace },
    ];
    const found =
      checkpoint === undefined
        ? rowsWhere(ctx, table, ofNamespace, {
            field: "checkpoint_id",
            order: "desc",
          })
        : rowsWhere(ctx, table, [
            ...ofNamespace,
            { field: "checkpoint_id", value: checkpoint },
          ]);
    const row = await found.first();
    if (row === null) return { ok: true, result: null };
    const writes = await rowsWhere(ctx, "mastra_checkpoint_writes", [
      ...ofNamespace,
      { field: "checkpoint_id", value: row.checkpoint_id },
    ]).collect();
    return { ok: true, result: { checkpoint: row, writes } };
  },
});

/**
 * Store the writes of a task. A write that is stored already stays as it is, so
 * that a repeated task changes nothing. Writes with positions below zero are
 * replaced.
 */
const putWrites = write({
  args: (request) => {
    const records = recordsField(request, "records");
    if (!records.every(({ id }) => id)) {
      throw new InvalidRequest("Record is missing an id");
    }
    return { records };
  },
  handler: async (ctx, table: Writes, { records }) => {
    const found = await findStored(ctx, table, records);
    const wanted = found.filter(
      ({ record, stored }) =>
        stored === null || (record.position as number) < 0,
    );
    await writeOver(ctx, table, wanted);
    return { ok: true };
  },
});

export const checkpoints: Operations<Checkpoints> = { loadCheckpoint };

export const checkpointWrites: Operations<Writes> = { putWrites };
