// Written by `npx convex codegen`, which also knows the types of the component.
import type {
  AnyChildComponents,
  ApiFromModules,
  FilterApi,
  FunctionReference,
} from "convex/server";
import type * as chat from "../chat";

declare const fullApi: ApiFromModules<{ chat: typeof chat }>;
export declare const api: FilterApi<
  typeof fullApi,
  FunctionReference<any, "public">
>;
export declare const internal: FilterApi<
  typeof fullApi,
  FunctionReference<any, "internal">
>;
export declare const components: AnyChildComponents;
