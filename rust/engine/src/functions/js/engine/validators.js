// `v`: validators. Each knows its JSON form, which is all that the engine reads of it.

const host = globalThis.__host;

class Validator {
  isConvexValidator = true;
  constructor(kind, json, parts = {}) {
    this.kind = kind;
    this.isOptional = "required";
    // It isn't enumerable, since it says the same as the other properties.
    Object.defineProperty(this, "json", { value: json });
    Object.assign(this, parts);
  }
  /** The same validator, for a field that may be absent. */
  optional() {
    const copy = Object.assign(Object.create(Object.getPrototypeOf(this)), this, { isOptional: "optional" });
    return Object.defineProperty(copy, "json", { value: this.json });
  }
  /** An older name of `optional`. */
  asOptional() {
    return this.optional();
  }
}

class ObjectValidator extends Validator {
  constructor(fields) {
    for (const [name, validator] of Object.entries(fields)) check(validator, `field "${name}" of v.object()`);
    const fieldOf = ({ json, isOptional }) => ({ fieldType: json, optional: isOptional === "optional" });
    const value = Object.fromEntries(Object.entries(fields).map(([name, validator]) => [name, fieldOf(validator)]));
    super("object", { type: "object", value }, { fields });
  }
  omit(...names) {
    return withFields(this, Object.fromEntries(Object.entries(this.fields).filter(([name]) => !names.includes(name))));
  }
  pick(...names) {
    return withFields(this, Object.fromEntries(names.map((name) => [name, this.fields[name]])));
  }
  partial() {
    const optional = ([name, validator]) => [name, validator.optional()];
    return withFields(this, Object.fromEntries(Object.entries(this.fields).map(optional)));
  }
  extend(fields) {
    return withFields(this, { ...this.fields, ...fields });
  }
}

/** An object with other fields, optional as the given one is. */
function withFields({ isOptional }, fields) {
  const object = new ObjectValidator(fields);
  return isOptional === "optional" ? object.optional() : object;
}

/** Refuses a value that isn't a validator. */
function check(given, where) {
  if (given === undefined) {
    throw new Error(`${where}: the validator is undefined. Modules that import each other in a circle often cause this.`);
  }
  if (given?.isConvexValidator !== true) throw new Error(`${where}: expected a validator, found ${typeof given}`);
  return given;
}

function required(given, where) {
  if (check(given, where).isOptional === "optional") throw new Error(`${where}: the validator can't be optional`);
  return given;
}

const simple = (kind, type) => () => new Validator(kind, { type });

/** A literal as JSON, which a validator's form is. */
function literalOf(value) {
  if (!["string", "number", "bigint", "boolean"].includes(typeof value)) {
    throw new Error(`v.literal(): expected a string, a number, a bigint or a boolean, found ${typeof value}`);
  }
  return JSON.parse(host.toJson(value));
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
  id(tableName) {
    if (typeof tableName !== "string") throw new Error(`v.id(): expected a table's name, found ${typeof tableName}`);
    return new Validator("id", { type: "id", tableName }, { tableName });
  },
  literal: (value) => new Validator("literal", { type: "literal", value: literalOf(value) }, { value }),
  array: (element) => new Validator("array", { type: "array", value: check(element, "v.array()").json }, { element }),
  object: (fields) => new ObjectValidator(fields),
  record(key, value) {
    const keys = required(key, "the keys of v.record()").json;
    const fieldType = required(value, "the values of v.record()").json;
    return new Validator("record", { type: "record", keys, values: { fieldType, optional: false } }, { key, value });
  },
  union(...members) {
    const value = members.map((member) => check(member, "a member of v.union()").json);
    return new Validator("union", { type: "union", value }, { members });
  },
  function({ fnType, args, returns } = {}) {
    const [takes, gives] = [args, returns].map((given) => given && asObjectValidator(given));
    const parts = { fnType, args: takes, returns: gives };
    const json = { type: "function", fnType, args: takes?.json, returns: gives?.json };
    return new Validator("function", json, parts);
  },
  nullable: (validator) => v.union(validator, v.null()),
  optional: (validator) => check(validator, "v.optional()").optional(),
};

/** The validator of `args`, `returns` or `defineTable`, which take a validator or an object of validators. */
export function asObjectValidator(given) {
  return given.isConvexValidator ? given : v.object(given);
}
