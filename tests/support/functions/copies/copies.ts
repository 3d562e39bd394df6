import { mutationGeneric } from "convex/server";

/** Insert the first message of all again, many times: npm's functions take half a minute to save as many one by one. */
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
