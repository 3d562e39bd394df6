/**
 * State of threads.
 *
 * @module
 */
import { deleteRows } from "../model/records";
import { textField } from "../model/request";
import { rowsWhere } from "../model/rows";
import { write, type Operations } from "./operation";

type ThreadState = "mastra_thread_state";

/** Delete a thread's state of one type, whatever the `id` of its row. */
const deleteState = write({
  args: (request) => ({
    conditions: ["threadId", "type"].map((field) => ({
      field,
      value: textField(request, field),
    })),
  }),
  handler: async (ctx, table: ThreadState, { conditions }) => {
    const row = await rowsWhere(ctx, table, conditions).unique();
    if (row !== null) await deleteRows(ctx, table, [row]);
    return { ok: true };
  },
});

export const threadState: Operations<ThreadState> = { deleteState };
