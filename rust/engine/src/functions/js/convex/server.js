// `convex/server`: registering functions, referring to them, and the schema.

import { asObjectValidator, v } from "convex/values";
import { leftOut, leftOutClass } from "engine/left_out";

export { anyApi, filterApi, getFunctionAddress, getFunctionName, makeFunctionReference } from "engine/references";
export { defineSchema, defineTable, docValidator } from "engine/schema";

function register(kind, visibility) {
  return (definition) => {
    const { handler, args, returns } = typeof definition === "function" ? { handler: definition } : definition;
    const registered = (ctx, args) => handler(ctx, args);
    registered[`is${kind}`] = true;
    registered[`is${visibility}`] = true;
    registered[`invoke${kind}`] = leftOut(`invoke${kind}`);
    registered._handler = handler;
    const text = (validator, otherwise) => JSON.stringify(validator ? asObjectValidator(validator).json : otherwise);
    registered.exportArgs = () => text(args, v.any().json);
    registered.exportReturns = () => text(returns, null);
    return registered;
  };
}

export const queryGeneric = register("Query", "Public");
export const mutationGeneric = register("Mutation", "Public");
export const actionGeneric = register("Action", "Public");
export const internalQueryGeneric = register("Query", "Internal");
export const internalMutationGeneric = register("Mutation", "Internal");
export const internalActionGeneric = register("Action", "Internal");

export const paginationOptsValidator = v.object({
  numItems: v.number(),
  cursor: v.union(v.string(), v.null()),
  endCursor: v.optional(v.union(v.string(), v.null())),
  id: v.optional(v.number()),
  maximumRowsRead: v.optional(v.number()),
  maximumBytesRead: v.optional(v.number()),
});

export const paginationResultValidator = (item) =>
  v.object({
    page: v.array(item),
    continueCursor: v.string(),
    isDone: v.boolean(),
    splitCursor: v.optional(v.union(v.string(), v.null())),
    pageStatus: v.optional(v.union(v.literal("SplitRecommended"), v.literal("SplitRequired"), v.null())),
  });

export const cronJobs = leftOut("cronJobs");
export const httpRouter = leftOut("httpRouter");
export const HttpRouter = leftOutClass("HttpRouter");
export const ROUTABLE_HTTP_METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
export const httpActionGeneric = leftOut("httpAction");
export const SearchFilter = leftOutClass("SearchFilter");
export const defineApp = leftOut("defineApp");
export const defineComponent = leftOut("defineComponent");
export const createFunctionHandle = leftOut("createFunctionHandle");
export const currentSystemUdfInComponent = leftOut("currentSystemUdfInComponent");
export const getServiceToken = leftOut("getServiceToken");
export const getServiceUrl = leftOut("getServiceUrl");

/** Audit logs. A variable stands for what the log would hold. */
export const log = {
  audit: leftOut("log.audit"),
  vars: Object.fromEntries(["requestId", "ip", "userAgent", "now", "convexActor"].map((name) => [name, { variable: name }])),
};

/** Any component of an app. Naming one is allowed; using it raises an error. */
export const componentsGeneric = () => new Proxy({}, { get: (_, name) => leftOut(`components.${String(name)}`)() });
