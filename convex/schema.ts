import { defineSchema } from "convex/server";
import { mastraTables } from "./mastra/schema";

// Yours to extend: add tables beside ours.
export default defineSchema({
  ...mastraTables,
});
