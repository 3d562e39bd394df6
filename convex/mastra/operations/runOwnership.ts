/**
 * The owner of a workflow's run or of an agent's turn. It has a lease on the
 * run, and a fence, its generation: a worker that lost the run can't write.
 *
 * Claims are documents of the table that a request names, as Mastra keeps them.
 *
 * @module
 */
import type { StorageReply } from "../validators";
import { findDocument, writeDocuments } from "./documents";
import { read, write, type Operations } from "./operation";
import {
  InvalidRequest,
  numberField,
  optional,
  recordField,
  textField,
  type StorageRequest,
} from "../model/request";
import type { ReadCtx, WriteCtx } from "../model/server";

/** Mastra's code, by which its clients choose their error. */
const FENCE_CONFLICT = "STORAGE_RUN_FENCE_CONFLICT";

type Fence = { runId: string; generation: number; ownerId: string };
/** `leaseExpiresAt` is epoch milliseconds, null once released. */
type Claim = Fence & { leaseExpiresAt: number | null };

async function findClaim(
  ctx: ReadCtx,
  table: string,
  runId: string,
): Promise<Claim | null> {
  const document = await findDocument(ctx, table, runId);
  if (document === null) return null;
  const { generation, ownerId, leaseExpiresAt } = document.record;
  return { runId, generation, ownerId, leaseExpiresAt };
}

async function applied(
  ctx: WriteCtx,
  table: string,
  claim: Claim,
): Promise<StorageReply> {
  await writeDocuments(ctx, table, [{ id: claim.runId, ...claim }]);
  return replyOf(true, claim);
}

function replyOf(applied: boolean, claim: Claim | null): StorageReply {
  return { ok: true, result: { applied, claim, now: Date.now() } };
}

function fenceField(request: StorageRequest): Fence {
  const fence = { op: `${request.op} fence`, ...recordField(request, "fence") };
  return {
    runId: textField(fence, "runId"),
    generation: numberField(fence, "generation"),
    ownerId: textField(fence, "ownerId"),
  };
}

function holds(claim: Claim | null, fence: Fence): claim is Claim {
  return (
    claim !== null &&
    claim.generation === fence.generation &&
    claim.ownerId === fence.ownerId
  );
}

/** Own the run for `leaseMs`, if it has no owner or `force` is given. */
const claimRunOwnership = write({
  args: (request) => ({
    runId: textField(request, "runId"),
    ownerId: textField(request, "ownerId"),
    leaseMs: numberField(request, "leaseMs"),
    force: request.force === true,
    expectedGeneration: optional(numberField, request, "expectedGeneration"),
  }),
  handler: async (ctx, table: string, args) => {
    const { runId, ownerId, leaseMs, force, expectedGeneration } = args;
    const now = Date.now();
    const current = await findClaim(ctx, table, runId);
    const generation = current?.generation ?? 0;
    const isOwned = (current?.leaseExpiresAt ?? 0) > now;
    if (
      (expectedGeneration ?? generation) !== generation ||
      (isOwned && !force)
    ) {
      return replyOf(false, current);
    }
    return await applied(ctx, table, {
      runId,
      generation: generation + 1,
      ownerId,
      leaseExpiresAt: now + leaseMs,
    });
  },
});

/** Extend the lease of the run's owner. */
const renewRunOwnership = write({
  args: (request) => ({
    fence: fenceField(request),
    leaseMs: numberField(request, "leaseMs"),
  }),
  handler: async (ctx, table: string, { fence, leaseMs }) => {
    const current = await findClaim(ctx, table, fence.runId);
    if (!holds(current, fence) || current.leaseExpiresAt === null) {
      return replyOf(false, current);
    }
    const leaseExpiresAt = Date.now() + leaseMs;
    return await applied(ctx, table, { ...current, leaseExpiresAt });
  },
});

const releaseRunOwnership = write({
  args: (request) => ({ fence: fenceField(request) }),
  handler: async (ctx, table: string, { fence }) => {
    const current = await findClaim(ctx, table, fence.runId);
    if (!holds(current, fence)) return replyOf(false, current);
    return await applied(ctx, table, { ...current, leaseExpiresAt: null });
  },
});

const getRunOwnership = read({
  args: (request) => ({ runId: textField(request, "runId") }),
  handler: async (ctx, table: string, { runId }) =>
    replyOf(true, await findClaim(ctx, table, runId)),
});

/** Let writes of this generation pass, and of none before it. */
const raiseRunFence = write({
  args: (request) => ({ fence: fenceField(request) }),
  handler: async (ctx, table: string, { fence }) => {
    const current = await findClaim(ctx, table, fence.runId);
    if ((current?.generation ?? -1) >= fence.generation) {
      return replyOf(holds(current, fence), current);
    }
    return await applied(ctx, table, { ...fence, leaseExpiresAt: null });
  },
});

export const runOwnership: Operations<string> = {
  claimRunOwnership,
  renewRunOwnership,
  releaseRunOwnership,
  getRunOwnership,
  raiseRunFence,
};

/**
 * `fenced`: run another request in the same transaction, if the fence still
 * holds; without one, only say whether it does.
 */
export function fenced(
  prepare: (
    request: StorageRequest,
  ) => (ctx: WriteCtx) => Promise<StorageReply>,
) {
  return write({
    args: (request) => {
      const inner = optional(recordField, request, "request");
      if (
        inner &&
        (inner.op === "fenced" || String(inner.op) in runOwnership)
      ) {
        throw new InvalidRequest(`Unsupported fenced operation ${inner.op}`);
      }
      return { fence: fenceField(request), run: inner && prepare(inner) };
    },
    handler: async (ctx, table: string, { fence, run }) => {
      if (!holds(await findClaim(ctx, table, fence.runId), fence)) {
        return {
          ok: false,
          code: FENCE_CONFLICT,
          error: `Run ${fence.runId} is no longer claimed by generation ${fence.generation} of ${fence.ownerId}`,
        };
      }
      return run === undefined ? { ok: true } : await run(ctx);
    },
  });
}
