/**
 * Chunks of observations: buffered one by one, activated by the prefix.
 *
 * @module
 */
import { parsed } from "../model/jsonText";
import {
  InvalidRequest,
  isRecord,
  type StorageRequest,
} from "../model/request";
import type { StoredRow } from "../model/server";

export type Chunk = {
  id?: string;
  cycleId?: string;
  observations: string;
  tokenCount: number;
  messageTokens?: number;
  messageIds?: string[];
  lastObservedAt?: string;
  suggestedContinuation?: string;
  currentTask?: string;
};

/** The chunks that a row has buffered. */
export function chunksOf(row: StoredRow): Chunk[] {
  const stored: unknown = parsed(row.bufferedObservationChunks);
  return Array.isArray(stored) ? stored : [];
}

export function chunkField(request: StorageRequest, name: string): Chunk {
  return chunkOf(request[name], `${request.op} ${name}`);
}

export function chunksField(request: StorageRequest, name: string): Chunk[] {
  const chunks = request[name];
  if (!Array.isArray(chunks)) {
    throw new InvalidRequest(`${request.op} ${name} must be a list`);
  }
  return chunks.map((chunk, position) =>
    chunkOf(chunk, `${request.op} ${name}[${position}]`),
  );
}

/** A chunk comes as an object, or as its JSON text where it has keys that Convex refuses. */
function chunkOf(given: unknown, place: string): Chunk {
  const chunk = parsed(given);
  if (isRecord(chunk)) return chunk as Chunk;
  throw new InvalidRequest(
    `${place} must be an object, or the JSON text of one`,
  );
}

/** A chunk's identity. A chunk without either name is identified by its text. */
export function nameOf(chunk: Chunk): string {
  return chunk.id ?? chunk.cycleId ?? chunk.observations;
}

export function sameAs(chunk: Chunk) {
  return (other: Chunk) => nameOf(other) === nameOf(chunk);
}

export function observationsOf(chunks: Chunk[]): string {
  return chunks.map((chunk) => chunk.observations).join("\n\n");
}

export function swapResult(activated: Chunk[]) {
  const messageIds = activated.flatMap((chunk) => chunk.messageIds ?? []);
  return {
    chunksActivated: activated.length,
    messageTokensActivated: sum(activated, (c) => c.messageTokens ?? 0),
    observationTokensActivated: sum(activated, (c) => c.tokenCount),
    messagesActivated: messageIds.length,
    activatedCycleIds: activated.flatMap((c) => (c.cycleId ? [c.cycleId] : [])),
    activatedMessageIds: messageIds,
  };
}

function sum(chunks: Chunk[], tokens: (chunk: Chunk) => number): number {
  return chunks.reduce((total, chunk) => total + tokens(chunk), 0);
}

/**
 * How many chunks to activate, so that of the messages' tokens about
 * `threshold * (1 - ratio)`, the floor, stay unobserved: the prefix that just
 * reaches the target, or the longest below it where that would leave too little.
 */
export function chunksToActivate(
  chunks: Chunk[],
  target: {
    activationRatio: number;
    messageTokensThreshold: number;
    currentPendingTokens: number;
    forceMaxActivation: boolean;
  },
): number {
  const pending = target.currentPendingTokens;
  const floor = target.messageTokensThreshold * (1 - target.activationRatio);
  const wanted = Math.max(0, pending - floor);
  let tokens = 0;
  let over = { chunks: 0, tokens: Infinity };
  let under = { chunks: 0, tokens: 0 };
  for (const [position, chunk] of chunks.entries()) {
    tokens += chunk.messageTokens ?? 0;
    const prefix = { chunks: position + 1, tokens };
    if (tokens >= wanted && tokens < over.tokens) over = prefix;
    if (tokens < wanted && tokens > under.tokens) under = prefix;
  }
  // Mastra's bounds: 95 % of the floor may be overshot, 1000 tokens must remain.
  const leavesEnough = (prefix: { tokens: number }) =>
    pending - prefix.tokens >= Math.min(1000, floor);
  const isNear = over.tokens - wanted <= floor * 0.95;
  if ((target.forceMaxActivation || isNear) && leavesEnough(over)) {
    return over.chunks;
  }
  if (under.chunks > 0 && leavesEnough(under)) return under.chunks;
  return over.chunks || 1;
}
