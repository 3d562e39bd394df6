// Schemas: tables with their validators and indexes, in the form that the engine reads.

import { asObjectValidator, v } from "engine/validators";
import { leftOut } from "engine/left_out";

class TableDefinition {
  #indexes = [];
  #stagedIndexes = [];
  #vectorIndexes = [];
  #stagedVectorIndexes = [];
  #stagedValidator;
  constructor(validator) {
    this.validator = validator;
  }
  index(indexDescriptor, given) {
    const { fields, staged = false } = Array.isArray(given) ? { fields: given } : given;
    (staged ? this.#stagedIndexes : this.#indexes).push({ indexDescriptor, fields });
    return this;
  }
  vectorIndex(indexDescriptor, { vectorField, dimensions, filterFields = [], staged = false }) {
    const indexes = staged ? this.#stagedVectorIndexes : this.#vectorIndexes;
    indexes.push({ indexDescriptor, vectorField, dimensions, filterFields });
    return this;
  }
  /** Declares a later validator of the documents: the fields that will change, `undefined` for removed ones. */
  staged(given) {
    if (given?.isConvexValidator) {
      this.#stagedValidator = given;
      return this;
    }
    if (this.validator.kind !== "object") throw new Error("staged(): fields can change only where the table has v.object()");
    const fields = Object.entries({ ...this.validator.fields, ...given }).filter(([, field]) => field !== undefined);
    this.#stagedValidator = v.object(Object.fromEntries(fields));
    return this;
  }
  /** The indexes that queries can use. */
  " indexes"() {
    return this.#indexes;
  }
  export() {
    return {
      indexes: this.#indexes,
      stagedDbIndexes: this.#stagedIndexes,
      searchIndexes: [],
      stagedSearchIndexes: [],
      vectorIndexes: this.#vectorIndexes,
      stagedVectorIndexes: this.#stagedVectorIndexes,
      documentType: this.validator.json,
      stagedDocumentType: this.#stagedValidator?.json,
    };
  }
}

TableDefinition.prototype.searchIndex = leftOut("searchIndex");

export function defineTable(document) {
  return new TableDefinition(asObjectValidator(document));
}

/** The validator of a table's documents as they are read: with their system fields. */
export function docValidator(tableName, { validator }) {
  const withSystemFields = (given) => {
    if (given.kind !== "object") return given;
    return given.extend({ _id: v.id(tableName), _creationTime: v.number() });
  };
  if (validator.kind === "union") return v.union(...validator.members.map(withSystemFields));
  return withSystemFields(validator);
}

class SchemaDefinition {
  constructor(tables, { schemaValidation = true, strictTableNameTypes = true } = {}) {
    this.tables = tables;
    this.schemaValidation = schemaValidation;
    this.strictTableNameTypes = strictTableNameTypes;
  }
  #table(name) {
    if (Object.hasOwn(this.tables, name)) return this.tables[name];
    throw new Error(`The schema has no table "${name}". Its tables are: ${Object.keys(this.tables).join(", ")}`);
  }
  /** The validator of a table's documents. */
  doc(tableName) {
    return docValidator(tableName, this.#table(tableName));
  }
  /** The validator of a table's ids. */
  id(tableName) {
    this.#table(tableName);
    return v.id(tableName);
  }
  export() {
    const tables = Object.entries(this.tables).map(([tableName, table]) => ({ tableName, ...table.export() }));
    return JSON.stringify({ tables, schemaValidation: this.schemaValidation });
  }
}

export function defineSchema(tables, options) {
  return new SchemaDefinition(tables, options);
}
