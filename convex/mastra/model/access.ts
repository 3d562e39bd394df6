/**
 * Access by the rules of `auth.ts`.
 *
 * @module
 */
import { ConvexError } from "convex/values";
import {
  actionGeneric,
  internalActionGeneric,
  internalMutationGeneric,
  internalQueryGeneric,
  mutationGeneric,
  queryGeneric,
  type ActionBuilder,
  type AnyDataModel,
  type Auth,
  type MutationBuilder,
  type QueryBuilder,
  type UserIdentity,
} from "convex/server";
import { access as given } from "../auth";
import { isComponent } from "./component";
import type { DataModel } from "./server";

/** Whether a user may. */
export type Rule = (user: UserIdentity) => boolean | Promise<boolean>;

/** Whether a user may, on the data of a resource where it belongs to one. */
export type ResourceRule = (
  user: UserIdentity,
  resourceId?: string,
) => boolean | Promise<boolean>;

/** Whether a user may, on the rows of a table. */
export type TableRule = (
  user: UserIdentity,
  tableName: string,
) => boolean | Promise<boolean>;

/** Whether a user may, on the rows of a vector index. */
export type IndexRule = (
  user: UserIdentity,
  indexName: string,
) => boolean | Promise<boolean>;

/** The areas that can be opened. */
export type Access = {
  queries?: ResourceRule;
  storage?: Rule;
  vectors?: IndexRule;
  nativeVector?: TableRule;
};

/**
 * The user as whom Python's `mastra_convex` calls with the owner's credential.
 * An admin acts as this user, since the rules are about users. No other caller
 * can be this user: users have tokens from a provider in `auth.config.ts`, and
 * the issuers of tokens are URLs.
 */
const ADMINISTRATOR = "mastra-convex|admin";

type Area = keyof Access;
/** The arguments of a rule, besides the user. */
type Of<A extends Area> = Required<Access>[A] extends (
  user: UserIdentity,
  ...of: infer O
) => unknown
  ? O
  : never;
type Visibility<A extends Area> =
  typeof given extends Record<A, Required<Access>[A]> ? "public" : "internal";

const access: Access = given;

// Storage, the cache and native vector indexes have two functions for each one. A
// public function can't tell an admin key from an anonymous call. So the function
// at the path that npm's clients call is internal, for the admin key, whatever
// `auth.ts` opens. Users call the other one, which asks the rule.
//
// In a component all of them are public, which means public to the app: no client
// reaches them, and the app's own functions know the user and decide.

/** Register functions for an admin key. */
export const adminQuery = (
  isComponent ? queryGeneric : internalQueryGeneric
) as typeof internalQueryGeneric;
export const adminMutation = (
  isComponent ? mutationGeneric : internalMutationGeneric
) as typeof internalMutationGeneric;
export const adminAction = (
  isComponent ? actionGeneric : internalActionGeneric
) as typeof internalActionGeneric;

/** Whether the functions of an area are public. */
const isOpen = (area: Area) => isComponent || access[area] !== undefined;

/** Registers a live query: internal, unless a rule opens it. */
export const liveQuery = (
  isOpen("queries") ? queryGeneric : internalQueryGeneric
) as QueryBuilder<AnyDataModel, Visibility<"queries">>;

/** Registers a user's mutation on all of storage: internal, unless a rule opens it. */
export const storageMutation = (
  isOpen("storage") ? mutationGeneric : internalMutationGeneric
) as MutationBuilder<DataModel, Visibility<"storage">>;

/** Registers a user's functions of native vector indexes: internal, unless a rule opens them. */
export const nativeVectorQuery = (
  isOpen("nativeVector") ? queryGeneric : internalQueryGeneric
) as QueryBuilder<AnyDataModel, Visibility<"nativeVector">>;
export const nativeVectorMutation = (
  isOpen("nativeVector") ? mutationGeneric : internalMutationGeneric
) as MutationBuilder<AnyDataModel, Visibility<"nativeVector">>;
export const nativeVectorAction = (
  isOpen("nativeVector") ? actionGeneric : internalActionGeneric
) as ActionBuilder<AnyDataModel, Visibility<"nativeVector">>;

/** Registers functions that search vector indexes: internal, unless a rule opens them. */
export const vectorQuery = (
  isOpen("vectors") ? queryGeneric : internalQueryGeneric
) as QueryBuilder<AnyDataModel, Visibility<"vectors">>;
export const vectorAction = (
  isOpen("vectors") ? actionGeneric : internalActionGeneric
) as ActionBuilder<AnyDataModel, Visibility<"vectors">>;

/**
 * Refuses callers who aren't users, and users whom the rule refuses; `of` is
 * the resource, or the table.
 */
export async function checkAccess<A extends Area>(
  { auth }: { auth: Auth },
  area: A,
  ...of: Of<A>
): Promise<void> {
  const rule = access[area] as
    | ((user: UserIdentity, ...of: Of<A>) => boolean | Promise<boolean>)
    | undefined;
  // Internal, so the caller has an admin key; or in a component, where it is the app.
  if (rule === undefined || isComponent) return;
  const user = await auth.getUserIdentity();
  if (user === null) {
    throw new ConvexError({
      code: "Unauthenticated",
      message: `mastra ${area}: expected a user's token`,
    });
  }
  if (user.tokenIdentifier === ADMINISTRATOR) return;
  if (!(await rule(user, ...of))) {
    throw new ConvexError({
      code: "Forbidden",
      message: `mastra ${area}: not this user's to call`,
    });
  }
}
