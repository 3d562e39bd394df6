// The types of the functions, as `npx convex codegen` writes them.
import type {
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";
import type * as bookmarks from "../bookmarks";
import type * as mastra_storage from "../mastra/storage";

declare const fullApi: ApiFromModules<{
  bookmarks: typeof bookmarks;
  "mastra/storage": typeof mastra_storage;
}>;
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;
