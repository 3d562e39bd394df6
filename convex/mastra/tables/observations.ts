/**
 * Observational memory.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** Observational memory: one row for each generation of a thread's or a resource's. */
export const mastraObservationalMemoryTable = recordTable(
  "mastra_observational_memory",
  {
    fields: {
      id: v.string(),
      lookupKey: v.string(),
      scope: v.string(),
      activeObservations: v.string(),
      originType: v.string(),
      config: v.string(),
      createdAt: v.string(),
      updatedAt: v.string(),
      generationCount: v.number(),
      pendingMessageTokens: v.number(),
      totalTokensObserved: v.number(),
      observationTokenCount: v.number(),
      lastBufferedAtTokens: v.number(),
      isObserving: v.boolean(),
      isReflecting: v.boolean(),
      isBufferingObservation: v.boolean(),
      isBufferingReflection: v.boolean(),
      resourceId: v.optional(v.union(v.string(), v.null())),
      threadId: v.optional(v.union(v.string(), v.null())),
      activeObservationsPendingUpdate: v.optional(
        v.union(v.string(), v.null()),
      ),
      lastObservedAt: v.optional(v.union(v.string(), v.null())),
      lastReflectionAt: v.optional(v.union(v.string(), v.null())),
      observedTimezone: v.optional(v.union(v.string(), v.null())),
      bufferedObservations: v.optional(v.union(v.string(), v.null())),
      bufferedReflection: v.optional(v.union(v.string(), v.null())),
      bufferedObservationChunks: v.optional(v.union(v.string(), v.null())),
      lastBufferedAtTime: v.optional(v.union(v.string(), v.null())),
      metadata: v.optional(v.union(v.string(), v.null())),
      bufferedObservationTokens: v.optional(v.union(v.number(), v.null())),
      bufferedReflectionTokens: v.optional(v.union(v.number(), v.null())),
      bufferedReflectionInputTokens: v.optional(v.union(v.number(), v.null())),
      reflectedObservationLineCount: v.optional(v.union(v.number(), v.null())),
      observedMessageIds: v.optional(v.union(v.array(v.string()), v.null())),
      bufferedMessageIds: v.optional(v.union(v.array(v.string()), v.null())),
    },
    indexes: {
      by_record_id: ["id"],
      by_lookup_key: ["lookupKey", "generationCount"],
    },
  },
);
