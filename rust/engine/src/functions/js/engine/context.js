// `ctx`, the first argument of queries, mutations and actions.

import { reader, writer } from "engine/database";
import { leftOut, scheduler, storage } from "engine/left_out";
import { getFunctionName } from "engine/references";
import { ConvexError } from "convex/values";

const host = globalThis.__host;

/**
 * Calls another function: queries and mutations in this one's transaction, an action's each in its own.
 *
 * Options are those of Convex. Here one commit follows the other, so the newest snapshot serves for a stale one too.
 */
const runner = (kind) => async (reference, args = {}, { transactionLimits } = {}) => {
  if (transactionLimits !== undefined) leftOut("transactionLimits")();
  try {
    return host.run(kind, getFunctionName(reference), args);
  } catch (error) {
    // If this function doesn't catch the error, it fails with the called function's error.
    if (!("data" in error)) throw error;
    const { message, hostError } = error;
    throw Object.assign(new ConvexError(error.data), { message, hostError });
  }
};

const auth = {
  async getUserIdentity() {
    return host.identity();
  },
};

const getFunctionMetadata = async () => host.functionMetadata();
const getDeploymentMetadata = leftOut("ctx.meta.getDeploymentMetadata");
const getRequestMetadata = leftOut("ctx.meta.getRequestMetadata");

const queryMeta = {
  getFunctionMetadata,
  getTransactionMetrics: async () => host.transactionMetrics(),
  getDeploymentMetadata,
  getSnapshotTs: () => host.snapshotTs(),
};
const mutationMeta = { ...queryMeta, getRequestMetadata };
const actionMeta = { getFunctionMetadata, getDeploymentMetadata, getRequestMetadata };

const vectorFilterBuilder = {
  eq: (field, value) => [{ field, value }],
  or: (...conditions) => conditions.flat(),
};

async function vectorSearch(table, index, { vector, limit = 10, filter }) {
  return host.vectorSearch(table, index, vector, limit, filter === undefined ? [] : filter(vectorFilterBuilder));
}

const [runQuery, runMutation, runAction] = ["Query", "Mutation", "Action"].map(runner);

export const contexts = {
  Query: { db: reader, auth, meta: queryMeta, storage, runQuery },
  Mutation: { db: writer, auth, meta: mutationMeta, storage, scheduler, runQuery, runMutation },
  Action: { auth, meta: actionMeta, storage, scheduler, runQuery, runMutation, runAction, vectorSearch },
};
