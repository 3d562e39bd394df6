// The embedded deployment's `convex/server` and `convex/values`, described and used.
import * as server from "convex/server";
import * as values from "convex/values";
import { query } from "./_generated/server";
import { offered } from "./members";
import { uses } from "./uses";

export const describe = query(() => offered(server, values));

export const use = query(() => uses(server, values));

/** The error's text after a use of a feature that is left out. */
export const useLeftOut = query(async () => {
  const functions: Record<string, any> = server;
  const texts: Record<string, string> = {};
  const trial = async (name: string, use: () => any) => {
    try {
      texts[name] = `no error: ${await use()}`;
    } catch (error: any) {
      texts[name] = error.message;
    }
  };
  for (const name of [
    "createFunctionHandle",
    "cronJobs",
    "currentSystemUdfInComponent",
    "defineApp",
    "defineComponent",
    "getServiceToken",
    "getServiceUrl",
    "httpActionGeneric",
    "httpRouter",
  ]) {
    await trial(name, () => functions[name]());
  }
  await trial("HttpRouter", () => new functions.HttpRouter());
  await trial("SearchFilter", () => new functions.SearchFilter());
  await trial("log.audit", () => functions.log.audit({}));
  await trial("components", () => functions.componentsGeneric().other);
  await trial("invokeQuery", () => (describe as any).invokeQuery("[]"));
  return texts;
});
