/**
 * The builders and contexts of our functions: what `_generated/server` is to
 * a project of its own. Ours must compile in anyone's project.
 *
 * @module
 */
import {
  internalMutationGeneric,
  type AnyDataModel,
  type DataModelFromSchemaDefinition,
  type GenericActionCtx,
  type GenericDatabaseReader,
  type GenericDatabaseWriter,
  type MutationBuilder,
  type OrderedQuery,
  type SchemaDefinition,
} from "convex/server";
import type { mastraTables } from "../schema";

export type DataModel = DataModelFromSchemaDefinition<
  SchemaDefinition<typeof mastraTables, true>
>;
export type TableName = keyof typeof mastraTables;
/** Tables whose rows are named by `id`. */
export type RecordTable = Exclude<
  TableName,
  | "mastra_vectors"
  | "mastra_documents"
  | "mastra_cache"
  | "mastra_cache_list_items"
  | "mastra_counts"
>;

export const internalMutation: MutationBuilder<DataModel, "internal"> =
  internalMutationGeneric;

export type ReadCtx = { db: GenericDatabaseReader<DataModel> };
export type WriteCtx = { db: GenericDatabaseWriter<DataModel> };

/** Where the table is known only at run time. */
export type AnyReadCtx = { db: GenericDatabaseReader<AnyDataModel> };
export type AnyWriteCtx = { db: GenericDatabaseWriter<AnyDataModel> };
export type SearchCtx = Pick<GenericActionCtx<AnyDataModel>, "vectorSearch">;
export type AnyRows = OrderedQuery<AnyDataModel[string]>;
/** A document whose fields the caller knows. */
export type StoredRow = AnyDataModel[string]["document"];
