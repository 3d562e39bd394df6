// Elements of the page. Texts become text nodes, so nothing that a document holds is ever markup.

/** An element: `name.class.class`, its properties, its children (elements, texts, or lists of them; null is nothing). */
export function element(selector, properties, ...children) {
  const [name, ...classes] = selector.split(".");
  const made = document.createElement(name || "div");
  if (classes.length > 0) made.className = classes.join(" ");
  for (const [property, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (property.startsWith("on")) made.addEventListener(property.slice(2), value);
    else if (property.includes("-") || property === "role" || property === "for") made.setAttribute(property, value);
    else made[property] = value;
  }
  append(made, children);
  return made;
}

/** Appends children to an element. */
export function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

/** Puts children in the place of those that an element has. */
export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
}

/** Makes these the children of a parent, in order. A child that stays isn't moved, so that it keeps the focus. */
export function arrange(parent, children) {
  const staying = new Set(children);
  for (const child of [...parent.childNodes]) if (!staying.has(child)) child.remove();
  let next = parent.firstChild;
  for (const child of children) {
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
  }
}

/** A button that acts. */
export const button = (text, act, properties) => element("button", { type: "button", onclick: act, ...properties }, text);

/** A link to a place of the page. */
export const link = (text, place, properties) => element("a", { href: `#${place}`, ...properties }, text);

/** A place's text, of parts that may hold anything. */
export const place = (...parts) => "/" + parts.map(encodeURIComponent).join("/");

/** A line that says that something is missing, or is being read. */
export const note = (text) => element("p.note", null, text);

/** An error where it happened. */
export const problem = (error) => element("p.problem", { role: "alert" }, error.message ?? String(error));

/** A time as the reader's clock shows it, with all of it in the tooltip. */
export function time(value) {
  const date = new Date(value);
  if (value === null || value === undefined || Number.isNaN(date.getTime())) return element("span.dim", null, "–");
  const isToday = date.toDateString() === new Date().toDateString();
  const shown = isToday
    ? date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" })
    : date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return element("time", { dateTime: date.toISOString(), title: date.toISOString() }, shown);
}

/** A duration in the unit that suits it. */
export function duration(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/** A number of bytes in the unit that suits it. */
export function bytes(count) {
  for (const [size, unit] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
    if (count >= size) return `${(count / size).toFixed(1)} ${unit}`;
  }
  return `${count} B`;
}

/** A number with its thousands apart. */
export const count = (number) => number.toLocaleString("en");
