// Traces and runs of workflows, as timelines.

import { button, element, fill, link, note, place, problem, time } from "./elements.js";
import { pages } from "./pages.js";
import { field } from "./tables.js";
import { fields, line, parsed } from "./values.js";
import { timeline } from "./timeline.js";

const LISTED = 50;
const BRIEF = 2000;
const SPANS = 2000;

/** The lists of traces and of runs, and the timeline of one. */
export const traces = { key: ([what = "traces"]) => what, list, main };

function list({ connection, isCurrent }, [what = "traces"]) {
  const kinds = element("div.tabs", null, [["traces", "Traces"], ["runs", "Runs"]].map(([kind, shown]) =>
    link(shown, place("traces", kind), { "aria-current": kind === what ? "page" : null }),
  ));
  const listed = (what === "runs" ? listRuns : listTraces)(connection, isCurrent);
  return { element: element("nav.list", { "aria-label": what }, kinds, listed.element), stop: listed.stop };
}

function main({ connection }, [what, name, run]) {
  const section = element("section.main");
  if (name === undefined) {
    fill(section, note(what === "runs" ? "Choose a run." : "Choose a trace."));
    return { element: section, stop: () => {} };
  }
  const stop = what === "runs" ? showRun(connection, section, name, run) : showTrace(connection, section, name);
  return { element: section, stop };
}

function listTraces(connection, isCurrent) {
  const query = { table: "mastra_ai_spans", index: "by_root_and_started_at", where: [{ field: "isRoot", value: true }], order: "desc", brief: 200 };
  const item = ({ traceId, name, startedAt, endedAt, error }) => {
    const to = place("traces", "traces", traceId);
    const about = element("span.dim", null, time(startedAt), state(endedAt, error));
    return link([element("span.name", null, name), about], to, { "aria-current": isCurrent(to) ? "page" : null });
  };
  const items = element("div");
  return pages(connection, query, {
    size: LISTED,
    show: (_, each) => each(items, item),
    empty: () => note("There are no traces yet."),
  });
}

const state = (endedAt, error) => (error ? " · failed" : endedAt ? "" : " · running");

function listRuns(connection, isCurrent) {
  const query = { table: "mastra_workflow_snapshots", index: "by_updated", order: "desc", brief: 200 };
  const item = ({ workflow_name, run_id, status, updatedAt }) => {
    const to = place("traces", "runs", workflow_name, run_id);
    const about = element("span.dim", null, time(updatedAt), ` · ${status || "–"} · ${run_id}`);
    return link([element("span.name", null, workflow_name), about], to, { "aria-current": isCurrent(to) ? "page" : null });
  };
  const items = element("div");
  return pages(connection, query, {
    size: LISTED,
    show: (_, each) => each(items, item),
    empty: () => note("There are no runs yet."),
  });
}

function showTrace(connection, main, trace) {
  const [head, body, panel] = [element("div.head", null, element("h1", null, trace)), element("div"), element("aside.panel", { hidden: true })];
  fill(main, head, body, panel);
  const query = { table: "mastra_ai_spans", index: "by_trace_and_started_at", where: [{ field: "traceId", value: trace }], brief: BRIEF, paginationOpts: { cursor: null, numItems: SPANS } };
  return connection.follow(
    "_system/mastra/documents",
    query,
    ({ page, isDone }) => {
      if (page.length === 0) return fill(body, note("There is no such trace."));
      const root = page.find(({ parentSpanId }) => !parentSpanId);
      fill(head, element("div", null, element("h1", null, root?.name ?? trace), element("p.dim", null, trace, " · ", time(root?.startedAt))));
      const spans = page.map((span) => ({
        id: span.spanId,
        parent: span.parentSpanId ?? null,
        name: span.name,
        type: span.spanType,
        start: Date.parse(span.startedAt),
        end: span.endedAt ? Date.parse(span.endedAt) : null,
        failed: Boolean(span.error),
      }));
      fill(body, timeline(spans, (id) => showDocument(connection, panel, page.find(({ spanId }) => spanId === id))), isDone ? null : note("These are the first spans."));
    },
    (error) => fill(body, problem(error)),
  );
}

function showDocument(connection, panel, document) {
  const opener = panel.ownerDocument.activeElement;
  const close = button("Close", () => {
    panel.hidden = true;
    opener.focus();
  });
  panel.hidden = false;
  panel.onkeydown = (event) => event.key === "Escape" && close.click();
  const shown = fields(document, document._id && ((name) => field(connection, document._id, name)));
  fill(panel, element("div.head", null, element("h2", null, line(document.name ?? document.step)), close), shown);
  close.focus();
}

function showRun(connection, main, workflow, run) {
  const [head, body, panel] = [element("div.head", null, element("h1", null, workflow)), element("div"), element("aside.panel", { hidden: true })];
  fill(main, head, body, panel);
  const where = [{ field: "workflow_name", value: workflow }, { field: "run_id", value: run }];
  const query = { table: "mastra_workflow_snapshots", index: "by_workflow_run", where, paginationOpts: { cursor: null, numItems: 1 } };
  return connection.follow(
    "_system/mastra/documents",
    query,
    ({ page: [found] }) => {
      if (found === undefined) return fill(body, note("There is no such run."));
      fill(head, element("div", null, element("h1", null, workflow), element("p.dim", null, `${run} · ${found.status || "–"} · `, time(found.createdAt))));
      const snapshot = parsed(found.snapshot);
      const steps = Object.entries(snapshot?.context ?? {}).filter(([, step]) => typeof step?.startedAt === "number");
      const spans = steps.map(([step, { status, startedAt, endedAt }]) => ({
        id: step,
        parent: null,
        name: step,
        type: status ?? "",
        start: startedAt,
        end: endedAt ?? null,
        failed: status === "failed",
      }));
      const open = (id) => showDocument(connection, panel, { step: id, ...snapshot.context[id] });
      fill(body, spans.length > 0 ? timeline(spans, open) : note("No step has begun."), fields(found, null));
    },
    (error) => fill(body, problem(error)),
  );
}
