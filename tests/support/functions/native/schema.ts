// Our tables, and two native vector tables.
import { defineSchema } from "convex/server";
import { defineMastraNativeVectorTable, mastraTables } from "./mastra/schema";
import { notesTable } from "./notes";

export default defineSchema({
  ...mastraTables,
  docs_vectors: defineMastraNativeVectorTable({ dimensions: 3 }),
  notes: notesTable,
});
