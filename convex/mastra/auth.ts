/**
 * The functions that users may call, and on which data. Edit this file.
 *
 * An area without a rule here is closed: its functions are internal, so only an
 * admin key reaches them. A rule opens the area to users, who have tokens from
 * the providers in `auth.config.ts`. A user whom the rule refuses gets a
 * `ConvexError`.
 *
 * An admin key isn't a user, and clients with one, npm's too, work as before.
 * Storage, the cache and native vector indexes have functions of their own for
 * the key, which no rule guards: a user calls `storage:handleAsUser` where a
 * client with the key calls `storage:handle`.
 *
 * @module
 */
import type { Access } from "./model/access";

export const access = {
  // The live queries in `queries.ts`: whether a user may see the data of a
  // resource. The resource is undefined if the data doesn't exist, and for a
  // request for the runs of all resources.
  //
  // queries: (user, resourceId) => user.subject === resourceId,
  //
  // All of storage and the cache, for a runtime that has a token:
  //
  // storage: (user) => user.tokenIdentifier === "https://issuer.example|agent",
  //
  // Searches of vector indexes, live ones too: whether a user may search an
  // index, and see the metadata of all of its rows.
  //
  // vectors: (user, indexName) => indexName === "public_docs",
  //
  // Native vector indexes. Their functions read and write any table that a
  // call names, so the rule says which tables are allowed:
  //
  // nativeVector: (user, tableName) => tableName === "docs_vectors",
} satisfies Access;
