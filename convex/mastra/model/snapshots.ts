/**
 * Workflow snapshots, as they are stored: JSON text, or by older clients the
 * object itself.
 *
 * @module
 */
import { parsed } from "./jsonText";
import { isRecord, type StorageRecord } from "./request";

/** The value of a stored snapshot, or null if it isn't JSON. */
export function parseSnapshot(stored: unknown): StorageRecord | null {
  const snapshot = parsed(stored);
  return isRecord(snapshot) ? snapshot : null;
}

/** The status of a snapshot; empty if it has none. */
export function statusOf(stored: unknown): string {
  const status = parseSnapshot(stored)?.status;
  return typeof status === "string" ? status : "";
}
