import {
  defineSchema,
  type GenericSchema,
  type SchemaDefinition,
} from "convex/server";
import { expect, test } from "vitest";
import schema from "../schema";
import { defineMastraNativeVectorTable, mastraTables } from "./schema";

const exported = (definition: SchemaDefinition<GenericSchema, boolean>) =>
  // The output that `npx convex deploy` sends; it isn't in the declared types.
  JSON.parse((definition as unknown as { export(): string }).export()).tables;

test("the project's schema holds every table of ours", () => {
  expect(
    exported(schema).map((t: { tableName: string }) => t.tableName),
  ).toEqual(Object.keys(mastraTables));
});

test("a native vector table has its vector index and nothing to filter on", () => {
  const [table] = exported(
    defineSchema({ docs: defineMastraNativeVectorTable({ dimensions: 384 }) }),
  );
  expect(table.indexes).toEqual([
    { indexDescriptor: "by_record_id", fields: ["id"] },
  ]);
  expect(table.vectorIndexes).toEqual([
    {
      indexDescriptor: "by_embedding",
      vectorField: "embedding",
      dimensions: 384,
      filterFields: [],
    },
  ]);
  expect(Object.keys(table.documentType.value).sort()).toEqual([
    "embedding",
    "id",
    "metadata",
  ]);
});

test("filter fields become optional columns of any type", () => {
  const [table] = exported(
    defineSchema({
      docs: defineMastraNativeVectorTable({
        dimensions: 2,
        vectorIndexName: "by_meaning",
        filterFields: ["lang", "year"],
      }),
    }),
  );
  expect(table.vectorIndexes[0]).toMatchObject({
    indexDescriptor: "by_meaning",
    filterFields: ["lang", "year"],
  });
  expect(table.documentType.value.lang).toEqual({
    fieldType: { type: "any" },
    optional: true,
  });
});

test("a staged vector index is declared as staged", () => {
  const [table] = exported(
    defineSchema({
      docs: defineMastraNativeVectorTable({ dimensions: 4096, staged: true }),
    }),
  );
  expect(table.vectorIndexes).toEqual([]);
  expect(table.stagedVectorIndexes).toHaveLength(1);
});

test.each([1, 4097, 2.5, NaN])("%d dimensions are refused", (dimensions) => {
  expect(() => defineMastraNativeVectorTable({ dimensions })).toThrow(
    "defineMastraNativeVectorTable: dimensions must be an integer between 2 and 4096.",
  );
});

test("a filter field may not be one of the table's own columns", () => {
  expect(() =>
    defineMastraNativeVectorTable({ dimensions: 2, filterFields: ["id"] }),
  ).toThrow('filterFields must not repeat the column "id"');
});

test("a native vector table's columns and index can have other names", () => {
  const [table] = exported(
    defineSchema({
      docs: defineMastraNativeVectorTable({
        dimensions: 3,
        filterFields: ["id"],
        idField: "key",
        idIndexName: "by_key",
        vectorField: "vector",
        metadataField: "about",
      }),
    }),
  );
  expect(table.indexes).toEqual([
    { indexDescriptor: "by_key", fields: ["key"] },
  ]);
  expect(table.vectorIndexes[0]).toMatchObject({
    vectorField: "vector",
    filterFields: ["id"],
  });
  expect(Object.keys(table.documentType.value).sort()).toEqual([
    "about",
    "id",
    "key",
    "vector",
  ]);
});

test("a native vector table's columns have names of their own", () => {
  expect(() =>
    defineMastraNativeVectorTable({ dimensions: 2, idField: "metadata" }),
  ).toThrow("idField, vectorField and metadataField must differ");
  expect(() =>
    defineMastraNativeVectorTable({
      dimensions: 2,
      vectorField: "vector",
      filterFields: ["vector"],
    }),
  ).toThrow('filterFields must not repeat the column "vector"');
});
