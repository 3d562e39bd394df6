// A member of a room: enters it, writes there, waits until all others have and have seen it, leaves, and waits until
// no client is connected.
//
//     node sync_follow.js CLIENT URL ROOM TOKEN OWN ALL…
import { ConvexClient } from "convex/browser";
import { ConvexReactClient } from "convex/react";
import { anyApi } from "convex/server";

setTimeout(() => process.exit(1), 60_000).unref();
const [kind, url, room, token, own, ...all] = process.argv.slice(2);
const { chat } = anyApi;

/** Calls back with each result of a query. */
const clients = {
  browser() {
    const client = new ConvexClient(url);
    return [client, (...query) => client.onUpdate(...query)];
  },
  // The parts of `useQuery`.
  react() {
    const client = new ConvexReactClient(url);
    const follow = (query, args, callback) => {
      const watch = client.watchQuery(query, args);
      const update = () => callback(watch.localQueryResult());
      const stop = watch.onUpdate(update);
      if (watch.localQueryResult() !== undefined) update();
      return stop;
    };
    return [client, follow];
  },
};
const [client, follow] = clients[kind]();

/** Waits until a query gives what is wanted. */
function until(query, args, isWanted) {
  return new Promise((resolve) => {
    let isOver = false;
    const stop = follow(query, args, (result) => {
      if (isOver || result === undefined || !isWanted(result)) return;
      // The next result may come before the microtask, and npm's client fails when it is told to stop twice.
      isOver = true;
      queueMicrotask(() => stop());
      resolve(result);
    });
  });
}

const holdsAll = (names) => all.every((name) => names.includes(name));
const page = { room, paginationOpts: { numItems: 100, cursor: null } };

client.setAuth(
  async () => token,
  () => {},
);
const everybody = Promise.all([
  until(chat.present, { room }, holdsAll),
  until(chat.list, { room }, holdsAll),
  until(chat.page, page, ({ page }) => holdsAll(page.map((row) => row.text))),
]);
await client.mutation(chat.enter, { room });
await client.mutation(chat.sign, { room });
await everybody;
await client.mutation(chat.send, { room, text: `${own} saw all` });
const allSaw = all.map((name) => `${name} saw all`);
await until(chat.list, { room }, (texts) =>
  allSaw.every((text) => texts.includes(text)),
);
await client.mutation(chat.leave, { room });
await until(chat.present, { room }, (names) => names.length === 0);
await client.close();
