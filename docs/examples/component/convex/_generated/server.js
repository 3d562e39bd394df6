// Written by `npx convex codegen`.
import { actionGeneric, mutationGeneric, queryGeneric } from "convex/server";

export const query = queryGeneric;
export const mutation = mutationGeneric;
export const action = actionGeneric;
