import { defineSchema } from "convex/server";
import { mastraTables } from "./mastra/schema";

// Extend this schema: add your tables beside ours.
export default defineSchema({
  ...mastraTables,
});
