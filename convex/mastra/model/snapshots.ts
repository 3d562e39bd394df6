/**
 * Workflow snapshots, as they are stored: JSON text, or by older clients the
 * object itself.
 *
 * @module
 */
import { isRecord, type StorageRecord } from "./request";

/** What a stored snapshot says, or null where it says nothing. */
export function parseSnapshot(stored: unknown): StorageRecord | null {
  if (typeof stored !== "string") return isRecord(stored) ? stored : null;
  try {
    const snapshot: unknown = JSON.parse(stored);
    return isRecord(snapshot) ? snapshot : null;
  } catch {
    return null;
  }
}

/** The status a snapshot says; empty where it says none. */
export function statusOf(stored: unknown): string {
  const status = parseSnapshot(stored)?.status;
  return typeof status === "string" ? status : "";
}
