// Tables: their sizes, their documents, and one document as a tree.

import { arrange, bytes, button, count, element, fill, link, note, place, problem } from "./elements.js";
import { filters } from "./filters.js";
import { pages } from "./pages.js";
import { fields, kind, line } from "./values.js";

const ROWS = 100;
const BRIEF = 400;
// Sizes are counted again after this time, or after ten times as long as it took, whichever is longer.
const SIZES_MS = 5000;

/** The list of tables, and the documents of one. */
export const tables = { key: () => "", list, main };

function list({ connection, isCurrent }) {
  const made = element("nav.list", { "aria-label": "Tables" });
  return { element: made, stop: follow(connection, made, isCurrent) };
}

function main({ connection, go }, [table], options) {
  const section = element("section.main");
  if (table === undefined) {
    fill(section, note("Choose a table."));
    return { element: section, stop: () => {} };
  }
  const stop = documents(connection, section, table, options, (changed) => go(place("tables", table), changed));
  return { element: section, stop };
}

/** Lists the tables as they come, and counts them now and then. */
function follow(connection, list, isCurrent) {
  const items = new Map();
  const sizes = new Map();
  let timer;
  let stopped = false;
  const show = (names) => {
    const shown = names.map((name) => {
      const size = sizes.get(name);
      const item = items.get(name) ?? listed(name);
      items.set(name, item);
      item.lastChild.textContent = size ? `${count(size.documents)} · ${bytes(size.bytes)}` : "";
      return item;
    });
    const isFirst = list.querySelector("a") === null;
    arrange(list, shown.length > 0 ? shown : [note("There are no tables yet.")]);
    if (isFirst) list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  };
  const listed = (name) => {
    const to = place("tables", name);
    return link([element("span.name", null, name), element("span.dim")], to, { "aria-current": isCurrent(to) ? "page" : null });
  };
  let names = null;
  const measure = async () => {
    const begun = performance.now();
    try {
      for (const table of await connection.query("_system/mastra/tables", {})) sizes.set(table.name, table);
    } catch {
      // The names stay without sizes until the next time.
    }
    if (stopped) return;
    if (names !== null) show(names);
    timer = setTimeout(measure, Math.max(SIZES_MS, 10 * (performance.now() - begun)));
  };
  fill(list, note("Reading…"));
  const opts = { paginationOpts: { cursor: null, numItems: 1000 } };
  const unfollow = connection.follow(
    "_system/cli/tables",
    opts,
    ({ page }) => show((names = page.map(({ name }) => name))),
    (error) => fill(list, problem(error)),
  );
  measure();
  return () => {
    stopped = true;
    clearTimeout(timer);
    unfollow();
  };
}

function documents(connection, main, table, options, change) {
  const conditions = JSON.parse(options.get("where") ?? "[]");
  const order = options.get("order") ?? "desc";
  const index = options.get("index") ?? "";
  const head = element("div.head", null, element("h1", null, table));
  const panel = element("aside.panel", { hidden: true });
  let names = [];
  const tools = element("div.tools");
  const changed = (part) => change({ where: JSON.stringify(conditions), order, index, ...part });
  const showTools = (indexes) => {
    const choices = [["", "created"], ...indexes.map(({ name, fields }) => [name, fields.join(", ")])];
    const selected = ([value, text]) => element("option", { value, selected: value === index }, text);
    const by = element("select", { onchange: () => changed({ index: by.value }), "aria-label": "Order by" }, choices.map(selected));
    const turned = order === "asc" ? "desc" : "asc";
    const turn = button(order === "asc" ? "↑ ascending" : "↓ descending", () => changed({ order: turned }));
    fill(tools, filters(conditions, names, (next) => changed({ where: JSON.stringify(next) })), element("label", null, "by ", by), turn);
  };
  let indexes = [];
  showTools(indexes);
  connection.query("_system/mastra/tables", { sizes: false }).then((all) => {
    indexes = (all.find(({ name }) => name === table)?.indexes ?? []).filter(({ fields }) => fields.length > 0);
    showTools(indexes);
  }, () => {});
  let stopPanel = () => {};
  const open = (id, row) => {
    stopPanel();
    panel.hidden = false;
    stopPanel = followDocument(connection, panel, id, () => {
      stopPanel();
      panel.hidden = true;
      row.focus();
    });
  };
  const rows = grid(open);
  const query = { table, order, where: conditions, brief: BRIEF, ...(index === "" ? {} : { index }) };
  const listed = pages(connection, query, {
    size: ROWS,
    show: (found, each) => {
      const shown = columns(found);
      if (shown.some((name) => !names.includes(name)) && !tools.contains(document.activeElement)) {
        names = shown;
        showTools(indexes);
      }
      return rows(shown, each);
    },
    empty: () => note(conditions.length > 0 ? "No document meets these conditions." : "The table is empty."),
  });
  fill(main, head, tools, listed.element, panel);
  return () => {
    listed.stop();
    stopPanel();
  };
}

/** The fields of documents, the id first and those of the system last. */
function columns(documents) {
  const names = [...new Set(documents.flatMap((document) => Object.keys(document)))];
  const own = names.filter((name) => name !== "id" && !name.startsWith("_"));
  return [...names.filter((name) => name === "id"), ...own, ...names.filter((name) => name.startsWith("_"))];
}

/** A grid of documents, filled by the columns' names and `each` of a page. Arrow keys move, Enter opens a row. */
function grid(open) {
  const [head, body] = [element("tr"), element("tbody")];
  const whole = element("div.grid", null, element("table", null, element("thead", null, head), body));
  return (names, each) => {
    fill(head, names.map((name) => element("th", { scope: "col" }, name)));
    each(body, (document) => row(document, names), JSON.stringify(names));
    // Tab reaches one row, from which the arrow keys go on.
    if (body.querySelector("[tabindex='0']") === null) body.firstChild.tabIndex = 0;
    return whole;
  };

  function row(document, names) {
    const cells = names.map((name) => {
      if (!(name in document)) return element("td");
      const value = document[name];
      const shown = name === "_creationTime" ? new Date(value).toISOString() : line(value);
      return element(`td.${kind(value)}`, { title: shown }, shown);
    });
    return element("tr", { tabIndex: -1, onclick: (event) => open(document._id, event.currentTarget), onkeydown: move }, cells);
  }

  function move(event) {
    const row = event.currentTarget;
    const to = { ArrowDown: row.nextSibling, ArrowUp: row.previousSibling }[event.key];
    if (event.key === "Enter") row.click();
    else if (to) {
      row.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    } else return;
    event.preventDefault();
  }
}

/** Shows a document in a panel, as it changes. */
function followDocument(connection, panel, id, close) {
  const closing = button("Close", close, { title: "Close (Esc)" });
  const head = element("div.head", null, element("h2", null, id), closing);
  panel.onkeydown = (event) => event.key === "Escape" && close();
  const body = element("div", null, note("Reading…"));
  fill(panel, head, body);
  const stop = connection.follow(
    "_system/mastra/documents:get",
    { id, brief: 20_000 },
    (found) => fill(body, found === null ? note("It was deleted.") : fields(found, (name) => field(connection, id, name))),
    (error) => fill(body, problem(error)),
  );
  closing.focus();
  return stop;
}

/** A field of a document, whole. */
export const field = async (connection, id, name) => (await connection.query("_system/mastra/documents:get", { id }))[name];
