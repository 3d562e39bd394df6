// The types of the builders, as `npx convex codegen` writes them.
import type { MutationBuilder, QueryBuilder } from "convex/server";
import type { DataModel } from "./dataModel";

export declare const mutation: MutationBuilder<DataModel, "public">;
export declare const query: QueryBuilder<DataModel, "public">;
