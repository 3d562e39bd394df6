/**
 * The contexts of our functions: part of what `_generated/server` is to
 * a project of its own. Ours must compile in anyone's project.
 *
 * @module
 */
import type {
  AnyDataModel,
  DataModelFromSchemaDefinition,
  GenericActionCtx,
  GenericDatabaseReader,
  GenericDatabaseWriter,
  GenericMutationCtx,
  OrderedQuery,
  SchemaDefinition,
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
  | "mastra_vector_changes"
  | "mastra_documents"
  | "mastra_cache"
  | "mastra_cache_list_items"
  | "mastra_counts"
>;

export type ReadCtx = { db: GenericDatabaseReader<DataModel> };
export type WriteCtx = Pick<GenericMutationCtx<DataModel>, "db" | "meta">;

/** Where the table is known only at run time. */
export type AnyReadCtx = { db: GenericDatabaseReader<AnyDataModel> };
export type AnyWriteCtx = { db: GenericDatabaseWriter<AnyDataModel> };
export type SearchCtx = Pick<GenericActionCtx<AnyDataModel>, "vectorSearch">;
export type AnyRows = OrderedQuery<AnyDataModel[string]>;
/** A document whose fields the caller knows. */
export type StoredRow = AnyDataModel[string]["document"];
