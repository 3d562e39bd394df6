/**
 * Live queries, for React's `useQuery` and Python's `subscribe`. They return
 * documents as they are stored.
 *
 * `auth.ts` says whether users may call them. A missing record is refused as
 * another user's is, so that users can't find out which ids exist.
 *
 * @module
 */
import type { AnyDataModel, GenericQueryCtx } from "convex/server";
import { ConvexError, v } from "convex/values";
import { checkAccess, liveQuery } from "./model/access";
import * as live from "./model/live";
import { itemsFrom } from "./operations/cache";
import { lastChangeOfVectors } from "./operations/messageVectors";
import { countResult, liveOrder, livePage } from "./validators";

/** A thread, or null. */
export const watchThread = liveQuery({
  args: { threadId: v.string() },
  returns: v.union(v.any(), v.null()),
  handler: async (ctx, { threadId }) => {
    const thread = await live.thread(ctx, threadId);
    await checkAccess(ctx, "queries", thread?.resourceId);
    return thread;
  },
});

/**
 * A thread's messages by `createdAt`, at most 1000.
 *
 * With `last`, that many of the newest messages: the oldest of them first, or
 * the newest first with `order: "desc"`. A chat needs this argument, to show new
 * messages. Otherwise the first `limit` in the order: with "asc", the default,
 * the thread's oldest, so newer messages beyond them never show.
 */
export const watchMessages = liveQuery({
  args: {
    threadId: v.string(),
    last: v.optional(v.number()),
    limit: v.optional(v.number()),
    order: liveOrder,
  },
  returns: v.array(v.any()),
  handler: async (ctx, { threadId, last, limit, order = "asc" }) => {
    await checkThread(ctx, threadId);
    if (last === undefined) {
      const messages = live.messages(threadId, order);
      return await live.first(ctx, messages, limit ?? 100);
    }
    if (limit !== undefined) {
      throw new ConvexError({
        code: "InvalidArgument",
        message: `last: ${last} and limit: ${limit}; expected one of them`,
      });
    }
    const newest = await live.first(
      ctx,
      live.messages(threadId, "desc"),
      last,
      "last",
    );
    return order === "desc" ? newest : newest.reverse();
  },
});

/**
 * All that a memory's context depends on: a thread and its resource, or null,
 * the thread's newest `last` messages, oldest first, and with `recalls` when the
 * vectors of messages last changed.
 */
export const watchMemory = liveQuery({
  args: {
    threadId: v.string(),
    resourceId: v.optional(v.string()),
    last: v.number(),
    recalls: v.boolean(),
  },
  returns: v.object({
    thread: v.union(v.any(), v.null()),
    resource: v.union(v.any(), v.null()),
    last: v.array(v.any()),
    changed: v.union(v.int64(), v.null()),
  }),
  handler: async (ctx, { threadId, last, recalls, ...asked }) => {
    const thread = await live.thread(ctx, threadId);
    const resourceId = asked.resourceId ?? thread?.resourceId;
    await checkAccess(ctx, "queries", thread?.resourceId);
    await checkAccess(ctx, "queries", resourceId);
    const messages = live.messages(threadId, "desc");
    const newest =
      last === 0 ? [] : await live.first(ctx, messages, last, "last");
    return {
      thread,
      resource: resourceId ? await live.resource(ctx, resourceId) : null,
      last: newest.reverse(),
      changed: recalls ? await lastChangeOfVectors(ctx) : null,
    };
  },
});

/** A resource's first `limit` threads by `createdAt`, by default the newest 50; at most 1000. */
export const watchThreadsByResource = liveQuery({
  args: {
    resourceId: v.string(),
    limit: v.optional(v.number()),
    order: liveOrder,
  },
  returns: v.array(v.any()),
  handler: async (ctx, { resourceId, limit = 50, order = "desc" }) => {
    await checkAccess(ctx, "queries", resourceId);
    return await live.first(ctx, live.threads(resourceId, order), limit);
  },
});

/** A resource, or null. */
export const watchResource = liveQuery({
  args: { resourceId: v.string() },
  returns: v.union(v.any(), v.null()),
  handler: async (ctx, { resourceId }) => {
    await checkAccess(ctx, "queries", resourceId);
    return await live.resource(ctx, resourceId);
  },
});

/** The snapshot of a workflow's run, or null. */
export const watchWorkflowRun = liveQuery({
  args: { workflowName: v.string(), runId: v.string() },
  returns: v.union(v.any(), v.null()),
  handler: async (ctx, { workflowName, runId }) => {
    const run = await live.run(ctx, workflowName, runId);
    await checkAccess(ctx, "queries", run?.resourceId);
    return run;
  },
});

const runFilter = {
  workflowName: v.optional(v.string()),
  resourceId: v.optional(v.string()),
};

/** The latest `limit` runs, by default 50, at most 1000: of a workflow, of a resource, of both or of all. */
export const watchWorkflowRuns = liveQuery({
  args: { ...runFilter, limit: v.optional(v.number()) },
  returns: v.array(v.any()),
  handler: async (ctx, { limit = 50, ...filter }) => {
    await checkAccess(ctx, "queries", filter.resourceId);
    return await live.first(ctx, live.runs(filter), limit);
  },
});

const text = v.optional(v.string());
const limit = v.optional(v.number());

/**
 * The latest `limit` traces, each by its root span, by default 50, at most
 * 1000: all, or those that equal what is given.
 */
export const watchTraces = liveQuery({
  args: {
    runId: text,
    threadId: text,
    resourceId: text,
    entityId: text,
    limit,
  },
  returns: v.array(v.any()),
  handler: async (ctx, { limit = 50, ...fields }) => {
    await checkAccess(ctx, "queries", fields.resourceId);
    return await live.first(ctx, live.traces(fields), limit);
  },
});

/** The latest `limit` scores, by default 50, at most 1000: all, or those that equal what is given. */
export const watchScores = liveQuery({
  args: {
    scorerId: text,
    runId: text,
    entityId: text,
    entityType: text,
    limit,
  },
  returns: v.array(v.any()),
  handler: async (ctx, { limit = 50, ...fields }) => {
    await checkAccess(ctx, "queries");
    return await live.first(ctx, live.scores(fields), limit);
  },
});

/** The latest `limit` background tasks, by default 50, at most 1000: all, or those that equal what is given. */
export const watchTasks = liveQuery({
  args: {
    status: text,
    agentId: text,
    threadId: text,
    resourceId: text,
    runId: text,
    limit,
  },
  returns: v.array(v.any()),
  handler: async (
    ctx,
    { limit = 50, status, agentId, threadId, resourceId, runId },
  ) => {
    await checkAccess(ctx, "queries", resourceId);
    const fields = {
      status,
      agent_id: agentId,
      thread_id: threadId,
      resource_id: resourceId,
      run_id: runId,
    };
    return await live.first(ctx, live.tasks(fields), limit);
  },
});

/** A thread's state of a type, or null. */
export const watchThreadState = liveQuery({
  args: { threadId: v.string(), type: v.string() },
  returns: v.union(v.any(), v.null()),
  handler: async (ctx, { threadId, type }) => {
    await checkThread(ctx, threadId);
    return await live.threadState(ctx, threadId, type);
  },
});

/** A thread's states by their type, at most 1000. */
export const watchThreadStates = liveQuery({
  args: { threadId: v.string() },
  returns: v.array(v.any()),
  handler: async (ctx, { threadId }) => {
    await checkThread(ctx, threadId);
    return await live.first(ctx, live.threadStates(threadId), 1000);
  },
});

/** The first `limit` notifications of a thread, those updated last first, by default 50, at most 1000. */
export const watchNotifications = liveQuery({
  args: { threadId: v.string(), status: text, limit },
  returns: v.array(v.any()),
  handler: async (ctx, { limit = 50, ...fields }) => {
    await checkThread(ctx, fields.threadId);
    return await live.first(ctx, live.notifications(fields), limit);
  },
});

/** The latest `limit` experiments, by default 50, at most 1000: all, or those that equal what is given. */
export const watchExperiments = liveQuery({
  args: { datasetId: text, status: text, limit },
  returns: v.array(v.any()),
  handler: async (ctx, { limit = 50, ...fields }) => {
    await checkAccess(ctx, "queries");
    return await live.first(ctx, live.experiments(fields), limit);
  },
});

/**
 * The entry at a key of the server cache, prefix included, and the items of its
 * list from the index `from` on, at most 1000; null if there is nothing.
 */
export const watchCacheList = liveQuery({
  args: { key: v.string(), from: v.number() },
  returns: v.union(v.any(), v.null()),
  handler: async (ctx, { key, from }) => {
    await checkAccess(ctx, "queries");
    return await itemsFrom(ctx, key, from);
  },
});

/** How many messages a thread has. */
export const countMessages = liveQuery({
  args: { threadId: v.string() },
  returns: countResult,
  handler: async (ctx, { threadId }) => {
    await checkThread(ctx, threadId);
    return await live.count(ctx, "mastra_messages", { thread_id: threadId });
  },
});

/** How many threads there are, of a resource or of all. */
export const countThreads = liveQuery({
  args: { resourceId: v.optional(v.string()) },
  returns: countResult,
  handler: async (ctx, { resourceId }) => {
    await checkAccess(ctx, "queries", resourceId);
    return await live.count(ctx, "mastra_threads", { resourceId });
  },
});

/** How many runs there are. */
export const countWorkflowRuns = liveQuery({
  args: runFilter,
  returns: countResult,
  handler: async (ctx, { workflowName, resourceId }) => {
    await checkAccess(ctx, "queries", resourceId);
    return await live.count(ctx, "mastra_workflow_snapshots", {
      resourceId,
      workflow_name: workflowName,
    });
  },
});

const page = {
  cursor: v.optional(v.union(v.string(), v.null())),
  limit: v.optional(v.number()),
};

/** A page of a thread's messages by `createdAt`. */
export const paginatedMessages = liveQuery({
  args: { threadId: v.string(), order: liveOrder, ...page },
  returns: livePage,
  handler: async (ctx, { threadId, order = "asc", ...page }) => {
    await checkThread(ctx, threadId);
    return await live.page(ctx, live.messages(threadId, order), page);
  },
});

/** A page of a resource's threads by `createdAt`. */
export const paginatedThreads = liveQuery({
  args: { resourceId: v.string(), order: liveOrder, ...page },
  returns: livePage,
  handler: async (ctx, { resourceId, order = "desc", ...page }) => {
    await checkAccess(ctx, "queries", resourceId);
    return await live.page(ctx, live.threads(resourceId, order), page);
  },
});

/** A page of runs, latest first. */
export const paginatedWorkflowRuns = liveQuery({
  args: { ...runFilter, ...page },
  returns: livePage,
  handler: async (ctx, { cursor, limit, ...filter }) => {
    await checkAccess(ctx, "queries", filter.resourceId);
    return await live.page(ctx, live.runs(filter), { cursor, limit });
  },
});

/** Messages are their thread's owner's. */
async function checkThread(
  ctx: GenericQueryCtx<AnyDataModel>,
  threadId: string,
) {
  const thread = await live.thread(ctx, threadId);
  await checkAccess(ctx, "queries", thread?.resourceId);
}
