// The exports of `mastra/model/upserts.ts`, in native code.

const host = globalThis.__host;

export async function upsertRows(ctx, table, index, fields, rows) {
  host.upsertRows(table, index, fields, rows);
}
