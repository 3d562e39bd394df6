/**
 * Access by the rules of `auth.ts`.
 *
 * @module
 */
import { ConvexError } from "convex/values";
import {
  internalMutationGeneric,
  internalQueryGeneric,
  mutationGeneric,
  queryGeneric,
  type AnyDataModel,
  type Auth,
  type MutationBuilder,
  type QueryBuilder,
  type UserIdentity,
} from "convex/server";
import { access as given } from "../auth";
import type { DataModel } from "./server";

/** Whether a user may, on the data of a resource where it belongs to one. */
export type Rule = (
  user: UserIdentity,
  resourceId?: string,
) => boolean | Promise<boolean>;

/** What can be opened. */
export type Access = { queries?: Rule; storage?: Rule };

type Area = keyof Access;
type Visibility<A extends Area> =
  typeof given extends Record<A, Rule> ? "public" : "internal";

const access: Access = given;

/** Registers a live query: internal, unless a rule opens it. */
export const liveQuery = (
  access.queries ? queryGeneric : internalQueryGeneric
) as QueryBuilder<AnyDataModel, Visibility<"queries">>;

/** Registers a mutation on all of storage: internal, unless a rule opens it. */
export const storageMutation = (
  access.storage ? mutationGeneric : internalMutationGeneric
) as MutationBuilder<DataModel, Visibility<"storage">>;

/** Refuses who is no user, or one whom the rule refuses. */
export async function checkAccess(
  { auth }: { auth: Auth },
  area: Area,
  resourceId?: string,
): Promise<void> {
  const rule = access[area];
  // Internal: whoever called has an admin key.
  if (rule === undefined) return;
  const user = await auth.getUserIdentity();
  if (user === null) {
    throw new ConvexError({
      code: "Unauthenticated",
      message: `mastra ${area}: expected a user's token`,
    });
  }
  if (!(await rule(user, resourceId))) {
    throw new ConvexError({
      code: "Forbidden",
      message: `mastra ${area}: not this user's to call`,
    });
  }
}
