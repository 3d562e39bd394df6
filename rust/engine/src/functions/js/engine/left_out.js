// Features of a Convex deployment that the embedded one leaves out. Each raises an error that says so.

import { getFunctionName } from "engine/references";

const host = globalThis.__host;

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

/**
 * Only this package's own tidying runs later: after the commit, on a thread of the deployment's. If the process ends
 * before that, a later write schedules it again.
 */
export const scheduler = {
  ...members("ctx.scheduler", ["runAt", "cancel"]),
  runAfter(delay, reference, args = {}) {
    const path = delay === 0 ? getFunctionName(reference) : "";
    if (!path.startsWith("mastra/")) leftOut("ctx.scheduler.runAfter")();
    host.runLater(path, args);
  },
};
export const storage = members("ctx.storage", ["generateUploadUrl", "getUrl", "getMetadata", "delete", "store", "get"]);
