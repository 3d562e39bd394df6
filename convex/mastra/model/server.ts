/**
 * The contexts of our functions, which a project would import from
 * `_generated/server`. Ours must compile in any project.
 *
 * @module
 */
import type {
  AnyDataModel,
  DataModelFromSchemaDefinition,
  GenericActionCtx,
  GenericMutationCtx,
  GenericQueryCtx,
  OrderedQuery,
  SchemaDefinition,
} from "convex/server";
import type { mastraTables } from "../schema";

export type DataModel = DataModelFromSchemaDefinition<
  SchemaDefinition<typeof mastraTables, true>
>;
export type TableName = keyof typeof mastraTables;
/** Tables whose rows are named by `id`. */
export type RecordTable = {
  [
    T in TableName
  ]: (typeof mastraTables)[T]["declaration"]["isRecords"] extends true
    ? T
    : never;
}[TableName];

export type ReadCtx = Pick<GenericQueryCtx<DataModel>, "db" | "meta">;
export type WriteCtx = Pick<
  GenericMutationCtx<DataModel>,
  "db" | "meta" | "runMutation" | "scheduler"
>;

/**
 * Contexts of tables that are known only at run time. They have our tables too,
 * which `AnyDataModel` doesn't.
 */
/* eslint-disable @typescript-eslint/no-explicit-any */
export type AnyReadCtx = Pick<GenericQueryCtx<any>, "db" | "meta">;
export type AnyWriteCtx = Pick<GenericMutationCtx<any>, keyof WriteCtx>;
/* eslint-enable @typescript-eslint/no-explicit-any */
export type SearchCtx = Pick<GenericActionCtx<AnyDataModel>, "vectorSearch">;
export type AnyRows = OrderedQuery<AnyDataModel[string]>;
/** A document whose fields the caller knows. */
export type StoredRow = AnyDataModel[string]["document"];
