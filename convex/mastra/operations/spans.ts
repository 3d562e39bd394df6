/**
 * Spans of traces, each named by its trace and its own id.
 *
 * @module
 */
import { write, type Operations } from "./operation";
import {
  deleteRows,
  isNamedIn,
  nameOf,
  patchRow,
  writeRecords,
} from "../model/records";
import {
  idsField,
  InvalidRequest,
  recordsField,
  type StorageRequest,
} from "../model/request";
import { firstOf, rowsWhere } from "../model/rows";

type Spans = "mastra_ai_spans";

const SPANS_DELETED_PER_CALL = 500;

/** Reads spans to write. Each must have the columns that name it. */
function spansArgs(request: StorageRequest) {
  const records = recordsField(request, "records");
  if (!records.every((record) => isNamedIn("mastra_ai_spans", record))) {
    throw new InvalidRequest(
      `${request.op} records must each have a traceId and a spanId, or an id`,
    );
  }
  return { records };
}

/** Insert spans, or update those of their names. */
const createSpans = write({
  args: spansArgs,
  handler: async (ctx, table: Spans, { records }) => {
    await writeRecords(ctx, table, records);
    return { ok: true };
  },
});

/** Update the given fields of spans; returns the ids of those that exist. */
const updateSpans = write({
  args: spansArgs,
  handler: async (ctx, table: Spans, { records }) => {
    const result: string[] = [];
    // One after the other: a span may be there more than once.
    for (const record of records) {
      const name = nameOf(table, record);
      const span = await rowsWhere(ctx, table, name).unique();
      if (span === null) continue;
      await patchRow(ctx, table, span, record);
      result.push(span.id);
    }
    return { ok: true, result };
  },
});

/** Delete some of the spans of traces; the client repeats while `hasMore`. */
const deleteTraces = write({
  args: (request) => ({ traceIds: idsField(request, "traceIds") }),
  handler: async (ctx, table: Spans, { traceIds }) => {
    let left = SPANS_DELETED_PER_CALL;
    for (const value of traceIds) {
      const spans = rowsWhere(ctx, table, [{ field: "traceId", value }]);
      const { some, hasMore } = await firstOf(spans, left);
      await deleteRows(ctx, table, some);
      left -= some.length;
      if (hasMore) return { ok: true, hasMore };
    }
    return { ok: true, hasMore: false };
  },
});

export const spans: Operations<Spans> = {
  createSpans,
  updateSpans,
  deleteTraces,
};
