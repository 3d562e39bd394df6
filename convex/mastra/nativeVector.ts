/**
 * Native vector indexes: tables that Convex's own vector index searches. Beside
 * each function is another one for users whom the rule in `auth.ts` admits.
 *
 * @module
 */
import { internalQueryGeneric, makeFunctionReference } from "convex/server";
import { v } from "convex/values";
import {
  adminAction,
  adminMutation,
  adminQuery,
  checkAccess,
  nativeVectorAction,
  nativeVectorMutation,
  nativeVectorQuery,
} from "./model/access";
import * as nativeVectors from "./model/nativeVectors";
import type { StorageRecord } from "./model/request";
import type { AnyReadCtx, AnyWriteCtx } from "./model/server";
import {
  nativeQueryArgs,
  nativeQueryResult,
  nativeReadArgs,
  nativeReadResult,
  nativeRowsArgs,
  nativeSearchArgs,
  nativeSearchResult,
  nativeWriteArgs,
  nativeWriteResult,
  type NativeReadArgs,
  type NativeRowsArgs,
  type NativeSearchResult,
  type NativeWriteArgs,
  type NativeWriteResult,
} from "./validators";

/** The rows most similar to a vector, by Convex's index. */
export const query = adminAction({
  args: nativeQueryArgs,
  returns: nativeQueryResult,
  handler: nativeVectors.search,
});

export const queryAsUser = nativeVectorAction({
  args: nativeQueryArgs,
  returns: nativeQueryResult,
  handler: async (ctx, args) => {
    await checkAccess(ctx, "nativeVector", args.config.tableName);
    return await nativeVectors.search(ctx, args);
  },
});

/**
 * Like `query`, with the rows that `read` would return by `_id`, each with its
 * score, in one round trip of the client.
 */
export const search = nativeVectorAction({
  args: nativeSearchArgs,
  returns: nativeSearchResult,
  handler: async (
    ctx,
    { includeVector, ...args },
  ): Promise<NativeSearchResult> => {
    const { config } = args;
    await checkAccess(ctx, "nativeVector", config.tableName);
    const found = await nativeVectors.search(ctx, args);
    const scores = new Map(found.map(({ id, score }) => [id, score]));
    // Even for no rows, a table that the schema lacks fails here.
    const rows = await ctx.runQuery(rowsReference, {
      config,
      ids: [...scores.keys()],
      includeVector,
    });
    return rows.map((row) => ({ row, score: scores.get(row._id as string)! }));
  },
});

/** The rows of `search`, which has checked the caller. */
export const searchRows = internalQueryGeneric({
  args: nativeRowsArgs,
  returns: v.array(v.any()),
  handler: async (ctx, args) => {
    if (args.ids.length > 0)
      return await nativeVectors.getByConvexIds(ctx, args);
    await nativeVectors.listByIds(ctx, { ...args, ids: [""] });
    return [];
  },
});

const rowsReference = makeFunctionReference<
  "query",
  NativeRowsArgs,
  StorageRecord[]
>("mastra/nativeVector:searchRows");

/** Rows by `_id`, by id or page by page, and their number. */
export const read = adminQuery({
  args: nativeReadArgs,
  returns: nativeReadResult,
  handler: answerRead,
});

export const readAsUser = nativeVectorQuery({
  args: nativeReadArgs,
  returns: nativeReadResult,
  handler: async (ctx, args) => {
    await checkAccess(ctx, "nativeVector", args.config.tableName);
    return await answerRead(ctx, args);
  },
});

async function answerRead(ctx: AnyReadCtx, args: NativeReadArgs) {
  switch (args.op) {
    case "getByConvexIds":
      return await nativeVectors.getByConvexIds(ctx, args);
    case "listByIds":
      return await nativeVectors.listByIds(ctx, args);
    case "listPage":
      return await nativeVectors.listPage(ctx, args);
    case "describe":
      return await nativeVectors.describe(ctx, args);
  }
}

/** Upsert, update and delete rows. */
export const write = adminMutation({
  args: nativeWriteArgs,
  returns: nativeWriteResult,
  handler: answerWrite,
});

export const writeAsUser = nativeVectorMutation({
  args: nativeWriteArgs,
  returns: nativeWriteResult,
  handler: async (ctx, args): Promise<NativeWriteResult> => {
    await checkAccess(ctx, "nativeVector", args.config.tableName);
    return await answerWrite(ctx, args);
  },
});

async function answerWrite(
  ctx: AnyWriteCtx,
  args: NativeWriteArgs,
): Promise<NativeWriteResult> {
  switch (args.op) {
    case "upsert":
      await nativeVectors.upsert(ctx, args);
      return { ok: true };
    case "updateById":
      return { ok: true, found: await nativeVectors.updateById(ctx, args) };
    case "deleteByIds":
      await nativeVectors.deleteByIds(ctx, args);
      return { ok: true };
    case "clear":
      return { ok: true, hasMore: await nativeVectors.clear(ctx, args) };
  }
}
