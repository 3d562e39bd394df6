/**
 * Work that a transaction leaves to another one, such as tidying up.
 *
 * @module
 */
import type { FunctionReference } from "convex/server";
import type { WriteCtx } from "./server";

/**
 * Run a mutation after this one, in a transaction of its own. It may lose a
 * conflict, and its failure is nothing to the caller of this one.
 */
export async function later<Args extends Record<string, unknown>>(
  { scheduler }: WriteCtx,
  mutation: FunctionReference<"mutation", "public", Args>,
  args: Args,
): Promise<void> {
  await scheduler.runAfter(0, mutation, args as never);
}
