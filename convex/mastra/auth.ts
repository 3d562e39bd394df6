/**
 * Who may call what, on whose data. This file is yours to fill in.
 *
 * What has no rule here is closed: registered internal, so that only an admin
 * key reaches it. A rule opens it to users, whose tokens the providers in
 * `auth.config.ts` vouch for. An admin key is no user: Python's `mastra_convex`
 * goes on with one, since it acts as an administrator whom no rule is asked
 * about, and other clients have to act as a user. A user whom the rule refuses
 * gets a `ConvexError`.
 *
 * @module
 */
import type { Access } from "./model/access";

export const access = {
  // The live queries in `queries.ts`: whether a user may see what belongs to a
  // resource. It is undefined where nothing is found, and where the runs of all
  // resources are asked for.
  //
  // queries: (user, resourceId) => user.subject === resourceId,
  //
  // All of storage and the cache, for a runtime that has a token:
  //
  // storage: (user) => user.tokenIdentifier === "https://issuer.example|agent",
  //
  // Native vector indexes. Their functions read and write any table that they
  // are told, so the rule says which:
  //
  // nativeVector: (user, tableName) => tableName === "docs_vectors",
} satisfies Access;
