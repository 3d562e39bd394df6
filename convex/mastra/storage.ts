/**
 * Mastra's storage: one function for every operation on every table.
 *
 * @module
 */
import { v } from "convex/values";
import { adminMutation, checkAccess, storageMutation } from "./model/access";
import { handleRequest } from "./operations/storage";
import { storageReply } from "./validators";

/**
 * Run the operation `op` on the table `tableName`, for an admin key.
 *
 * The arguments are `v.any()` because the contract answers an operation that
 * this version does not know with `{ ok: false, error: "Unsupported operation
 * <op>" }`, from which a client learns what is deployed. A validator would
 * answer with an argument error instead, also for a field from a later version.
 *
 * Reads are mutations too: Mastra's clients send every operation as one.
 */
export const handle = adminMutation({
  args: v.any(),
  returns: storageReply,
  handler: handleRequest,
});

/** The same for a user whom the rule in `auth.ts` admits. */
export const handleAsUser = storageMutation({
  args: v.any(),
  returns: storageReply,
  handler: async (ctx, request) => {
    await checkAccess(ctx, "storage");
    return await handleRequest(ctx, request);
  },
});
