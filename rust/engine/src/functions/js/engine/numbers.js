// The exports of `mastra/model/numbers.ts`, in native code.

const host = globalThis.__host;

export const scores = (metric, query, rows) => host.scores(metric, query, rows);
export const toBytes = (vector) => host.toBytes(vector);
export const fromBytes = (bytes) => host.fromBytes(bytes);
