/**
 * Chat platforms that agents are installed on.
 *
 * @module
 */
import { v } from "convex/values";
import { recordTable } from "./table";

/** Agents installed on chat platforms; `data` is JSON text, encrypted by the caller. */
export const mastraChannelInstallationsTable = recordTable(
  "mastra_channel_installations",
  {
    fields: {
      id: v.string(),
      platform: v.string(),
      agentId: v.string(),
      status: v.string(),
      webhookId: v.optional(v.union(v.string(), v.null())),
      data: v.string(),
      configHash: v.optional(v.union(v.string(), v.null())),
      error: v.optional(v.union(v.string(), v.null())),
      createdAt: v.string(),
      updatedAt: v.string(),
    },
    indexes: {
      by_platform_agent: ["platform", "agentId"],
      by_record_id: ["id"],
      by_webhook: ["webhookId"],
      by_platform: ["platform"],
    },
    keptOnUpdate: ["createdAt"],
  },
);

/** One configuration for each chat platform; `id` is the platform. */
export const mastraChannelConfigTable = recordTable("mastra_channel_config", {
  fields: {
    id: v.string(),
    platform: v.string(),
    data: v.string(),
    updatedAt: v.string(),
  },
  indexes: {
    by_record_id: ["id"],
    by_platform: ["platform"],
  },
});
