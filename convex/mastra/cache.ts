/**
 * Mastra's server cache: one function for every operation.
 *
 * @module
 */
import { v } from "convex/values";
import { cache } from "./model/cache";
import { answer, prepareFor } from "./model/operation";
import { internalMutation } from "./model/server";
import { storageReply } from "./validators";

/**
 * Run the operation `op`. Arguments are `v.any()` for the reason that
 * `storage.ts` gives.
 */
export const handle = internalMutation({
  args: v.any(),
  returns: storageReply,
  handler: async (ctx, request) =>
    await answer(ctx, () => prepareFor(request, cache, "mastra_cache")),
});
