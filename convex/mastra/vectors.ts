/**
 * Exact search of `ConvexVector`'s indexes in the deployment, and what the
 * functions themselves call about these indexes.
 *
 * @module
 */
import {
  internalMutationGeneric,
  internalQueryGeneric,
  makeFunctionReference,
} from "convex/server";
import { v } from "convex/values";
import { checkAccess, vectorAction, vectorQuery } from "./model/access";
import {
  clean,
  dropChanges as dropSome,
  throwBackend,
} from "./model/vectorChanges";
import * as vectorSearch from "./model/vectorSearch";
import {
  vectorPage,
  vectorPageArgs,
  vectorSearchArgs,
  vectorSearchResult,
  type VectorPage,
  type VectorPageArgs,
  type VectorSearchResult,
} from "./validators";

/**
 * The rows of an index most similar to a vector: of an index that one query can
 * read, 16 MiB. Subscribe to it, and the results follow the rows.
 *
 * `filter` is Mastra's filter language but `$regex`, as JSON text, since Convex
 * refuses objects whose keys begin with `$`.
 */
export const search = vectorQuery({
  args: vectorSearchArgs,
  returns: vectorSearchResult,
  handler: async (ctx, args) => {
    await checkAccess(ctx, "vectors", args.indexName);
    return await vectorSearch.searchWhole(ctx, args);
  },
});

/** As `search`, of an index of any size. */
export const searchAll = vectorAction({
  args: vectorSearchArgs,
  returns: vectorSearchResult,
  handler: async (ctx, args): Promise<VectorSearchResult> => {
    await checkAccess(ctx, "vectors", args.indexName);
    return await vectorSearch.searchPages(args, (page) =>
      ctx.runQuery(pageReference, page),
    );
  },
});

/** A page of `searchAll`, which has checked who asks. */
export const searchPage = internalQueryGeneric({
  args: vectorPageArgs,
  returns: vectorPage,
  handler: async (ctx, args) => await vectorSearch.searchPage(ctx, args),
});

const pageReference = makeFunctionReference<
  "query",
  VectorPageArgs,
  VectorPage
>("mastra/vectors:searchPage");

/** Delete old changes of an index, after some of the writes to it. */
export const cleanChanges = internalMutationGeneric({
  args: { indexName: v.string() },
  returns: v.null(),
  handler: async (ctx, { indexName }) => {
    await clean(ctx, indexName);
    return null;
  },
});

/**
 * Forget the ids of deleted rows in all indexes' changes, some a call; true if
 * there may be more. An embedded deployment calls it before it is compacted.
 */
export const dropChanges = internalMutationGeneric({
  args: {},
  returns: v.boolean(),
  handler: async (ctx) => await dropSome(ctx),
});

/** Throws what the backend offers, for the operations `backend` and `version`. */
export const tryBackend = internalMutationGeneric({
  args: {},
  returns: v.null(),
  handler: throwBackend,
});
