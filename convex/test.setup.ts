/**
 * What the tests share: the functions and the schema under convex-test.
 *
 * Convex pushes no file with two dots in its name, so neither this one.
 *
 * @module
 */
import { convexTest, type TestConvex } from "convex-test";
import {
  defineSchema,
  makeFunctionReference,
  type GenericSchema,
  type SchemaDefinition,
} from "convex/server";
import { mastraTables } from "./mastra/schema";

const modules = {
  ...import.meta.glob(["./**/*.ts", "!./**/*.*.ts"]),
  // convex-test finds the root of the functions by this folder.
  "./_generated/api.ts": async () => ({}),
};

/** An empty deployment with our tables and the given ones. */
export function deployment(tables: GenericSchema = {}) {
  return convexTest(defineSchema({ ...mastraTables, ...tables }), modules);
}
export type Deployment = TestConvex<SchemaDefinition<GenericSchema, true>>;

export const handle = makeFunctionReference<"mutation">(
  "mastra/storage:handle",
);
export const native = {
  query: makeFunctionReference<"action">("mastra/nativeVector:query"),
  read: makeFunctionReference<"query">("mastra/nativeVector:read"),
  write: makeFunctionReference<"mutation">("mastra/nativeVector:write"),
};
