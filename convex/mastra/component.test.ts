/**
 * Access to the functions: in an app without rules only an admin key, in a
 * component the app that mounts it.
 *
 * @module
 */
import { expect, test } from "vitest";
import { checkAccess } from "./model/access";
import { isComponent } from "./model/component";

const modules = import.meta.glob<Record<string, unknown>>(
  ["./*.ts", "!./*.*.ts"],
  { eager: true },
);

/** Functions that only our own functions call. */
const OWN = [
  "cleanChanges",
  "dropChanges",
  "searchPage",
  "searchRows",
  "sweepExpired",
  "tryBackend",
];

test("functions are public to an app that mounts them, and to no other caller", () => {
  const functions = Object.values(modules)
    .flatMap((module) => Object.entries(module))
    .filter(([, exported]) => typeof exported === "function")
    .filter(([, exported]) => "exportArgs" in (exported as object));
  expect(functions.length).toBeGreaterThan(20);
  const isPublic = Object.fromEntries(
    functions.map(([name, exported]) => [
      name,
      "isPublic" in (exported as object),
    ]),
  );
  const open = Object.keys(isPublic).filter((name) => !OWN.includes(name));
  expect(isPublic).toMatchObject(
    Object.fromEntries([
      ...OWN.map((name) => [name, false]),
      ...open.map((name) => [name, isComponent]),
    ]),
  );
});

test("a caller without a rule is the owner, or the app", async () => {
  const auth = { getUserIdentity: () => Promise.reject(new Error("asked")) };
  await checkAccess({ auth } as never, "queries", "ada");
});
