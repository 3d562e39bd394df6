/**
 * The form of a storage operation.
 *
 * @module
 */
import type { StorageReply } from "../validators";
import type { StorageRequest } from "./request";
import type { WriteCtx } from "./server";

/**
 * Checks a request and returns the transaction it asks for. All refusals
 * happen in the first half, which has no database: a refused request has
 * written nothing, and whatever throws in the second half rolls back.
 *
 * `target` is what the request's `tableName` names: a Convex table, or for
 * vectors the index.
 */
export type Operation<Target extends string> = (
  request: StorageRequest,
) => (ctx: WriteCtx, target: Target) => Promise<StorageReply>;

/** Operations by the name a request's `op` gives. */
export type Operations<Target extends string> = Record<
  string,
  Operation<Target>
>;

/** Define an operation as Convex defines functions: its arguments, its handler. */
export function operation<Target extends string, Args>({
  args,
  handler,
}: {
  /** Reads the arguments from a request; throws `InvalidRequest`. */
  args: (request: StorageRequest) => Args;
  handler: (ctx: WriteCtx, target: Target, args: Args) => Promise<StorageReply>;
}): Operation<Target> {
  return (request) => {
    const checked = args(request);
    return (ctx, target) => handler(ctx, target, checked);
  };
}
