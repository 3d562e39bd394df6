/**
 * The form of a storage operation.
 *
 * @module
 */
import type { StorageReply } from "../validators";
import { RefusedRequest, type StorageRequest } from "../model/request";
import type { ReadCtx, WriteCtx } from "../model/server";

export type Operation<Target extends string> = {
  /** Whether it only reads: then a client may call it again. */
  reads: boolean;
  /**
   * Checks a request and returns its transaction. All refusals happen in this
   * first step, which has no database, so a refused request has written
   * nothing. An error in the second step rolls everything back.
   *
   * `target` is what the request's `tableName` names: a Convex table, or for
   * vectors the index.
   */
  prepare: (
    request: StorageRequest,
  ) => (ctx: WriteCtx, target: Target) => Promise<StorageReply>;
};

/** A request that passed its checks. */
export type Transaction = (ctx: WriteCtx) => Promise<StorageReply>;

/** Operations by the name a request's `op` gives. */
export type Operations<Target extends string> = Record<
  string,
  Operation<Target>
>;

/** An operation as Convex defines functions: its arguments, its handler. */
type Definition<Ctx, Target extends string, Args> = {
  /** Reads the arguments from a request; throws `InvalidRequest`. */
  args: (request: StorageRequest) => Args;
  handler: (ctx: Ctx, target: Target, args: Args) => Promise<StorageReply>;
};

/** Define an operation that only reads; its context can't write. */
export function read<Target extends string, Args>(
  definition: Definition<ReadCtx, Target, Args>,
): Operation<Target> {
  return { reads: true, prepare: preparing(definition) };
}

/** Define an operation that may write. */
export function write<Target extends string, Args>(
  definition: Definition<WriteCtx, Target, Args>,
): Operation<Target> {
  return { reads: false, prepare: preparing(definition) };
}

function preparing<Ctx, Target extends string, Args>({
  args,
  handler,
}: Definition<Ctx, Target, Args>) {
  return (request: StorageRequest) => {
    const checked = args(request);
    return (ctx: Ctx, target: Target) => handler(ctx, target, checked);
  };
}

/** Check a request against the operations it may name. */
export function prepareFor<Target extends string>(
  request: StorageRequest,
  operations: Operations<Target>,
  target: Target,
): Transaction {
  const name = String(request.op);
  const operation = hasOwn(operations, name) ? operations[name] : undefined;
  if (operation === undefined) {
    // Clients detect what a deployment can do by how this sentence begins.
    throw new RefusedRequest(
      "UnsupportedOperation",
      `Unsupported operation ${name}`,
    );
  }
  const run = operation.prepare(request);
  return (ctx) => run(ctx, target);
}

/** Refuse what does not pass its checks, or run it whole. */
export async function answer(
  ctx: WriteCtx,
  prepare: () => Transaction,
): Promise<StorageReply> {
  let transaction;
  try {
    transaction = prepare();
  } catch (error) {
    if (!(error instanceof RefusedRequest)) throw error;
    return { ok: false, error: error.message, code: error.code };
  }
  // Not inside the `try`: an error after the first write must reach Convex,
  // which then undoes the writes.
  return await transaction(ctx);
}

// Clients choose the names, and `constructor` is neither table nor operation.
export function hasOwn(object: object, name: string): boolean {
  return Object.prototype.hasOwnProperty.call(object, name);
}
