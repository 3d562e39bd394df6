// References to functions, such as `api.notes.list`, and their paths.

const path = Symbol.for("functionPath");

/** A reference that grows with each property: `api.dir.module.export`. */
function grow(root, parts) {
  return new Proxy({}, {
    get(_, key) {
      if (typeof key === "string") return grow(root, [...parts, key]);
      if (key === Symbol.toStringTag) return "FunctionReference";
      if (key !== path) return undefined;
      if (parts.length < 2) throw new Error(`${[root, ...parts].join(".")} is no function: expected ${root}.module.function`);
      return `${parts.slice(0, -1).join("/")}:${parts.at(-1)}`;
    },
  });
}

export const anyApi = grow("api", []);

export function makeFunctionReference(name) {
  return { [path]: name };
}

/** The path of a function, `dir/module:export`, given that or a reference. */
export function getFunctionName(reference) {
  const name = typeof reference === "string" ? reference : reference?.[path];
  if (typeof name !== "string") {
    throw new Error(`${String(reference)} is no function reference: expected one of \`api\` or \`internal\`, or a path`);
  }
  return name;
}

/** A function's address: its name, or the handle of one in a component. */
export function getFunctionAddress(reference) {
  if (typeof reference === "string" && reference.startsWith("function://")) return { functionHandle: reference };
  return { name: getFunctionName(reference) };
}

export const filterApi = (api) => api;
