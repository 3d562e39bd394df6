/**
 * Mastra's server cache: one function for every operation.
 *
 * @module
 */
import { internalMutationGeneric } from "convex/server";
import { v } from "convex/values";
import { adminMutation, checkAccess, storageMutation } from "./model/access";
import type { StorageRequest } from "./model/request";
import type { WriteCtx } from "./model/server";
import { cache, sweepExpired as sweep } from "./operations/cache";
import { answer, prepareFor } from "./operations/operation";
import { storageReply } from "./validators";

/**
 * Run the operation `op`, for an admin key. Arguments are `v.any()` for the
 * reason that `storage.ts` gives.
 */
export const handle = adminMutation({
  args: v.any(),
  returns: storageReply,
  handler: handleRequest,
});

/** The same for a user whom the rule in `auth.ts` admits to storage. */
export const handleAsUser = storageMutation({
  args: v.any(),
  returns: storageReply,
  handler: async (ctx, request) => {
    await checkAccess(ctx, "storage");
    return await handleRequest(ctx, request);
  },
});

/** Delete the expired keys of a prefix, after some of the writes to it. */
export const sweepExpired = internalMutationGeneric({
  args: { keyPrefix: v.string() },
  returns: v.null(),
  handler: async (ctx, { keyPrefix }) => {
    await sweep(ctx as WriteCtx, keyPrefix);
    return null;
  },
});

async function handleRequest(ctx: WriteCtx, request: StorageRequest) {
  return await answer(ctx, () => prepareFor(request, cache, "mastra_cache"));
}
