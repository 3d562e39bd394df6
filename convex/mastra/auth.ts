/**
 * The functions that users may call, and on which data. Edit this file.
 *
 * An area without a rule here is closed: its functions are internal, so only an
 * admin key reaches them. A rule opens the area to users, who have tokens from
 * the providers in `auth.config.ts`. An admin key isn't a user. Python's
 * `mastra_convex` works with one all the same, because it acts as an
 * administrator whom every rule admits; other clients have to act as a user. A
 * user whom the rule refuses gets a `ConvexError`.
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
  // Native vector indexes. Their functions read and write any table that a
  // call names, so the rule says which tables are allowed:
  //
  // nativeVector: (user, tableName) => tableName === "docs_vectors",
} satisfies Access;
