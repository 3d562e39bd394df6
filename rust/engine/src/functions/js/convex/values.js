// `convex/values`: validators, ConvexError, values as JSON, and the placeholder of a commit's timestamp.

export { asObjectValidator, v } from "engine/validators";

const host = globalThis.__host;

/** A value's encoded JSON, as Convex's clients send it. */
export const convexToJson = (value) => JSON.parse(host.toJson(value));

/** The value of encoded JSON. */
export const jsonToConvex = (json) => host.fromJson(JSON.stringify(json));

/** Less than 0, 0 or more than 0, as the first value comes before, with or after the second one in an index. */
export const compareValues = (a, b) => host.compare(a, b);

/** The size of a value in bytes, as limits count it. */
export const getConvexSize = (value) => host.size(value);

/** The size of a document in bytes, with the system fields that it lacks. */
export function getDocumentSize(document, { customIdLength } = {}) {
  const system = { _id: "x".repeat(customIdLength ?? 32), _creationTime: 0 };
  return getConvexSize({ ...system, ...document });
}

/** Bytes as base64. */
export const Base64 = {
  byteLength: (text) => Base64.toByteArray(text).length,
  toByteArray: (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)),
  fromByteArray: (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")),
  fromByteArrayUrlSafeNoPadding: (bytes) =>
    Base64.fromByteArray(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""),
};

/** A value as text, for messages. */
function show(value) {
  if (typeof value === "string") return value;
  return JSON.stringify(value, (_, part) => (typeof part === "bigint" ? `${part}n` : part)) ?? String(value);
}

export class ConvexError extends Error {
  name = "ConvexError";
  constructor(data) {
    super(show(data));
    this.data = data;
  }
}

/** Stands for the timestamp of the coming commit. It can be written, but not computed with. */
export class CommitTsPlaceholder {
  [Symbol.toPrimitive](hint) {
    if (hint === "string") return "[the commit's timestamp]";
    throw new Error("The timestamp of this commit isn't known before the mutation ends. Read the document afterwards.");
  }
}
