// Written by `npx convex codegen`.
import type {
  ActionBuilder,
  AnyDataModel,
  GenericQueryCtx,
  MutationBuilder,
  QueryBuilder,
} from "convex/server";

export type QueryCtx = GenericQueryCtx<AnyDataModel>;
export declare const query: QueryBuilder<AnyDataModel, "public">;
export declare const mutation: MutationBuilder<AnyDataModel, "public">;
export declare const action: ActionBuilder<AnyDataModel, "public">;
