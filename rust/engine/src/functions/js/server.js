// `convex/server`: registering functions, and the schema.

import { asValidator, v } from "convex/values";

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
  searchIndex(name) {
    throw new Error(`searchIndex("${name}"): the embedded deployment has no full-text search; a Convex deployment has it.`);
  }
}

export function defineTable(document) {
  return new TableDefinition(asValidator(document));
}

export function defineSchema(tables, { schemaValidation = true } = {}) {
  return { tables, schemaValidation };
}
