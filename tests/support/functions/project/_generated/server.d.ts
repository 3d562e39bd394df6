// What `npx convex codegen` says of the builders.
import type { MutationBuilder, QueryBuilder } from "convex/server";
import type { DataModel } from "./dataModel";

export declare const mutation: MutationBuilder<DataModel, "public">;
export declare const query: QueryBuilder<DataModel, "public">;
