// npm's `convex/server` and `convex/values`, described and used: a line of JSON.
import * as server from "convex/server";
import * as values from "convex/values";
import { offered } from "./exports/members.js";
import { uses } from "./exports/uses.js";

console.log(
  JSON.stringify({
    offered: offered(server, values),
    uses: uses(server, values),
  }),
);
