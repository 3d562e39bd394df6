// Makes as many messages as npm's functions can't list: to save them by these
// takes half a minute.
import { mutationGeneric } from "convex/server";

/** Insert the first message of all again, many times, with ids of their own. */
export const make = mutationGeneric(
  async ({ db }, { prefix, count }: { prefix: string; count: number }) => {
    const first = await db.query("mastra_messages").first();
    if (first === null) throw new Error("there is no message");
    const { _id, _creationTime, ...message } = first;
    for (let n = 0; n < count; n++) {
      await db.insert("mastra_messages", { ...message, id: `${prefix}${n}` });
    }
  },
);
