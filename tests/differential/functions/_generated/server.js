// As `npx convex codegen` would have it; the embedded deployment brings its own.
export {
  actionGeneric as action,
  mutationGeneric as mutation,
  queryGeneric as query,
} from "convex/server";
