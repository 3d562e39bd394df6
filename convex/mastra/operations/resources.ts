/**
 * Resources: a user's working memory and metadata.
 *
 * @module
 */
import { mergeMetadata, metadataField } from "../model/metadata";
import { forgetResource } from "./forgetting";
import { write, type Operations } from "./operation";
import { findRecord, patchRow, writeRecords } from "../model/records";
import { optional, textField } from "../model/request";

/** Create the resource, or replace its working memory and merge its metadata, whichever is given. */
const updateResource = write({
  args: (request) => ({
    id: textField(request, "resourceId"),
    workingMemory: optional(textField, request, "workingMemory"),
    metadata: optional(metadataField, request, "metadata"),
    createdAt: optional(textField, request, "createdAt"),
    updatedAt: optional(textField, request, "updatedAt"),
  }),
  handler: async (ctx, table: "mastra_resources", args) => {
    const now = new Date().toISOString();
    const { id, workingMemory, metadata } = args;
    const { createdAt = now, updatedAt = now } = args;
    const resource = await findRecord(ctx, table, id);
    const fields = {
      ...(workingMemory !== undefined && { workingMemory }),
      updatedAt,
    };
    if (resource === null) {
      const row = { id, ...fields, metadata: metadata ?? {}, createdAt };
      await writeRecords(ctx, table, [row]);
      return { ok: true, result: await findRecord(ctx, table, id) };
    }
    const merged = metadata !== undefined && {
      metadata: mergeMetadata(resource.metadata, metadata),
    };
    const result = await patchRow(ctx, table, resource, {
      ...fields,
      ...merged,
    });
    return { ok: true, result };
  },
});

export const resources: Operations<"mastra_resources"> = {
  updateResource,
  forgetResource,
};
