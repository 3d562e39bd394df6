/**
 * A table of native vectors, for a schema.
 *
 * @module
 */
import { defineTable, type TableDefinition } from "convex/server";
import {
  v,
  type ObjectType,
  type VAny,
  type VArray,
  type VFloat64,
  type VObject,
  type VOptional,
  type VString,
} from "convex/values";

/** The result of {@link defineMastraNativeVectorTable}, with default columns. */
export type MastraNativeVectorTable<
  VectorIndexName extends string,
  FilterField extends string,
> = TableDefinition<
  VObject<
    ObjectType<NativeVectorColumns<FilterField>>,
    NativeVectorColumns<FilterField>
  >,
  { by_record_id: ["id", "_creationTime"] },
  Record<never, never>,
  Record<
    VectorIndexName,
    { vectorField: "embedding"; dimensions: number; filterFields: FilterField }
  >
>;

type NativeVectorColumns<FilterField extends string> = {
  id: VString;
  embedding: VArray<number[], VFloat64>;
  metadata: VOptional<VAny>;
} & Record<FilterField, VOptional<VAny>>;

/**
 * Define a table whose vectors Convex itself indexes, for one native index.
 *
 * Columns may have other names, in tables that exist already. The returned type
 * tells the default ones; declare such a table yourself where types matter.
 *
 * @param options.dimensions - Length of its vectors, 2 to 4096.
 * @param options.vectorIndexName - Name of the vector index, `by_embedding` by default.
 * @param options.staged - Build the vector index in the background, see Convex's staged indexes.
 * @param options.filterFields - Metadata keys that queries filter on: each becomes a
 *   top-level column, which writes copy out of `metadata`. Convex allows 16.
 * @param options.idField - The column that holds a row's id, `id` by default.
 * @param options.idIndexName - Name of the index on it, `by_record_id` by default.
 * @param options.vectorField - The column that holds the vector, `embedding` by default.
 * @param options.metadataField - The column that holds the metadata, `metadata` by default.
 *
 * @example
 * ```ts
 * export default defineSchema({
 *   ...mastraTables,
 *   docs_vectors: defineMastraNativeVectorTable({ dimensions: 384, filterFields: ["lang"] }),
 * });
 * ```
 */
export function defineMastraNativeVectorTable<
  VectorIndexName extends string = "by_embedding",
  FilterField extends string = never,
>(options: {
  dimensions: number;
  vectorIndexName?: VectorIndexName;
  staged?: boolean;
  filterFields?: FilterField[];
  idField?: string;
  idIndexName?: string;
  vectorField?: string;
  metadataField?: string;
}): MastraNativeVectorTable<VectorIndexName, FilterField> {
  const { dimensions, staged = false } = options;
  const vectorIndexName: string = options.vectorIndexName ?? "by_embedding";
  const filterFields: string[] = options.filterFields ?? [];
  const {
    idField = "id",
    idIndexName = "by_record_id",
    vectorField = "embedding",
    metadataField = "metadata",
  } = options;

  // The range of Convex's vector indexes: https://docs.convex.dev/search/vector-search
  if (!Number.isInteger(dimensions) || dimensions < 2 || dimensions > 4096) {
    throw new Error(
      "defineMastraNativeVectorTable: dimensions must be an integer between 2 and 4096.",
    );
  }
  const columns = [idField, vectorField, metadataField];
  if (new Set(columns).size < columns.length) {
    throw new Error(
      "defineMastraNativeVectorTable: idField, vectorField and metadataField must differ.",
    );
  }
  const taken = filterFields.find((field) => columns.includes(field));
  if (taken !== undefined) {
    throw new Error(
      `defineMastraNativeVectorTable: filterFields must not repeat the column "${taken}".`,
    );
  }

  const table = defineTable({
    ...Object.fromEntries(
      filterFields.map((field) => [field, v.optional(v.any())]),
    ),
    [idField]: v.string(),
    [vectorField]: v.array(v.float64()),
    [metadataField]: v.optional(v.any()),
  })
    .index(idIndexName, [idField])
    .vectorIndex(vectorIndexName, {
      vectorField,
      dimensions,
      filterFields,
      // The overload for `false` also declares the index's type.
      staged: staged as false,
    });
  // The names are known only to the declared return type.
  return table as unknown as MastraNativeVectorTable<
    VectorIndexName,
    FilterField
  >;
}
