// Entry points of the engine: describing modules, running functions.

import { ConvexError } from "convex/values";
import { contexts } from "engine/context";
import "engine/globals";
import "engine/numbers";
import "engine/upserts";

// QuickJS's class of the error of a full heap. It is kept here, since a function may replace the global.
const { InternalError } = globalThis;

export { commitTs } from "engine/database";
export { boundLengths } from "engine/lengths";
export { packedArray, packedHandler } from "engine/packed";

/** A module's description: its functions, each with kind, visibility, and validators as JSON text. */
export async function describeModule(path) {
  const functions = [];
  for (const [name, value] of Object.entries(await import(path))) {
    const kind = ["Query", "Mutation", "Action"].find((kind) => value?.[`is${kind}`] === true);
    if (kind !== undefined && value.isPublic !== value.isInternal) {
      functions.push({
        name,
        kind,
        isPublic: value.isPublic === true,
        args: possible(value.exportArgs()),
        returns: possible(value.exportReturns()),
      });
    }
  }
  return functions;
}

/** A validator's JSON text without the fields that no value can have: those whose names begin with a dollar sign. */
function possible(text) {
  return JSON.stringify(JSON.parse(text), (_, part) => {
    if (part?.type !== "object") return part;
    return { ...part, value: Object.fromEntries(Object.entries(part.value).filter(([name]) => !name.startsWith("$"))) };
  });
}

/** A module's default export. */
export async function defaultExport(path) {
  return (await import(path)).default;
}

/** A schema as JSON text. */
export async function describeSchema(path) {
  return (await import(path)).default.export();
}

/** One table as JSON text, as a module's function defines it with these options. */
export async function describeTable(name, path, definer, options) {
  return JSON.stringify({ tableName: name, ...(await import(path))[definer](options).export() });
}

const functions = new Map();

/** Loads a module for a future call. */
export async function load(path) {
  await import(path);
}

/** Runs a function. Returns `{value}`, or `{thrown}` with the fields of the error that the engine needs. */
export async function run(path, name, kind, args) {
  try {
    const key = `${path}:${name}`;
    let handler = functions.get(key);
    if (handler === undefined) {
      handler = (await import(path))[name]._handler;
      functions.set(key, handler);
    }
    return { value: await handler(contexts[kind], args) };
  } catch (error) {
    return { thrown: describeError(error) };
  }
}

function describeError(error) {
  if (error instanceof ConvexError && error.hostError === undefined) {
    return { isConvexError: true, data: error.data, message: `ConvexError: ${error.message}`, stack: error.stack };
  }
  if (error instanceof Error) {
    return {
      hostError: error.hostError,
      isOutOfMemory: error instanceof InternalError && error.message === "out of memory",
      message: `${error.name}: ${error.message}`,
      stack: error.stack,
    };
  }
  // The error of a full heap is null if there was no memory for it.
  return { isOutOfMemory: error === null, message: String(error) };
}
