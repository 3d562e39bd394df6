// A chat: rooms, pages of them, who is there; and counters. For the sync protocol's tests.
import {
  actionGeneric as action,
  internalQueryGeneric as internalQuery,
  mutationGeneric as mutation,
  queryGeneric as query,
} from "convex/server";
import { ConvexError, v } from "convex/values";

export const send = mutation({
  args: { room: v.string(), text: v.string() },
  handler: async (ctx, message) => {
    if (message.text === "aloud") console.log("sending");
    await ctx.db.insert("messages", message);
    return message.text;
  },
});

const inRoom = (ctx: any, room: string) =>
  ctx.db.query("messages").withIndex("by_room", (q: any) => q.eq("room", room));

export const list = query({
  args: { room: v.string() },
  handler: async (ctx, { room }) =>
    (await inRoom(ctx, room).collect()).map(({ text }: any) => text),
});

export const page = query({
  args: { room: v.string(), paginationOpts: v.any() },
  handler: async (ctx, { room, paginationOpts }) =>
    await inRoom(ctx, room).paginate(paginationOpts),
});

export const increment = mutation({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const row = await ctx.db
      .query("counters")
      .withIndex("by_name", (q: any) => q.eq("name", name))
      .unique();
    const count = (row?.count ?? 0) + 1;
    if (row === null) await ctx.db.insert("counters", { name, count });
    else await ctx.db.patch(row._id, { count });
    return count;
  },
});

export const count = query({
  args: { name: v.string() },
  handler: async (ctx, { name }) => {
    const row = await ctx.db
      .query("counters")
      .withIndex("by_name", (q: any) => q.eq("name", name))
      .unique();
    return row?.count ?? 0;
  },
});

export const refuse = mutation({
  args: { room: v.string() },
  handler: async (ctx, { room }) => {
    await ctx.db.insert("messages", { room, text: "never seen" });
    throw new ConvexError({ reason: "on purpose", at: [1, 2.5] });
  },
});

export const refuseIfEmpty = query({
  args: { room: v.string() },
  handler: async (ctx, { room }) => {
    if ((await inRoom(ctx, room).first()) === null)
      throw new ConvexError({ empty: room });
    return room;
  },
});

export const blank = query({
  args: { bytes: v.number() },
  handler: async (ctx, { bytes }) => {
    const room = await inRoom(ctx, "blank").collect();
    return " ".repeat(bytes) + room.length;
  },
});

export const whoami = query({
  args: {},
  handler: async (ctx) => (await ctx.auth.getUserIdentity())?.subject ?? null,
});

export const sign = mutation({
  args: { room: v.string() },
  handler: async (ctx, { room }) => {
    const text = (await ctx.auth.getUserIdentity())?.subject ?? "nobody";
    await ctx.db.insert("messages", { room, text });
  },
});

const user = async (ctx: any) => {
  const identity = await ctx.auth.getUserIdentity();
  if (identity === null) throw new ConvexError("log in first");
  return identity.subject;
};

const presence = (ctx: any, room: string, user?: string) =>
  ctx.db
    .query("presence")
    .withIndex("by_room", (q: any) =>
      user === undefined
        ? q.eq("room", room)
        : q.eq("room", room).eq("user", user),
    );

export const enter = mutation({
  args: { room: v.string() },
  handler: async (ctx, { room }) => {
    const name = await user(ctx);
    const row = await presence(ctx, room, name).unique();
    if (row === null) await ctx.db.insert("presence", { room, user: name });
  },
});

export const leave = mutation({
  args: { room: v.string() },
  handler: async (ctx, { room }) => {
    const row = await presence(ctx, room, await user(ctx)).unique();
    if (row !== null) await ctx.db.delete(row._id);
  },
});

export const present = query({
  args: { room: v.string() },
  handler: async (ctx, { room }) =>
    (await presence(ctx, room).collect()).map((row: any) => row.user),
});

export const secret = internalQuery({
  args: {},
  handler: async () => "for admins",
});

export const echo = action({
  args: { value: v.any() },
  handler: async (_ctx, { value }) => value,
});

export const runUntilTold = action({
  args: { room: v.string() },
  handler: async (ctx, { room }) => {
    await ctx.runMutation("chat:send" as any, { room, text: "begun" });
    const texts = () => ctx.runQuery("chat:list" as any, { room });
    while (!(await texts()).includes("enough"));
  },
});
