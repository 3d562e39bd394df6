/**
 * Reflections of observational memory: the active text, condensed to a new
 * generation.
 *
 * @module
 */
import { generationsOf, MEMORY, onRow } from "./generations";
import { writeRecords } from "../model/records";
import {
  numberField,
  recordField,
  textField,
  type StorageRecord,
} from "../model/request";
import type { StoredRow, WriteCtx } from "../model/server";

/** Buffer a part of a reflection. */
export const omUpdateBufferedReflection = onRow({
  args: (request) => ({
    reflection: textField(request, "reflection"),
    tokenCount: numberField(request, "tokenCount"),
    inputTokenCount: numberField(request, "inputTokenCount"),
    lineCount: numberField(request, "reflectedObservationLineCount"),
    updatedAt: textField(request, "updatedAt"),
  }),
  handler: async (row, args, update) => {
    const buffered = row.bufferedReflection;
    await update({
      bufferedReflection: buffered
        ? `${buffered}\n\n${args.reflection}`
        : args.reflection,
      bufferedReflectionTokens:
        (row.bufferedReflectionTokens ?? 0) + args.tokenCount,
      bufferedReflectionInputTokens:
        (row.bufferedReflectionInputTokens ?? 0) + args.inputTokenCount,
      reflectedObservationLineCount: args.lineCount,
      updatedAt: args.updatedAt,
    });
    return { ok: true };
  },
});

/** Insert the generation that follows a row, as its latest. */
async function insertReflection(
  ctx: WriteCtx,
  row: StoredRow,
  reflection: { id: string; text: string; tokenCount: number; now: string },
): Promise<StorageRecord> {
  const latest = await generationsOf(ctx, row.lookupKey).first();
  const { now } = reflection;
  const generation: StorageRecord = {
    id: reflection.id,
    lookupKey: row.lookupKey,
    scope: row.scope,
    resourceId: row.resourceId,
    threadId: row.threadId,
    activeObservations: reflection.text,
    activeObservationsPendingUpdate: null,
    originType: "reflection",
    config: row.config,
    generationCount: (latest ?? row).generationCount + 1,
    lastObservedAt: row.lastObservedAt,
    lastReflectionAt: now,
    pendingMessageTokens: 0,
    totalTokensObserved: row.totalTokensObserved,
    observationTokenCount: reflection.tokenCount,
    isObserving: false,
    isReflecting: false,
    isBufferingObservation: false,
    isBufferingReflection: false,
    lastBufferedAtTokens: 0,
    lastBufferedAtTime: null,
    observedTimezone: row.observedTimezone,
    metadata: row.metadata,
    createdAt: now,
    updatedAt: now,
  };
  await writeRecords(ctx, MEMORY, [generation]);
  return generation;
}

/** Make a reflection a new generation, which follows the row as stored. */
export const omCreateReflectionGeneration = onRow({
  args: (request) => ({
    id: textField(request, "newId"),
    text: textField(request, "reflection"),
    tokenCount: numberField(request, "tokenCount"),
    now: textField(request, "now"),
  }),
  handler: async (row, reflection, _update, ctx) => ({
    ok: true,
    result: await insertReflection(ctx, row, reflection),
  }),
});

/**
 * Make the buffered reflection, and the lines observed since, a new generation.
 * It follows the row as stored: of what the caller knew of it only the id counts.
 */
export const omSwapBufferedReflection = onRow({
  id: (request) => {
    const record = recordField(request, "currentRecord");
    return textField({ ...record, op: `${request.op} currentRecord` }, "id");
  },
  args: (request) => ({
    newId: textField(request, "newId"),
    tokenCount: numberField(request, "tokenCount"),
    now: textField(request, "now"),
  }),
  handler: async (row, { newId, tokenCount, now }, update, ctx) => {
    if (!row.bufferedReflection) {
      return {
        ok: false,
        code: "NotFound",
        error: "No buffered reflection to swap",
      };
    }
    const observedSince = row.activeObservations
      .split("\n")
      .slice(row.reflectedObservationLineCount ?? 0)
      .join("\n")
      .trim();
    const generation = await insertReflection(ctx, row, {
      id: newId,
      tokenCount,
      now,
      text: observedSince
        ? `${row.bufferedReflection}\n\n${observedSince}`
        : row.bufferedReflection,
    });
    await update({
      bufferedReflection: null,
      bufferedReflectionTokens: null,
      bufferedReflectionInputTokens: null,
      reflectedObservationLineCount: null,
      updatedAt: now,
    });
    return { ok: true, result: generation };
  },
});
