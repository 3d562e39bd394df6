/**
 * Mastra's server cache: one function for every operation.
 *
 * @module
 */
import { v } from "convex/values";
import { checkAccess, storageMutation } from "./model/access";
import { cache } from "./operations/cache";
import { answer, prepareFor } from "./operations/operation";
import { storageReply } from "./validators";

/**
 * Run the operation `op`. Arguments are `v.any()` for the reason that
 * `storage.ts` gives.
 */
export const handle = storageMutation({
  args: v.any(),
  returns: storageReply,
  handler: async (ctx, request) => {
    await checkAccess(ctx, "storage");
    return await answer(ctx, () => prepareFor(request, cache, "mastra_cache"));
  },
});
