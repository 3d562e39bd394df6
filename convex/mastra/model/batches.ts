/**
 * Many reads in one transaction.
 *
 * @module
 */

/** Well below the 1000 concurrent operations Convex allows a function: https://docs.convex.dev/production/state/limits */
const BATCH_SIZE = 100;

/** Calls `read` for each item, some at a time. Results are in the order of the items. */
export async function mapInBatches<Item, Result>(
  items: Item[],
  read: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  if (items.length <= BATCH_SIZE) return await Promise.all(items.map(read));
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += BATCH_SIZE) {
    const batch = items.slice(start, start + BATCH_SIZE);
    results.push(...(await Promise.all(batch.map(read))));
  }
  return results;
}

/** Like `mapInBatches`, without the items that were not found. */
export async function findInBatches<Item, Result>(
  items: Item[],
  find: (item: Item) => Promise<Result | null>,
): Promise<Result[]> {
  const results = await mapInBatches(items, find);
  return results.filter((result): result is Awaited<Result> => result !== null);
}
