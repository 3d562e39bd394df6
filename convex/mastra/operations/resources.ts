/**
 * Resources: a user's working memory and metadata.
 *
 * @module
 */
import { mergeMetadata, metadataField } from "../model/metadata";
import { write, type Operations } from "./operation";
import {
  deleteRows,
  findRecord,
  patchRow,
  writeRecords,
} from "../model/records";
import { optional, textField } from "../model/request";
import { firstOf, rowsWhere } from "../model/rows";
import { deleteSomeMessages, deleteSomeOfThread } from "./threads";

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

/**
 * Delete a resource with its threads, their messages, all their vectors and its
 * observational memory, some rows a call: the resource itself last. The client
 * repeats while `hasMore`.
 */
const forgetResource = write({
  args: (request) => ({ id: textField(request, "id") }),
  handler: async (ctx, table: "mastra_resources", { id }) => {
    const owned = [{ field: "resourceId", value: id }];
    const thread = await rowsWhere(ctx, "mastra_threads", owned).first();
    if (thread !== null) {
      await deleteSomeOfThread(ctx, "mastra_threads", thread.id);
      return { ok: true, hasMore: true };
    }
    // Those in threads of others.
    if (await deleteSomeMessages(ctx, owned))
      return { ok: true, hasMore: true };
    const observed = [{ field: "lookupKey", value: `resource:${id}` }];
    const rows = rowsWhere(ctx, "mastra_observational_memory", observed);
    const { some, hasMore } = await firstOf(rows);
    await deleteRows(ctx, "mastra_observational_memory", some);
    if (hasMore) return { ok: true, hasMore };
    const resource = await findRecord(ctx, table, id);
    if (resource !== null) await deleteRows(ctx, table, [resource]);
    return { ok: true, hasMore: false };
  },
});

export const resources: Operations<"mastra_resources"> = {
  updateResource,
  forgetResource,
};
