// Counts through networks that fail, a counter and a proxy each: `node sync_storm.js MUTATIONS NAME=URL…`.
// Prints a line for each counter that went wrong.
import { setTimeout } from "node:timers/promises";
import { ConvexClient } from "convex/browser";
import { anyApi } from "convex/server";

const [mutations, ...counters] = process.argv.slice(2);
const { chat } = anyApi;
const total = Number(mutations);

/** The errors of a counter. */
async function count(name, url) {
  const client = new ConvexClient(url, { logger: false });
  let newest = 0;
  const wrong = [];
  const reached = new Promise((resolve) => {
    client.onUpdate(chat.count, { name }, (count) => {
      if (count < newest) wrong.push(`from ${newest} to ${count}`);
      newest = count;
      if (count >= total) resolve();
    });
  });
  const results = [];
  for (let n = 0; n < total; n++) {
    results.push(client.mutation(chat.increment, { name }));
    // Some at once, some one after the other.
    if (n % 3 === 0) await Promise.race([results.at(-1), setTimeout(200)]);
  }
  const counts = await Promise.all(results);
  // Each runs once, in the order in which they were sent.
  counts.forEach((count, n) => {
    if (count !== n + 1) wrong.push(`mutation ${n} gave ${count}`);
  });
  await reached;
  await client.close();
  return wrong;
}

await Promise.all(
  counters.map(async (counter) => {
    const [name, url] = counter.split("=");
    for (const problem of await count(name, url))
      console.log(`${name}: ${problem}`);
  }),
);
