/**
 * Metadata of threads and resources: an object, or its JSON text where it has
 * keys that Convex refuses.
 *
 * @module
 */
import { parsed } from "./jsonText";
import {
  InvalidRequest,
  isRecord,
  type StorageRecord,
  type StorageRequest,
} from "./request";

export type Metadata = StorageRecord | string;

export function metadataField(request: StorageRequest, name: string): Metadata {
  const value = request[name];
  if (isRecord(parsed(value))) return value as Metadata;
  throw new InvalidRequest(
    `${request.op} ${name} must be an object, or the JSON text of one`,
  );
}

/** The stored value as an object; empty if it isn't one. */
export function parseMetadata(stored: unknown): StorageRecord {
  const value = parsed(stored);
  return isRecord(value) ? value : {};
}

/** Both, merged shallowly: text if either is. */
export function mergeMetadata(stored: unknown, changes: Metadata): Metadata {
  const merged = { ...parseMetadata(stored), ...parseMetadata(changes) };
  const isText = typeof stored === "string" || typeof changes === "string";
  return isText ? JSON.stringify(merged) : merged;
}
