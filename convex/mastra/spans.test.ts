import { beforeEach, expect, test } from "vitest";
import {
  deployment,
  storageOf,
  storedIn,
  type Deployment,
} from "../test.setup";

let db: Deployment;
let call: ReturnType<typeof storageOf>;
beforeEach(() => {
  db = deployment();
  call = storageOf(db);
});

const SPANS = "mastra_ai_spans";
const at = (second: number) => `2026-01-01T00:00:0${second}.000Z`;
const span = (traceId: string, spanId: string, fields: object = {}) => ({
  id: `${traceId}-${spanId}`,
  traceId,
  spanId,
  name: "agent",
  spanType: "agent_run",
  isEvent: false,
  startedAt: at(1),
  createdAt: at(1),
  parentSpanId: null,
  ...fields,
});
const stored = () => storedIn(db, SPANS);
const insert = (...records: object[]) =>
  call("createSpans", SPANS, { records });
const ids = (rows: { id: string }[]) => rows.map(({ id }) => id);

test("a span is named by its trace and its own id, not by its row's", async () => {
  await insert(span("a-b", "c"), span("a", "b-c"));
  await insert(span("a", "b-c", { name: "again", createdAt: at(9) }));
  expect(await stored()).toMatchObject([
    span("a-b", "c"),
    span("a", "b-c", { name: "again" }),
  ]);
});

test.each(["createSpans", "updateSpans"])(
  "%s refuses spans of which one says no name, and writes none",
  async (op) => {
    await insert(span("t", "1"));
    for (const nameless of [
      { name: "again" },
      { traceId: "t", name: "again" },
      { workflow_name: "w", run_id: "r" },
    ]) {
      const records = [span("t", "1", { name: "written" }), nameless];
      expect(await call(op, SPANS, { records })).toEqual({
        ok: false,
        code: "InvalidRequest",
        error: `${op} records must each have a traceId and a spanId, or an id`,
      });
    }
    expect(await stored()).toMatchObject([span("t", "1")]);
  },
);

test("a name of another table's records reaches no span", async () => {
  await insert(span("t", "1"));
  const record = { workflow_name: "w", run_id: "r", name: "again" };
  await expect(call("insert", SPANS, { record })).rejects.toThrow(
    "Nothing is asked of mastra_ai_spans.id",
  );
  expect(await stored()).toMatchObject([span("t", "1")]);
});

test("updates reach the spans that exist", async () => {
  await insert(span("t", "1"), span("t", "2", { parentSpanId: "1" }));
  const { result } = await call("updateSpans", SPANS, {
    records: [
      { traceId: "t", spanId: "1", endedAt: at(2) },
      { traceId: "t", spanId: "1", output: "{}" },
      { traceId: "t", spanId: "gone", endedAt: at(2) },
    ],
  });
  expect(result).toEqual(["t-1", "t-1"]);
  expect(await stored()).toMatchObject([
    { endedAt: at(2), output: "{}", isRoot: true },
    { spanId: "2", isRoot: false },
  ]);
});

test("roots are listed by what they belong to, in the order of their times", async () => {
  await insert(
    span("1", "a", { threadId: "t", startedAt: at(3), endedAt: null }),
    span("2", "a", { threadId: "t", startedAt: at(2), endedAt: at(4) }),
    span("2", "b", { threadId: "t", parentSpanId: "a" }),
    span("3", "a", { threadId: "u", endedAt: at(5), runId: "r" }),
  );
  const list = async (fields: object, field = "startedAt") =>
    ids(
      (
        await call("queryTable", SPANS, {
          filters: Object.entries({ isRoot: true, ...fields }).map(
            ([field, value]) => ({ field, value }),
          ),
          orderBy: { field, order: "desc" },
        })
      ).result,
    );
  expect(await list({})).toEqual(["1-a", "2-a", "3-a"]);
  expect(await list({ threadId: "t" })).toEqual(["1-a", "2-a"]);
  expect(await list({ runId: "r" })).toEqual(["3-a"]);
  expect(await list({}, "endOrder")).toEqual(["1-a", "3-a", "2-a"]);
});

test("traces are deleted with all their spans, some a call", async () => {
  const many = Array.from({ length: 600 }, (_, n) => span("long", `${n}`));
  await insert(...many);
  await insert(span("other", "1"), span("kept", "1"));
  const traceIds = ["long", "other", "unknown"];
  const remove = () => call("deleteTraces", SPANS, { traceIds });
  expect(await remove()).toEqual({ ok: true, hasMore: true });
  expect(await remove()).toEqual({ ok: true, hasMore: false });
  expect(await stored()).toMatchObject([span("kept", "1")]);
});
