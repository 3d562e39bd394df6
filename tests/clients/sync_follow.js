// Writes into a room, and waits there for all others: `node sync_follow.js URL ROOM OWN ALL…`.
import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";

const [url, room, own, ...all] = process.argv.slice(2);
const client = new ConvexClient(url);
client.onUpdate(anyApi.chat.list, { room }, async (texts) => {
  if (all.every((text) => texts.includes(text))) await client.close();
});
await client.mutation(anyApi.chat.send, { room, text: own });
