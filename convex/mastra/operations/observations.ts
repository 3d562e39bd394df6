/**
 * Observational memory: an agent's notes about a conversation, in generations.
 *
 * Observations are first buffered in chunks, later swapped into the active
 * text; a reflection condenses the active text into a new generation.
 *
 * @module
 */
import {
  chunkField,
  chunksField,
  chunksOf,
  chunksToActivate,
  nameOf,
  observationsOf,
  sameAs,
  swapResult,
} from "./chunks";
import { generationsOf, onRow, type Memory } from "./generations";
import { parsed } from "../model/jsonText";
import { read, write } from "./operation";
import { writeRecords } from "../model/records";
import { recordArgs } from "./records";
import {
  omCreateReflectionGeneration,
  omSwapBufferedReflection,
  omUpdateBufferedReflection,
} from "./reflections";
import { isRecord, numberField, optional, textField } from "../model/request";
import type { StoredRow } from "../model/server";

/** The latest generation, or null. */
const omGetLatest = read({
  args: (request) => ({ lookupKey: textField(request, "lookupKey") }),
  handler: async (ctx, _table: Memory, { lookupKey }) => ({
    ok: true,
    result: await generationsOf(ctx, lookupKey).first(),
  }),
});

/** Generations, newest first, created from one time to another, both included. */
const omGetHistory = read({
  args: (request) => ({
    lookupKey: textField(request, "lookupKey"),
    from: optional(textField, request, "from") ?? "",
    to: optional(textField, request, "to"),
    offset: optional(numberField, request, "offset") ?? 0,
    limit: optional(numberField, request, "limit") ?? Infinity,
  }),
  handler: async (
    ctx,
    _table: Memory,
    { lookupKey, from, to, offset, limit },
  ) => {
    const found: StoredRow[] = [];
    for await (const row of generationsOf(ctx, lookupKey)) {
      if (found.length >= offset + limit) break;
      const isAfter = to !== undefined && row.createdAt > to;
      if (row.createdAt >= from && !isAfter) found.push(row);
    }
    return { ok: true, result: found.slice(offset, offset + limit) };
  },
});

/** Insert the record unless its key has a generation; returns the latest. */
const omInitialize = write({
  args: recordArgs,
  handler: async (ctx, table: Memory, { record }) => {
    const lookupKey = String(record.lookupKey);
    const latest = await generationsOf(ctx, lookupKey).first();
    if (latest === null) await writeRecords(ctx, table, [record]);
    return {
      ok: true,
      result: latest ?? (await generationsOf(ctx, lookupKey).first()),
    };
  },
});

/** Replace the active text. Ids and time zone not given, or null, stay. */
const omUpdateActive = onRow({
  args: (request) => ({
    observations: textField(request, "observations"),
    tokenCount: numberField(request, "tokenCount"),
    lastObservedAt: textField(request, "lastObservedAt"),
    observedMessageIds: request.observedMessageIds,
    observedTimezone: request.observedTimezone,
    updatedAt: textField(request, "updatedAt"),
  }),
  handler: async (row, args, update) => {
    const tokens = Number.isFinite(args.tokenCount)
      ? Math.max(0, args.tokenCount)
      : 0;
    await update({
      activeObservations: args.observations,
      lastObservedAt: args.lastObservedAt,
      pendingMessageTokens: 0,
      observationTokenCount: tokens,
      totalTokensObserved: row.totalTokensObserved + tokens,
      observedMessageIds: args.observedMessageIds ?? row.observedMessageIds,
      observedTimezone: args.observedTimezone ?? row.observedTimezone,
      updatedAt: args.updatedAt,
    });
    return { ok: true };
  },
});

/** Buffer a chunk, once for each `cycleId`. */
const omAppendBufferedChunk = onRow({
  args: (request) => ({
    chunk: chunkField(request, "chunk"),
    lastBufferedAtTime: request.lastBufferedAtTime,
    updatedAt: textField(request, "updatedAt"),
  }),
  handler: async (row, { chunk, lastBufferedAtTime, updatedAt }, update) => {
    const chunks = chunksOf(row);
    const { cycleId } = chunk;
    if (cycleId && chunks.some((stored) => stored.cycleId === cycleId)) {
      return { ok: true };
    }
    await update({
      bufferedObservationChunks: JSON.stringify([...chunks, chunk]),
      ...(lastBufferedAtTime ? { lastBufferedAtTime } : {}),
      updatedAt,
    });
    return { ok: true };
  },
});

/**
 * Move the first buffered chunks to the active text. The caller may send the
 * chunks with newer weights; chunks that were buffered meanwhile stay.
 */
const omSwapBuffered = onRow({
  args: (request) => ({
    target: {
      activationRatio: numberField(request, "activationRatio"),
      messageTokensThreshold: numberField(request, "messageTokensThreshold"),
      currentPendingTokens: numberField(request, "currentPendingTokens"),
      forceMaxActivation: request.forceMaxActivation === true,
    },
    lastObservedAt: request.lastObservedAt,
    given: optional(chunksField, request, "bufferedChunks"),
    now: textField(request, "now"),
  }),
  handler: async (row, { target, given, now, ...args }, update) => {
    const stored = chunksOf(row);
    const chunks = given ?? stored;
    if (stored.length === 0 || chunks.length === 0) {
      return { ok: true, result: swapResult([]) };
    }
    const activated = chunks.slice(0, chunksToActivate(chunks, target));
    const names = new Set(activated.map(nameOf));
    const remaining = [
      ...chunks.slice(activated.length),
      ...stored.filter((chunk) => !chunks.some(sameAs(chunk))),
    ].filter((chunk) => !names.has(nameOf(chunk)));

    const result = swapResult(activated);
    const last = activated[activated.length - 1];
    const lastObservedAt = args.lastObservedAt ?? last?.lastObservedAt ?? now;
    const before = row.activeObservations
      ? `${row.activeObservations}\n\n--- message boundary (${lastObservedAt}) ---\n\n`
      : "";
    await update({
      activeObservations: before + observationsOf(activated),
      observationTokenCount:
        row.observationTokenCount + result.observationTokensActivated,
      pendingMessageTokens: Math.max(
        0,
        row.pendingMessageTokens - result.messageTokensActivated,
      ),
      bufferedObservationChunks:
        remaining.length > 0 ? JSON.stringify(remaining) : null,
      lastObservedAt,
      updatedAt: now,
    });
    return {
      ok: true,
      result: {
        ...result,
        observations: observationsOf(activated),
        perChunk: activated.map((chunk) => ({
          cycleId: chunk.cycleId ?? "",
          messageTokens: chunk.messageTokens ?? 0,
          observationTokens: chunk.tokenCount,
          messageCount: chunk.messageIds?.length ?? 0,
          observations: chunk.observations,
        })),
        // Hints of older chunks are out of date.
        suggestedContinuation: last?.suggestedContinuation,
        currentTask: last?.currentTask,
      },
    };
  },
});

/** Merge into the configuration at every depth; lists are replaced. */
const omUpdateConfig = onRow({
  args: (request) => ({
    config: textField(request, "config"),
    updatedAt: textField(request, "updatedAt"),
  }),
  handler: async (row, { config, updatedAt }, update) => {
    const merged = mergeDeep(parsed(row.config), parsed(config) ?? {});
    await update({ config: JSON.stringify(merged), updatedAt });
    return { ok: true };
  },
});

function mergeDeep(before: unknown, changes: unknown): unknown {
  if (!isRecord(changes)) return changes;
  const merged = isRecord(before) ? { ...before } : {};
  for (const [key, change] of Object.entries(changes)) {
    const isMerged = isRecord(merged[key]) && isRecord(change);
    merged[key] = isMerged ? mergeDeep(merged[key], change) : change;
  }
  return merged;
}

export const observations = {
  omGetLatest,
  omGetHistory,
  omInitialize,
  omUpdateActive,
  omAppendBufferedChunk,
  omSwapBuffered,
  omUpdateBufferedReflection,
  omCreateReflectionGeneration,
  omSwapBufferedReflection,
  omUpdateConfig,
};
