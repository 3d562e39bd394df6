// `ctx`: what queries, mutations and actions get.

import { reader, writer } from "engine/database";
import { scheduler, storage } from "engine/left_out";
import { getFunctionName } from "engine/references";
import { ConvexError } from "convex/values";

const host = globalThis.__host;

/** Calls another function: queries and mutations in this one's transaction, an action's each in its own. */
const runner = (kind) => async (reference, args = {}) => {
  try {
    return host.run(kind, getFunctionName(reference), args);
  } catch (error) {
    // To let it through is to throw what the other function threw.
    throw "data" in error ? Object.assign(new ConvexError(error.data), { hostError: error.hostError }) : error;
  }
};

const auth = {
  async getUserIdentity() {
    return host.identity();
  },
};

const meta = { getSnapshotTs: () => host.snapshotTs() };

const vectorFilterBuilder = {
  eq: (field, value) => [{ field, value }],
  or: (...conditions) => conditions.flat(),
};

async function vectorSearch(table, index, { vector, limit = 10, filter }) {
  return host.vectorSearch(table, index, vector, limit, filter === undefined ? [] : filter(vectorFilterBuilder));
}

const [runQuery, runMutation, runAction] = ["Query", "Mutation", "Action"].map(runner);

export const contexts = {
  Query: { db: reader, auth, meta, storage, runQuery },
  Mutation: { db: writer, auth, meta, storage, scheduler, runQuery, runMutation },
  Action: { auth, storage, scheduler, runQuery, runMutation, runAction, vectorSearch },
};
