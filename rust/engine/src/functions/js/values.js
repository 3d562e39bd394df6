// `convex/values`: validators, ConvexError, and what stands for a commit's timestamp.

class Validator {
  constructor(kind, json, isOptional = "required") {
    this.kind = kind;
    this.json = json;
    this.isOptional = isOptional;
    this.isConvexValidator = true;
  }
}

const simple = (kind, type) => () => new Validator(kind, { type });

function fieldsOf(validators) {
  return Object.fromEntries(
    Object.entries(validators).map(([name, validator]) => [
      name,
      { fieldType: validator.json, optional: validator.isOptional === "optional" },
    ]),
  );
}

export const v = {
  any: simple("any", "any"),
  null: simple("null", "null"),
  number: simple("float64", "number"),
  float64: simple("float64", "number"),
  bigint: simple("int64", "bigint"),
  int64: simple("int64", "bigint"),
  commitTs: simple("commitTs", "commitTs"),
  boolean: simple("boolean", "boolean"),
  string: simple("string", "string"),
  bytes: simple("bytes", "bytes"),
  id: (tableName) => Object.assign(new Validator("id", { type: "id", tableName }), { tableName }),
  literal: (value) => Object.assign(new Validator("literal", { type: "literal", value }), { value }),
  array: (element) => Object.assign(new Validator("array", { type: "array", value: element.json }), { element }),
  object: (fields) => Object.assign(new Validator("object", { type: "object", value: fieldsOf(fields) }), { fields }),
  record: (key, value) =>
    Object.assign(
      new Validator("record", {
        type: "record",
        keys: key.json,
        values: { fieldType: value.json, optional: false },
      }),
      { key, value },
    ),
  union: (...members) =>
    Object.assign(new Validator("union", { type: "union", value: members.map((member) => member.json) }), { members }),
  nullable: (validator) => v.union(validator, v.null()),
  optional: (validator) =>
    Object.assign(Object.create(Validator.prototype), validator, { isOptional: "optional" }),
};

/** A validator from what `args`, `returns` and `defineTable` take: a validator, or an object of them. */
export function asValidator(given) {
  return given.isConvexValidator ? given : v.object(given);
}

/** A value as text, for messages and the console. */
export function show(value) {
  if (typeof value === "string") return value;
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part)) ?? String(value);
}

export class ConvexError extends Error {
  constructor(data) {
    super(show(data));
    this.name = "ConvexError";
    this.data = data;
  }
}

/** Stands for the timestamp of a commit that hasn't happened: it can be written, not computed with. */
export class CommitTsPlaceholder {
  [Symbol.toPrimitive](hint) {
    if (hint === "string") return "[the commit's timestamp]";
    throw new Error("The timestamp of this commit isn't known before the mutation ends. Read the document afterwards.");
  }
}
