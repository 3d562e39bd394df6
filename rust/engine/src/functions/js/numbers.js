// What `mastra/model/numbers.ts` exports, natively.

const host = globalThis.__host;

export const scores = (metric, query, rows) => host.scores(metric, query, rows);
export const toBytes = (vector) => host.toBytes(vector);
export const fromBytes = (bytes) => host.fromBytes(bytes);
