/** After the tests of a file, the globals are those before. */
import { afterAll, beforeAll, expect } from "vitest";
import { changedSince, globals } from "./frozen";

let before: Map<string, unknown>;

beforeAll(() => {
  before = globals();
});

afterAll(() => {
  expect(changedSince(before), "changed globals").toEqual([]);
});
