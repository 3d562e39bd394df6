// Threads as conversations.

import { button, element, fill, link, note, place, problem, time } from "./elements.js";
import { pages } from "./pages.js";
import { field } from "./tables.js";
import { cut, fields, line, parsed, tree } from "./values.js";

const THREADS = 50;
const MESSAGES = 50;
const BRIEF = 12_000;

/** The list of threads, of a resource or of all, and the conversation of one. */
export const threads = { key: (_, options) => options.get("resource") ?? "", list, main };

function list({ connection, go, isCurrent }, _, options) {
  const resource = options.get("resource") ?? "";
  const asked = element("input", { type: "search", value: resource, placeholder: "resource id", "aria-label": "Resource id" });
  const search = (event) => {
    event.preventDefault();
    go(location.hash.slice(1).split("?", 1)[0] || place("threads"), asked.value === "" ? {} : { resource: asked.value });
  };
  const form = element("form.filters", { onsubmit: search }, asked, element("button", { type: "submit" }, "Filter"));
  const where = resource === "" ? [] : [{ field: "resourceId", value: resource }];
  const index = resource === "" ? "by_updated" : "by_resource_and_updated_at";
  const query = { table: "mastra_threads", index, order: "desc", where, brief: 300 };
  const item = ({ id, title, resourceId, updatedAt }) => {
    const to = place("threads", id);
    return link(
      [element("span.name", null, title || id), element("span.dim", null, resourceId, " · ", time(updatedAt))],
      to + (resource === "" ? "" : `?resource=${encodeURIComponent(resource)}`),
      { "aria-current": isCurrent(to) ? "page" : null },
    );
  };
  const items = element("div");
  const listed = pages(connection, query, {
    size: THREADS,
    show: (_, each) => each(items, item),
    empty: () => note(resource === "" ? "There are no threads yet." : "This resource has no threads."),
  });
  return { element: element("nav.list", { "aria-label": "Threads" }, form, listed.element), stop: listed.stop };
}

function main({ connection }, [thread]) {
  if (thread === undefined) return { element: element("section.main", null, note("Choose a thread.")), stop: () => {} };
  const head = element("div.head");
  const described = { table: "mastra_threads", where: [{ field: "id", value: thread }], paginationOpts: { cursor: null, numItems: 1 } };
  const stopHead = connection.follow(
    "_system/mastra/documents",
    described,
    ({ page: [found] }) => {
      if (found === undefined) return fill(head, element("h1", null, thread), note("There is no such thread."));
      const about = element("p.dim", null, thread, " · ", found.resourceId, " · since ", time(found.createdAt));
      const { metadata } = found;
      const isEmpty = metadata === undefined || /^\s*\{?\s*\}?\s*$/.test(line(metadata));
      const more = isEmpty ? null : element("div.metadata", null, tree(parsed(metadata), null));
      fill(head, element("div", null, element("h1", null, found.title || thread), about, more));
    },
    (error) => fill(head, problem(error)),
  );
  const query = { table: "mastra_messages", index: "by_thread_created", where: [{ field: "thread_id", value: thread }], brief: BRIEF };
  const conversation = element("ol.conversation");
  const listed = pages(connection, query, {
    size: MESSAGES,
    atEnd: true,
    show: (_, each) => each(conversation, (document) => message(connection, document)),
    empty: () => note("It has no messages yet."),
  });
  const stop = () => {
    stopHead();
    listed.stop();
  };
  return { element: element("section.main", null, head, listed.element), stop };
}

function message(connection, document) {
  const { role, createdAt, content, _id: id } = document;
  const raw = element("div.raw", { hidden: true });
  const toggle = button("{ }", () => {
    raw.hidden = !raw.hidden;
    if (!raw.hidden) fill(raw, fields(document, (name) => field(connection, id, name)));
  }, { title: "The document" });
  const head = element("div.by", null, element("strong", null, line(role)), time(createdAt), toggle);
  const body = element("div.body");
  const known = ["user", "assistant", "system", "tool"].includes(role) ? role : "other";
  if (cut(content)) {
    const all = button("Show all", async () => {
      all.disabled = true;
      fill(body, parts(parsed(await field(connection, id, "content"))));
    });
    fill(body, element("p", null, `${cut(content).text.slice(0, 1000)}…`), all);
  } else {
    fill(body, parts(parsed(content)));
  }
  return element(`li.message.${known}`, null, head, body, raw);
}

/** The parts of a message: a text, a list of parts, or an object of Mastra's format 2. */
function parts(content) {
  if (typeof content === "string") return element("p", null, content);
  const list = Array.isArray(content) ? content : Array.isArray(content?.parts) ? content.parts : null;
  if (list === null) return typeof content?.content === "string" ? element("p", null, content.content) : tree(content, null);
  return list.slice(0, 200).map(part);
}

function part(found) {
  if (typeof found?.text === "string" && found.type === "text") return element("p", null, found.text);
  const tool = found?.toolInvocation ?? (String(found?.type).startsWith("tool") ? found : null);
  if (tool !== null && tool !== undefined) {
    const state = typeof tool.state === "string" ? ` · ${tool.state}` : "";
    return element("details.tool", null, element("summary", null, `${line(tool.toolName ?? found.type)}${state}`), fields(tool, null));
  }
  if (typeof found?.reasoning === "string") return element("details.tool", null, element("summary", null, "reasoning"), element("p", null, found.reasoning));
  if (found?.type === "step-start") return null;
  return element("details.tool", null, element("summary", null, line(found?.type ?? "part")), tree(found, null));
}
