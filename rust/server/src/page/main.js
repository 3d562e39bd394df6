// The page: the key, the places, and what is shown at each.

import { Connection, WrongKey } from "./connection.js";
import { button, element, fill, link, problem } from "./elements.js";
import { functions } from "./functions.js";
import { tables } from "./tables.js";
import { threads } from "./threads.js";
import { traces } from "./traces.js";
import { vectors } from "./vectors.js";

// The key is kept as long as the tab is open, and goes nowhere but to this server.
const KEY = "mastra-convex-key";

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
  let current = null;
  const state = element("span.state", { role: "status" }, "connecting");
  const connection = new Connection(key, (now) => {
    if (now === "refused") return leave("The deployment doesn't take this key any more.");
    state.className = `state ${now}`;
    state.textContent = now === "live" ? "live" : "waiting for the server";
  });
  const leave = (message) => {
    current?.stop();
    window.removeEventListener("hashchange", show);
    connection.close();
    sessionStorage.removeItem(KEY);
    askForKey(message);
  };
  const writing = element("input", { type: "checkbox", id: "writing", onchange: () => { canWrite = writing.checked; document.body.classList.toggle("writing", canWrite); show(); } });
  const places = element("nav.places", { "aria-label": "Places" });
  const main = element("main");
  const head = element("header", null, element("strong", null, "mastra-convex"), places, state, element("label", { for: "writing" }, writing, " writing"), button("Lock", () => leave()));
  fill(document.body, head, main);

  /** Goes to a place, with options behind a question mark. */
  const go = (to, options = {}) => {
    const given = Object.entries(options).filter(([, value]) => value !== "" && value !== "[]");
    location.hash = to + (given.length > 0 ? `?${new URLSearchParams(given)}` : "");
  };

  function show() {
    const [path, options] = location.hash.slice(1).split("?", 2);
    const [name, ...parts] = path.split("/").slice(1).map(decoded);
    const [chosen, [title, view]] = name in PLACES ? [name, PLACES[name]] : ["threads", PLACES.threads];
    document.title = [...parts.slice(0, 1), title, "mastra-convex"].join(" · ");
    fill(places, Object.entries(PLACES).map(([to, [text]]) => link(text, `/${to}`, { "aria-current": to === chosen ? "page" : null })));
    current?.stop();
    current = view({ connection, go, canWrite: () => canWrite }, parts, new URLSearchParams(options ?? ""));
    fill(main, current.element);
  }

  window.addEventListener("hashchange", show);
  connection.open();
  show();
}

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
