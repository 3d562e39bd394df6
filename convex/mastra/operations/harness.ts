/**
 * Sessions of a harness, and what they wait for: approvals, answers, plans.
 *
 * @module
 */
import { parsed } from "../model/jsonText";
import { findRecord, patchRow } from "../model/records";
import {
  InvalidRequest,
  isRecord,
  recordField,
  textField,
  type StorageRecord,
  type StorageRequest,
} from "../model/request";
import type { StoredRow, WriteCtx } from "../model/server";
import type { StorageReply } from "../validators";
import { write, type Operations } from "./operation";

type Sessions = "mastra_harness_sessions";

/** An object, or its JSON text where it has keys that Convex refuses. */
type Item = { value: StorageRecord; isText: boolean };

function itemField(request: StorageRequest, name: string): Item {
  const value = parsed(request[name]);
  if (isRecord(value)) {
    return { value, isText: typeof request[name] === "string" };
  }
  throw new InvalidRequest(
    `${String(request.op)} ${name} must be an object, or the JSON text of one`,
  );
}

/** Reads the session, and the date that becomes its last activity. */
function sessionArgs(request: StorageRequest) {
  return {
    id: textField(request, "id"),
    lastActivityAt: textField(request, "lastActivityAt"),
  };
}

const failed = (code: string, error: string) => ({
  ok: false as const,
  code,
  error,
});

async function withSession(
  ctx: WriteCtx,
  table: Sessions,
  id: string,
  change: (session: StoredRow) => Promise<StorageReply>,
): Promise<StorageReply> {
  const session = await findRecord(ctx, table, id);
  if (session !== null) return await change(session);
  return failed("NotFound", `Harness session "${id}" was not found`);
}

/** Update the given columns of a session; returns it. */
const updateSession = write({
  args: (request) => ({
    ...sessionArgs(request),
    record: recordField(request, "record"),
  }),
  handler: async (ctx, table: Sessions, { id, lastActivityAt, record }) =>
    await withSession(ctx, table, id, async (session) => {
      const fields = { ...record, lastActivityAt };
      const result = await patchRow(ctx, table, session, fields);
      return { ok: true, result };
    }),
});

/** The items that a session waits for. */
function pendingOf(session: StoredRow): StorageRecord[] {
  return (parsed(session.pending) as StorageRecord[] | undefined | null) ?? [];
}

/** Store the items that a session waits for: as text, if they were text or one of them is. */
async function setPending(
  ctx: WriteCtx,
  table: Sessions,
  session: StoredRow,
  lastActivityAt: string,
  pending: StorageRecord[],
  isText = false,
): Promise<StorageReply> {
  const isCarried = isText || typeof session.pending === "string";
  const result = await patchRow(ctx, table, session, {
    pending: isCarried ? JSON.stringify(pending) : pending,
    lastActivityAt,
  });
  return { ok: true, result };
}

/** Let a session wait for one more item; returns the session. */
const appendPendingItem = write({
  args: (request) => ({
    ...sessionArgs(request),
    item: itemField(request, "item"),
  }),
  handler: async (ctx, table: Sessions, { id, lastActivityAt, item }) =>
    await withSession(ctx, table, id, async (session) => {
      const pending = pendingOf(session);
      const { value, isText } = item;
      if (pending.some((other) => other.id === value.id)) {
        return failed(
          "AlreadyExists",
          `Harness pending item "${String(value.id)}" already exists on session "${id}"`,
        );
      }
      const all = [...pending, value];
      return await setPending(ctx, table, session, lastActivityAt, all, isText);
    }),
});

/** Update the given fields of an item; returns the session. */
const updatePendingItem = write({
  args: (request) => ({
    ...sessionArgs(request),
    itemId: textField(request, "itemId"),
    fields: itemField(request, "fields"),
  }),
  handler: async (
    ctx,
    table: Sessions,
    { id, lastActivityAt, itemId, fields },
  ) =>
    await withSession(ctx, table, id, async (session) => {
      const pending = pendingOf(session);
      if (!pending.some((item) => item.id === itemId)) {
        return failed(
          "NotFound",
          `Harness pending item "${itemId}" was not found on session "${id}"`,
        );
      }
      const { value, isText } = fields;
      const all = pending.map((item) =>
        item.id === itemId ? { ...item, ...value } : item,
      );
      return await setPending(ctx, table, session, lastActivityAt, all, isText);
    }),
});

/** Let a session no longer wait for an item; returns the session. */
const removePendingItem = write({
  args: (request) => ({
    ...sessionArgs(request),
    itemId: textField(request, "itemId"),
  }),
  handler: async (ctx, table: Sessions, { id, lastActivityAt, itemId }) =>
    await withSession(ctx, table, id, async (session) => {
      const left = pendingOf(session).filter((item) => item.id !== itemId);
      return await setPending(ctx, table, session, lastActivityAt, left);
    }),
});

export const harness: Operations<Sessions> = {
  updateSession,
  appendPendingItem,
  updatePendingItem,
  removePendingItem,
};
