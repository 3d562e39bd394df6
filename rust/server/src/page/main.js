// The page: the key, the places, and what is shown at each.

import { Connection, WrongKey } from "./connection.js";
import { arrange, button, element, fill, link, problem } from "./elements.js";
import { functions } from "./functions.js";
import { tables } from "./tables.js";
import { threads } from "./threads.js";
import { traces } from "./traces.js";
import { vectors } from "./vectors.js";

// The key is kept as long as the tab is open, and goes nowhere but to this server.
const KEY = "mastra-convex-key";

// Each place has a `list`, whose links open a `main`. The list stays while its `key` does: where it was scrolled and paged to,
// and with the focus.
const PLACES = { threads: ["Threads", threads], vectors: ["Vectors", vectors], traces: ["Traces", traces], tables: ["Tables", tables], functions: ["Functions", functions] };

/** Asks for the key, until it is right. */
function askForKey(message) {
  const key = element("input", { type: "password", id: "key", required: true, autocomplete: "off", spellcheck: false });
  const error = element("div", null, message ? problem({ message }) : null);
  const submit = element("button.primary", { type: "submit" }, "Open");
  const open = async (event) => {
    event.preventDefault();
    submit.disabled = true;
    const given = key.value.trim();
    try {
      await new Connection(given, () => {}).query("_system/cli/convexUrl:cloudUrl", {});
      sessionStorage.setItem(KEY, given);
      start(given);
    } catch (failure) {
      const isWrong = failure instanceof WrongKey || /Could not find/.test(failure.message);
      fill(error, problem({ message: isWrong ? "This is not the admin key of this deployment." : failure.message }));
      submit.disabled = false;
      key.focus();
    }
  };
  const hint = element("p.dim", null, "`mastra-convex serve` prints it; `mastra-convex keys show` prints it again. It is kept until this tab is closed.");
  const form = element("form.key", { onsubmit: open }, element("h1", null, "mastra-convex"), element("label", { for: "key" }, "Admin key"), key, submit, error, hint);
  fill(document.body, form);
  key.focus();
}

function start(key) {
  let canWrite = false;
  let list = null;
  let main = null;
  const state = element("span.state", { role: "status" }, "connecting");
  const connection = new Connection(key, (now) => {
    if (now === "refused") return leave("The deployment doesn't take this key any more.");
    state.className = `state ${now}`;
    state.textContent = now === "live" ? "live" : "waiting for the server";
  });
  const leave = (message) => {
    list?.stop();
    main?.stop();
    window.removeEventListener("hashchange", show);
    connection.close();
    sessionStorage.removeItem(KEY);
    askForKey(message);
  };
  const writing = element("input", { type: "checkbox", id: "writing", onchange: () => { canWrite = writing.checked; document.body.classList.toggle("writing", canWrite); show(); } });
  const places = element("nav.places", { "aria-label": "Places" });
  const columns = element("div.columns");
  const head = element("header", null, element("strong", null, "mastra-convex"), places, state, element("label", { for: "writing" }, writing, " writing"), button("Lock", () => leave()));
  fill(document.body, head, element("main", null, columns));

  /** Goes to a place, with options behind a question mark. */
  const go = (to, options = {}) => {
    const given = Object.entries(options).filter(([, value]) => value !== "" && value !== "[]");
    location.hash = to + (given.length > 0 ? `?${new URLSearchParams(given)}` : "");
  };

  function show() {
    const [path, options] = location.hash.slice(1).split("?", 2);
    const [name, ...parts] = split(path);
    const [chosen, [title, view]] = Object.hasOwn(PLACES, name) ? [name, PLACES[name]] : ["threads", PLACES.threads];
    document.title = [...parts.slice(0, 1), title, "mastra-convex"].join(" · ");
    fill(places, Object.entries(PLACES).map(([to, [text]]) => link(text, `/${to}`, { "aria-current": to === chosen ? "page" : null })));
    const given = new URLSearchParams(options ?? "");
    const context = { connection, go, canWrite: () => canWrite };
    const key = `${chosen} ${view.key(parts, given)}`;
    if (list?.key !== key) {
      list?.stop();
      list = { key, ...view.list({ ...context, isCurrent }, parts, given) };
    }
    for (const link of list.element.querySelectorAll("a:not(.tabs a)")) link.ariaCurrent = isCurrent(link.hash.slice(1)) ? "page" : null;
    main?.stop();
    try {
      main = view.main(context, parts, given);
    } catch (error) {
      main = { element: element("section.main", null, problem({ message: `This address can't be read: ${error.message}` })), stop: () => {} };
    }
    arrange(columns, [list.element, main.element]);
  }

  window.addEventListener("hashchange", show);
  connection.open();
  show();
}

/** Whether the page is at a place, with whatever options. */
function isCurrent(place) {
  const [here, there] = [location.hash.slice(1), place].map((path) => JSON.stringify(split(path.split("?", 1)[0])));
  return here === there;
}

/** The parts of a place. */
const split = (path) => path.split("/").slice(1).map(decoded);

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const kept = sessionStorage.getItem(KEY);
if (kept === null) askForKey();
else start(kept);
