// Pages of a table's documents, which follow changes. A page holds a bounded number of rows, wherever it is in however
// many: the first and the last page cost the same.

import { button, element, fill, note, problem } from "./elements.js";

const PATH = "_system/mastra/documents";

/**
 * A part of the page that shows documents by pages.
 *
 * `query` has `table`, and perhaps `index`, `where`, `order`, `brief`; `size` is the number of a page's rows. `show` gets
 * the documents, in order, and returns elements. `atEnd` begins with the last page.
 */
export function pages(connection, query, { size, show, empty, atEnd = false }) {
  const order = query.order ?? "asc";
  const content = element("div.page", null, note("Reading…"));
  const [first, previous, next, last] = [
    button("First", () => go(false, [null]), { title: "First page (Home)" }),
    button("Previous", () => (reversed ? forward() : back()), { title: "Previous page (Page up)" }),
    button("Next", () => (reversed ? back() : forward()), { title: "Next page (Page down)" }),
    button("Last", () => go(true, [null]), { title: "Last page (End)" }),
  ];
  const where = element("span.dim", { "aria-live": "polite" });
  const controls = element("nav.controls", { "aria-label": "Pages", hidden: true }, first, previous, next, last, where);
  const whole = element("div.pages", { tabIndex: -1, onkeydown: key }, content, controls);

  // A page from the end is read in the other order, and turned around.
  let reversed;
  // The cursors of the pages from that end to this one.
  let cursors;
  let found = null;
  let stop = () => {};

  function go(fromEnd, path) {
    [reversed, cursors] = [fromEnd, path];
    stop();
    controls.ariaBusy = "true";
    const flipped = order === "asc" ? "desc" : "asc";
    const paginationOpts = { cursor: cursors.at(-1), numItems: size };
    const args = { ...query, order: reversed ? flipped : order, paginationOpts };
    stop = connection.follow(PATH, args, receive, (error) => fill(content, problem(error)));
  }

  function receive(page) {
    found = page;
    // Conditions may admit none of the rows of a part; then the next part is read.
    if (page.page.length === 0 && !page.isDone) {
      where.textContent = "Searching…";
      return forward();
    }
    const documents = reversed ? page.page.toReversed() : page.page;
    fill(content, documents.length > 0 ? show(documents) : cursors.length > 1 ? note("There are no more.") : empty());
    const isFirst = cursors.length === 1;
    const [before, after] = reversed ? [!page.isDone, !isFirst] : [!isFirst, !page.isDone];
    [first.disabled, previous.disabled, next.disabled, last.disabled] = [!before, !before, !after, !after];
    controls.hidden = !before && !after;
    const rows = `${documents.length} ${documents.length === 1 ? "row" : "rows"}`;
    where.textContent = isFirst ? `${reversed ? "last" : "first"} ${rows}` : `${rows}, page ${cursors.length} from the ${reversed ? "end" : "beginning"}`;
    controls.ariaBusy = "false";
  }

  const forward = () => go(reversed, [...cursors, found.continueCursor]);
  const back = () => go(reversed, cursors.slice(0, -1));

  function key(event) {
    if (event.target.matches("input, textarea, select") || event.altKey || event.ctrlKey || event.metaKey) return;
    const pressed = { Home: first, PageUp: previous, PageDown: next, End: last }[event.key];
    if (pressed && !pressed.disabled) {
      event.preventDefault();
      pressed.click();
    }
  }

  go(atEnd, [null]);
  return { element: whole, stop: () => stop() };
}
