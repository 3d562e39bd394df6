/**
 * The server cache: values, lists and counters by key, each until it expires.
 *
 * A list's items are rows of their own, so that a list too long for one
 * transaction can be deleted. Its key is marked as deleted, and its items are
 * deleted by 25. `hasMore` in a reply means that only such cleaning was done,
 * and that the client must repeat the call.
 *
 * @module
 */
import { makeFunctionReference } from "convex/server";
import { later } from "../model/later";
import type { StorageReply } from "../validators";
import { read, write, type Operations } from "./operation";
import {
  cursorOf,
  InvalidRequest,
  isRecord,
  numberField,
  textField,
  type StorageRequest,
} from "../model/request";
import { firstOf } from "../model/rows";
import type {
  AnyReadCtx,
  AnyRows,
  DataModel,
  ReadCtx,
  WriteCtx,
} from "../model/server";

type Cache = "mastra_cache";
type Entry = DataModel["mastra_cache"]["document"];

/** Grows when an operation that clients may know changes what it does. */
const VERSION = 1;

const ITEMS_PER_PAGE = 1000;

/** One write in so many lets the expired keys of its prefix be deleted. */
const WRITES_PER_SWEEP = 64;

const CLEANING: StorageReply = { ok: true, hasMore: true };

async function findEntry({ db }: ReadCtx, key: string) {
  return await db
    .query("mastra_cache")
    .withIndex("by_key", (q) => q.eq("key", key))
    .unique();
}

function isLive(entry: Entry | null): entry is Entry {
  return (
    entry !== null &&
    entry.kind !== "deleted" &&
    (entry.expiresAt === null || entry.expiresAt > Date.now())
  );
}

async function findLive(ctx: ReadCtx, key: string): Promise<Entry | null> {
  const entry = await findEntry(ctx, key);
  return isLive(entry) ? entry : null;
}

/** Delete an entry with its items; true if some items are left for another call. */
async function removeEntry({ db }: WriteCtx, entry: Entry): Promise<boolean> {
  if (entry.kind === "list" || entry.kind === "deleted") {
    const items = db
      .query("mastra_cache_list_items")
      .withIndex("by_key_index", (q) => q.eq("key", entry.key));
    const { some, hasMore } = await firstOf(items as unknown as AnyRows);
    for (const { _id } of some) await db.delete("mastra_cache_list_items", _id);
    if (hasMore) {
      await db.patch("mastra_cache", entry._id, { kind: "deleted" });
      return true;
    }
  }
  await db.delete("mastra_cache", entry._id);
  return false;
}

/** Delete some of these entries: up to 25 without items, or one with. */
async function removeSome(ctx: WriteCtx, entries: AnyRows): Promise<boolean> {
  const { some, hasMore } = await firstOf(entries);
  const firstWithItems = some.findIndex(
    ({ kind }) => kind === "list" || kind === "deleted",
  );
  if (firstWithItems === 0) {
    const isCleaning = await removeEntry(ctx, some[0] as Entry);
    return isCleaning || some.length > 1;
  }
  const removed = firstWithItems === -1 ? some : some.slice(0, firstWithItems);
  for (const { _id } of removed) {
    await ctx.db.delete("mastra_cache", _id as Entry["_id"]);
  }
  return hasMore || removed.length < some.length;
}

const NOUNS = { list: "an array", counter: "a number" };

/**
 * The list or counter to write to, null if there is none yet; or a reply. An
 * expired entry is removed first, and an entry of another kind stays.
 */
async function findToWrite(
  ctx: WriteCtx,
  key: string,
  kind: keyof typeof NOUNS,
): Promise<{ entry: Entry | null } | { reply: StorageReply }> {
  const entry = await findEntry(ctx, key);
  if (entry === null) return { entry };
  if (!isLive(entry)) {
    const isCleaning = await removeEntry(ctx, entry);
    return isCleaning ? { reply: CLEANING } : { entry: null };
  }
  return entry.kind === kind ? { entry } : { reply: wrongKind(key, kind) };
}

function wrongKind(key: string, kind: keyof typeof NOUNS): StorageReply {
  return {
    ok: false,
    code: "WrongKind",
    error: `${key} exists but is not ${NOUNS[kind]}`,
  };
}

/** Add one to a list's length or a counter; returns it. */
async function addOne(
  ctx: WriteCtx,
  entry: Entry | null,
  kind: keyof typeof NOUNS,
  args: WriteArgs,
): Promise<number> {
  await sweepLater(ctx, args);
  const counter = (entry?.counter ?? 0) + 1;
  if (entry === null) {
    await ctx.db.insert("mastra_cache", { ...args, kind, counter });
  } else {
    const { expiresAt } = args;
    await ctx.db.patch("mastra_cache", entry._id, { counter, expiresAt });
  }
  return counter;
}

/** Append to a list; returns the new item's index. */
async function append(
  ctx: WriteCtx,
  entry: Entry | null,
  args: WriteArgs,
  value: string,
): Promise<number> {
  const index = (await addOne(ctx, entry, "list", args)) - 1;
  const { key, keyPrefix } = args;
  const item = { key, keyPrefix, index, value };
  await ctx.db.insert("mastra_cache_list_items", item);
  return index;
}

const keyArgs = (request: StorageRequest) => ({
  key: textField(request, "key"),
});

const writeArgs = (request: StorageRequest) => ({
  key: textField(request, "key"),
  keyPrefix: textField(request, "keyPrefix"),
  expiresAt:
    request.expiresAt == null ? null : numberField(request, "expiresAt"),
});

type WriteArgs = ReturnType<typeof writeArgs>;

/** JSON text: as sent in `valueJson`, which can hold any keys, or made of `value`. */
function valueOf(request: StorageRequest): string {
  if (request.valueJson === undefined) {
    return JSON.stringify(request.value ?? null);
  }
  const text = textField(request, "valueJson");
  try {
    JSON.parse(text);
  } catch {
    throw new InvalidRequest(`${request.op} valueJson must be JSON text`);
  }
  return text;
}

/** A caller that says `asJson` gets JSON text, which can hold any keys. */
function reader({ asJson }: StorageRequest): (text: string) => unknown {
  return asJson === true ? (text) => text : JSON.parse;
}

/** The value, or null. */
const get = read({
  args: (request) => ({ ...keyArgs(request), read: reader(request) }),
  handler: async (ctx, _table: Cache, { key, read }) => {
    const entry = await findLive(ctx, key);
    const isValue = entry?.kind === "value" && entry.value !== undefined;
    return { ok: true, result: isValue ? read(entry.value!) : null };
  },
});

const set = write({
  args: (request) => ({ ...writeArgs(request), value: valueOf(request) }),
  handler: async (ctx, _table: Cache, { value, ...rest }) => {
    await sweepLater(ctx, rest);
    const row = { ...rest, kind: "value" as const, value };
    const stored = await findEntry(ctx, rest.key);
    if (stored?.kind === "value" || stored?.kind === "counter") {
      await ctx.db.replace("mastra_cache", stored._id, row);
      return { ok: true };
    }
    if (stored !== null && (await removeEntry(ctx, stored))) return CLEANING;
    await ctx.db.insert("mastra_cache", row);
    return { ok: true };
  },
});

const deleteKey = write({
  args: keyArgs,
  handler: async (ctx, _table: Cache, { key }) => {
    const entry = await findEntry(ctx, key);
    const hasMore = entry !== null && (await removeEntry(ctx, entry));
    return { ok: true, hasMore };
  },
});

/** Delete all keys of the prefix that their writers named. */
const clear = write({
  args: (request) => ({ keyPrefix: textField(request, "keyPrefix") }),
  handler: async (ctx, _table: Cache, { keyPrefix }) => {
    const entries = ctx.db
      .query("mastra_cache")
      .withIndex("by_key_prefix", (q) => q.eq("keyPrefix", keyPrefix));
    if (await removeSome(ctx, entries as unknown as AnyRows)) return CLEANING;
    // Items whose key is gone. Other functions may have left them.
    const orphans = ctx.db
      .query("mastra_cache_list_items")
      .withIndex("by_key_prefix", (q) => q.eq("keyPrefix", keyPrefix));
    const { some, hasMore } = await firstOf(orphans as unknown as AnyRows);
    for (const { _id } of some) {
      await ctx.db.delete("mastra_cache_list_items", _id as never);
    }
    return { ok: true, hasMore };
  },
});

/** Delete some of the expired keys of a prefix; true if more are left. */
async function removeExpired(
  ctx: WriteCtx,
  keyPrefix: string,
): Promise<boolean> {
  const expired = ctx.db
    .query("mastra_cache")
    .withIndex("by_key_prefix_and_expires_at", (q) =>
      q
        .eq("keyPrefix", keyPrefix)
        .gt("expiresAt", null)
        .lte("expiresAt", Date.now()),
    );
  return await removeSome(ctx, expired as unknown as AnyRows);
}

/** Delete the expired keys of a prefix, some a call. */
const sweep = write({
  args: (request) => ({ keyPrefix: textField(request, "keyPrefix") }),
  handler: async (ctx, _table: Cache, { keyPrefix }) => {
    return { ok: true, hasMore: await removeExpired(ctx, keyPrefix) };
  },
});

const sweeping = makeFunctionReference<"mutation", { keyPrefix: string }>(
  "mastra/cache:sweepExpired",
);

/** Delete the expired keys of a prefix: some now, the others later. */
export async function sweepExpired(ctx: WriteCtx, keyPrefix: string) {
  if (await removeExpired(ctx, keyPrefix)) {
    await later(ctx, sweeping, { keyPrefix });
  }
}

/** After some of the writes of keys that expire: two sweeps would conflict. */
async function sweepLater(ctx: WriteCtx, { keyPrefix, expiresAt }: WriteArgs) {
  if (expiresAt !== null && Math.random() < 1 / WRITES_PER_SWEEP) {
    await later(ctx, sweeping, { keyPrefix });
  }
}

const listLength = read({
  args: keyArgs,
  handler: async (ctx, _table: Cache, { key }) => {
    const entry = await findLive(ctx, key);
    if (entry !== null && entry.kind !== "list") {
      return wrongKind(key, "list");
    }
    return { ok: true, result: entry?.counter ?? 0 };
  },
});

/** Append; returns the new item's index. */
const listPush = write({
  args: (request) => ({ ...writeArgs(request), value: valueOf(request) }),
  handler: async (ctx, _table: Cache, { value, ...args }) => {
    const list = await findToWrite(ctx, args.key, "list");
    if ("reply" in list) return list.reply;
    const result = await append(ctx, list.entry, args, value);
    return { ok: true, result };
  },
});

/**
 * Items from one index to another, both included; negative ones count from the
 * end. A caller that sends a `cursor`, at first null, gets them in pages.
 */
const listFromTo = read({
  args: (request) => ({
    ...keyArgs(request),
    from: numberField(request, "from"),
    to: numberField(request, "to"),
    read: reader(request),
    isPaged: request.cursor !== undefined,
    cursor: cursorOf(request),
  }),
  handler: async (ctx, _table: Cache, { key, read, ...args }) => {
    const entry = await findLive(ctx, key);
    if (entry?.kind !== "list") return { ok: true, result: [] };
    const { first, last } = listRange(args, entry.counter ?? 0);
    if (first > last) return { ok: true, result: [] };
    const items = ctx.db
      .query("mastra_cache_list_items")
      .withIndex("by_key_index", (q) =>
        q.eq("key", key).gte("index", first).lte("index", last),
      ) as unknown as AnyRows;
    const { some, hasMore } = args.isPaged
      ? await firstOf(items, ITEMS_PER_PAGE)
      : { some: await items.collect(), hasMore: false };
    return {
      ok: true,
      result: some.map(({ value }) => read(value)),
      ...(hasMore && {
        hasMore,
        continuationCursor: `${some[0]!.index + some.length}-${last}`,
      }),
    };
  },
});

/** The indexes to read: those of the cursor, which the list's growth doesn't move. */
function listRange(
  { from, to, cursor }: { from: number; to: number; cursor: string | null },
  length: number,
) {
  if (cursor !== null) {
    const [first = 0, last = -1] = cursor.split("-").map(Number);
    return { first, last };
  }
  return {
    first: from < 0 ? Math.max(0, length + from) : from,
    last: to < 0 ? length + to : to,
  };
}

/**
 * The entry at a key, and the items of its list from an index on, as JSON text;
 * null if there is nothing. `_id` tells a list from the next one at its key.
 *
 * This is for a live query, which must not read the clock: the caller compares
 * `expiresAt`.
 */
export async function itemsFrom(ctx: AnyReadCtx, key: string, from: number) {
  const { db } = ctx as ReadCtx;
  const entry = await findEntry(ctx, key);
  if (entry === null || entry.kind === "deleted") return null;
  const items = db
    .query("mastra_cache_list_items")
    .withIndex("by_key_index", (q) =>
      q.eq("key", key).gte("index", from),
    ) as unknown as AnyRows;
  const { some, hasMore } = await firstOf(items, ITEMS_PER_PAGE);
  const { _id, kind, expiresAt } = entry;
  const texts = some.map(({ value }) => value as string);
  return { _id, kind, expiresAt, items: texts, hasMore };
}

/** Add one to a counter that begins at 0; returns it. */
const increment = write({
  args: writeArgs,
  handler: async (ctx, _table: Cache, args) => {
    const counter = await findToWrite(ctx, args.key, "counter");
    if ("reply" in counter) return counter.reply;
    const result = await addOne(ctx, counter.entry, "counter", args);
    return { ok: true, result };
  },
});

/**
 * Append an object with an `index` that a counter gives, which goes on where
 * the list began anew. Returns the index.
 */
const listPushIndexed = write({
  args: (request) => {
    const value: unknown = JSON.parse(valueOf(request));
    if (!isRecord(value)) {
      throw new InvalidRequest("listPushIndexed value must be an object");
    }
    const args = writeArgs(request);
    const counterKey = textField(request, "counterKey");
    // A key holds one kind of entry, and two entries of one key can't be read.
    if (counterKey === args.key) {
      throw new InvalidRequest(
        "listPushIndexed counterKey must differ from key",
      );
    }
    return { ...args, counterKey, value };
  },
  handler: async (ctx, _table: Cache, { counterKey, value, ...args }) => {
    const list = await findToWrite(ctx, args.key, "list");
    if ("reply" in list) return list.reply;
    const counter = await findToWrite(ctx, counterKey, "counter");
    if ("reply" in counter) return counter.reply;
    const counterArgs = { ...args, key: counterKey };
    const index =
      (await addOne(ctx, counter.entry, "counter", counterArgs)) - 1;
    const item = JSON.stringify({ ...value, index });
    await append(ctx, list.entry, args, item);
    return { ok: true, result: index };
  },
});

export const cache: Operations<Cache> = {
  get,
  set,
  delete: deleteKey,
  clear,
  sweep,
  listLength,
  listPush,
  listFromTo,
  increment,
  listPushIndexed,
  version: read({
    args: () => ({}),
    handler: async () => ({ ok: true, result: VERSION }),
  }),
};
