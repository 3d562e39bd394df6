// Features of a Convex deployment that the embedded one leaves out. Each raises an error that says so.

/** A function that can't be called here. */
export function leftOut(what) {
  return (...given) => {
    const name = typeof given[0] === "string" ? `("${given[0]}")` : "";
    throw new Error(`${what}${name}: the embedded deployment leaves it out; a Convex deployment has it.`);
  };
}

const members = (name, methods) => Object.fromEntries(methods.map((method) => [method, leftOut(`${name}.${method}`)]));

export const scheduler = members("ctx.scheduler", ["runAfter", "runAt", "cancel"]);
export const storage = members("ctx.storage", ["generateUploadUrl", "getUrl", "getMetadata", "delete", "store", "get"]);
