// `convex/server`: registering functions, referring to them, and the schema.

import { asValidator, v } from "convex/values";
import { leftOut } from "engine/left_out";

export { anyApi, filterApi, getFunctionName, makeFunctionReference } from "engine/references";

function register(kind, visibility) {
  return (definition) => {
    const handler = typeof definition === "function" ? definition : definition.handler;
    const registered = (ctx, args) => handler(ctx, args);
    registered[`is${kind}`] = true;
    registered[`is${visibility}`] = true;
    registered._handler = handler;
    registered.args = definition.args === undefined ? v.any() : asValidator(definition.args);
    registered.returns =
      definition.returns === undefined || definition.returns === null ? v.any() : asValidator(definition.returns);
    return registered;
  };
}

export const queryGeneric = register("Query", "Public");
export const mutationGeneric = register("Mutation", "Public");
export const actionGeneric = register("Action", "Public");
export const internalQueryGeneric = register("Query", "Internal");
export const internalMutationGeneric = register("Mutation", "Internal");
export const internalActionGeneric = register("Action", "Internal");

class TableDefinition {
  constructor(document) {
    this.validator = document;
    this.indexes = [];
    this.vectorIndexes = [];
  }
  index(indexDescriptor, given) {
    this.indexes.push({ indexDescriptor, fields: Array.isArray(given) ? given : given.fields });
    return this;
  }
  vectorIndex(indexDescriptor, { vectorField, dimensions, filterFields = [] }) {
    this.vectorIndexes.push({ indexDescriptor, vectorField, dimensions, filterFields });
    return this;
  }
}

TableDefinition.prototype.searchIndex = leftOut("searchIndex");

export function defineTable(document) {
  return new TableDefinition(asValidator(document));
}

export function defineSchema(tables, { schemaValidation = true } = {}) {
  return { tables, schemaValidation };
}

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
    isDone: v.boolean(),
    continueCursor: v.string(),
    splitCursor: v.optional(v.union(v.string(), v.null())),
    pageStatus: v.optional(v.union(v.literal("SplitRecommended"), v.literal("SplitRequired"), v.null())),
  });

export const cronJobs = leftOut("cronJobs");
export const httpRouter = leftOut("httpRouter");
export const httpActionGeneric = leftOut("httpAction");
export const defineApp = leftOut("defineApp");
export const defineComponent = leftOut("defineComponent");
export const createFunctionHandle = leftOut("createFunctionHandle");

/** Any component of an app: to name one is fine, to use it isn't. */
export const componentsGeneric = () => new Proxy({}, { get: (_, name) => leftOut(`components.${String(name)}`)() });
