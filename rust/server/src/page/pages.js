// Pages of a table's documents, which follow changes. A page holds a bounded number of rows, wherever it is in however
// many: the first and the last page cost the same.

import { arrange, button, element, fill, note, problem } from "./elements.js";

const PATH = "_system/mastra/documents";

/**
 * A part of the page that shows documents by pages.
 *
 * `query` has `table`, and perhaps `index`, `where`, `order`, `brief`; `size` is the number of a page's rows. `show` gets
 * the documents, in order, and returns an element. Its `each(parent, make, about)` puts an element of each document into a
 * parent. What is shown of a document stays, opened and with the focus, as long as the document and `about` don't change.
 * `atEnd` begins with the last page, at its end, as one reads a conversation.
 */
export function pages(connection, query, { size, show, empty, atEnd = false }) {
  const order = query.order ?? "asc";
  const content = element("div.page", null, note("Reading…"));
  const [first, previous, next, last] = [
    button("First", () => go(false, [null], false), { title: "First page (Home)" }),
    button("Previous", () => (reversed ? forward(atEnd) : back(atEnd)), { title: "Previous page (Page up)" }),
    button("Next", () => (reversed ? back(false) : forward(false)), { title: "Next page (Page down)" }),
    button("Last", () => go(true, [null], true), { title: "Last page (End)" }),
  ];
  const where = element("span.dim", { "aria-live": "polite" });
  const controls = element("nav.controls", { "aria-label": "Pages", hidden: true }, first, previous, next, last, where);
  const whole = element("div.pages", { tabIndex: -1, onkeydown: key }, content, controls);

  // A page from the end is read in the other order, and turned around.
  let reversed;
  // The cursors of the pages from that end to this one.
  let cursors;
  let found = null;
  // Whether the end of a new page is to be shown; null once the page was shown.
  let showsEnd;
  let kept = new Map();
  let stop = () => {};

  function go(fromEnd, path, toEnd) {
    [reversed, cursors, showsEnd] = [fromEnd, path, toEnd];
    stop();
    controls.ariaBusy = "true";
    const flipped = order === "asc" ? "desc" : "asc";
    const paginationOpts = { cursor: cursors.at(-1), numItems: size };
    const args = { ...query, order: reversed ? flipped : order, paginationOpts };
    stop = connection.follow(PATH, args, receive, (error) => fill(content, problem(error)));
  }

  function receive(page) {
    found = page;
    // Conditions may admit none of the rows of a part; then the page begins with the next part.
    if (page.page.length === 0 && !page.isDone) {
      where.textContent = "Searching…";
      return go(reversed, cursors.with(-1, page.continueCursor), showsEnd);
    }
    const documents = reversed ? page.page.toReversed() : page.page;
    const isFirst = cursors.length === 1;
    const wasAtEnd = content.scrollTop + content.clientHeight > content.scrollHeight - 8;
    arrange(content, [documents.length > 0 ? show(documents, each(documents)) : isFirst ? empty() : note("There are no more.")]);
    const [before, after] = reversed ? [!page.isDone, !isFirst] : [!isFirst, !page.isDone];
    [first.disabled, previous.disabled, next.disabled, last.disabled] = [!before, !before, !after, !after];
    controls.hidden = !before && !after;
    const rows = `${documents.length} ${documents.length === 1 ? "row" : "rows"}`;
    where.textContent = isFirst ? `${reversed ? "last" : "first"} ${rows}` : `${rows}, page ${cursors.length} from the ${reversed ? "end" : "beginning"}`;
    controls.ariaBusy = "false";
    // After the controls are there, which take some of the height.
    if (showsEnd ?? (wasAtEnd && reversed && isFirst)) content.scrollTop = content.scrollHeight;
    else if (showsEnd === false) content.scrollTop = 0;
    showsEnd = null;
  }

  const each = (documents) => (parent, make, about = "") => {
    const shown = documents.map((document) => {
      const text = about + JSON.stringify(document);
      const before = kept.get(document._id);
      return [document._id, before?.text === text ? before : { text, element: make(document) }];
    });
    kept = new Map(shown);
    arrange(parent, shown.map(([, { element }]) => element));
    return parent;
  };

  const forward = (toEnd) => go(reversed, [...cursors, found.continueCursor], toEnd);
  const back = (toEnd) => go(reversed, cursors.slice(0, -1), toEnd);

  function key(event) {
    if (event.target.matches("input, textarea, select") || event.altKey || event.ctrlKey || event.metaKey) return;
    const pressed = { Home: first, PageUp: previous, PageDown: next, End: last }[event.key];
    if (pressed && !pressed.disabled) {
      event.preventDefault();
      pressed.click();
    }
  }

  go(atEnd, [null], atEnd);
  return { element: whole, stop: () => stop() };
}
