// As `npx convex codegen` would have it; the embedded deployment brings its own.
export { anyApi as api } from "convex/server";
