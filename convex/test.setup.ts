/**
 * The set-up of the tests: the functions and the schema under convex-test.
 *
 * Convex doesn't push files with two dots in their names, such as this one.
 *
 * @module
 */
import { convexTest, type TestConvex } from "convex-test";
import {
  defineSchema,
  makeFunctionReference,
  type GenericMutationCtx,
  type GenericSchema,
  type SchemaDefinition,
} from "convex/server";
import { handleRequest } from "./mastra/operations/storage";
import type { DataModel } from "./mastra/model/server";
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
export const cacheHandle = makeFunctionReference<"mutation">(
  "mastra/cache:handle",
);
export const native = {
  query: makeFunctionReference<"action">("mastra/nativeVector:query"),
  read: makeFunctionReference<"query">("mastra/nativeVector:read"),
  write: makeFunctionReference<"mutation">("mastra/nativeVector:write"),
};

/** Calls of `storage:handle` on a deployment. */
export const storageOf =
  (db: Deployment) =>
  (op: string, tableName: string, rest: object = {}) =>
    db.mutation(handle, { op, tableName, ...rest });

/** Fold the count of a list: of the rows with a value, or of all that satisfy conditions. */
export async function tidied(
  db: Deployment,
  tableName: string,
  conditions: Record<string, unknown> = {},
) {
  const filters = Object.entries(conditions).map(([field, value]) => ({
    field,
    value,
  }));
  const request = { op: "tidy", tableName, filters };
  while ((await db.mutation(handle, request)).hasMore);
}

/** The rows of a table in the order they were created, without Convex's own fields. */
export const storedIn = async (db: Deployment, tableName: string) => {
  const rows = await db.run((ctx) => ctx.db.query(tableName).collect());
  return rows.map(({ _id, _creationTime, ...row }) => row);
};

/** How many documents a request reads, by Convex's own count. */
export const documentsRead = (db: Deployment, request: object) =>
  db.run(async (ctx) => {
    const mutation = ctx as unknown as GenericMutationCtx<DataModel>;
    const reply = await handleRequest(mutation, { ...request });
    if (!reply.ok) throw new Error(reply.error);
    const metrics = await mutation.meta.getTransactionMetrics();
    return metrics.documentsRead.used;
  });
