/**
 * The form of a table's declaration, which has all facts of the table.
 *
 * The schema, the rules for writing, the choice of an index and the counts of
 * rows derive from it.
 *
 * @module
 */
import { defineTable, type TableDefinition } from "convex/server";
import type { ObjectType, PropertyValidators, VObject } from "convex/values";

/** The declaration of a table of records, whose rows are named by `id`. */
export type RecordRules<Column extends string = string> = {
  /**
   * Columns that name a row together, where its `id` is made of them. Two rows
   * can have the same `id`, where the names contain hyphens.
   */
  names?: Column[];
  /** Values of columns that a new record leaves out. */
  defaults?: { [C in Column]?: unknown };
  /** Columns that an update leaves as they were first written. */
  keptOnUpdate?: Column[];
  /** Columns that may be absent but not null: a null clears them. */
  clearedByNull?: Column[];
  /** Columns that are computed from those that a write gives. */
  derived?: (record: Record<string, unknown>) => { [C in Column]?: unknown };
  /** The column with the resource that a row belongs to, and with which it is forgotten. */
  owner?: Column;
  /** The column with the thread that a row belongs to, and with which it is deleted. */
  thread?: Column;
  /**
   * The column with the date from which a row's age counts. Rows of a table
   * without one, and rows without a date, are never pruned for their age.
   */
  agedBy?: Column;
  /** The lists whose rows are counted as they are written. */
  counted?: {
    /** Columns: the rows that have the same value there are a list each. */
    by?: Column[];
    /** The rows that equal this, `{}` for all rows, are a list. */
    where?: { [C in Column]?: unknown };
    /** The column by which the lists are ordered, `createdAt` by default. */
    order?: Column;
  };
};

/** An index by its name, and its columns. */
export type Index = { name: string; fields: readonly string[] };

/** A table's declaration, which stands beside its definition for Convex. */
export type Declaration<Name extends string, IsRecords extends boolean> = {
  name: Name;
  /** Whether each row is a record, named by its column `id`. */
  isRecords: IsRecords;
  /** Of indexes that serve a request equally well the first is used. */
  indexes: readonly Index[];
  rules: RecordRules;
};

export type DeclaredTable<
  Name extends string,
  IsRecords extends boolean,
  Fields extends PropertyValidators,
  Indexes extends Record<string, readonly string[]>,
> = TableDefinition<
  VObject<ObjectType<Fields>, Fields>,
  { [I in keyof Indexes]: [...Indexes[I], "_creationTime"] }
> & { declaration: Declaration<Name, IsRecords> };

type ColumnsOf<Fields> = keyof Fields & string;
/** A column, or what is inside of one: `metadata.message_id`. */
type PathsIn<Fields> = ColumnsOf<Fields> | `${ColumnsOf<Fields>}.${string}`;
type IndexesOn<Fields> = Record<
  string,
  readonly [PathsIn<Fields>, ...PathsIn<Fields>[]]
>;

/** Declare a table of records: it has the operations that all records have. */
export function recordTable<
  Name extends string,
  Fields extends PropertyValidators,
  const Indexes extends IndexesOn<Fields>,
>(
  name: Name,
  {
    fields,
    indexes,
    ...rules
  }: { fields: Fields; indexes: Indexes } & RecordRules<ColumnsOf<Fields>>,
): DeclaredTable<Name, true, Fields, Indexes> {
  return declared(name, true, fields, indexes, rules) as never;
}

/** Declare a table whose rows only operations of its own write. */
export function ownTable<
  Name extends string,
  Fields extends PropertyValidators,
  const Indexes extends IndexesOn<Fields>,
>(
  name: Name,
  { fields, indexes }: { fields: Fields; indexes: Indexes },
): DeclaredTable<Name, false, Fields, Indexes> {
  return declared(name, false, fields, indexes, {}) as never;
}

function declared(
  name: string,
  isRecords: boolean,
  fields: PropertyValidators,
  columns: Record<string, readonly string[]>,
  rules: RecordRules,
) {
  const table = defineTable(fields);
  const indexes = Object.entries(columns).map(([name, fields]) => ({
    name,
    fields,
  }));
  for (const { name, fields } of indexes) {
    // The types of a definition can't be followed through a loop.
    table.index(name, [...fields] as never);
  }
  const declaration: Declaration<string, boolean> = {
    name,
    isRecords,
    indexes,
    rules,
  };
  return Object.assign(table, { declaration });
}

type AnyTable = { declaration: Declaration<string, boolean> };

/** Tables by their names. */
export function byName<Tables extends Record<string, AnyTable>>(
  tables: Tables,
): {
  [T in keyof Tables as Tables[T]["declaration"]["name"]]: Tables[T];
} {
  return Object.fromEntries(
    Object.values(tables).map((table) => [table.declaration.name, table]),
  ) as never;
}
