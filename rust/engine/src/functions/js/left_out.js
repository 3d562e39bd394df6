// Features of a Convex deployment that the embedded one leaves out. Each raises an error that says so.

const refusal = (what) => new Error(`${what}: the embedded deployment leaves it out; a Convex deployment has it.`);

/** A function that raises such an error. */
export function leftOut(what) {
  return (...given) => {
    throw refusal(typeof given[0] === "string" ? `${what}("${given[0]}")` : what);
  };
}

/** A class whose constructor raises such an error. */
export function leftOutClass(what) {
  return class {
    constructor() {
      throw refusal(what);
    }
  };
}

const members = (name, methods) => Object.fromEntries(methods.map((method) => [method, leftOut(`${name}.${method}`)]));

export const scheduler = members("ctx.scheduler", ["runAfter", "runAt", "cancel"]);
export const storage = members("ctx.storage", ["generateUploadUrl", "getUrl", "getMetadata", "delete", "store", "get"]);
