// Convex values: on one line, and as trees that open where they are.

import { button, bytes, count, element, fill } from "./elements.js";

// As much as a line or a level of a tree shows at once. What is longer can be opened.
const LINE = 200;
const TEXT = 4000;
const ITEMS = 100;

/** A field that the deployment cut, since it is long: `{type, bytes, length?, text}`; else null. */
export const cut = (value) => (isObject(value) && isObject(value._cut) ? value._cut : null);

/** The value of a text that is JSON; the text itself if it isn't. */
export function parsed(text) {
  if (typeof text !== "string" || !/^\s*[[{]/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A value on one line. */
export function line(value) {
  const text = cut(value) ? `${cut(value).text}…` : typeof value === "string" ? value : inline(value, LINE);
  return text.length > LINE ? `${text.slice(0, LINE)}…` : text;
}

/** The kind of a value, for its colour. */
export function kind(value) {
  if (value === null) return "null";
  if (cut(value)) return cut(value).type;
  if (Array.isArray(value)) return "array";
  if (typeof value === "object") return special(value) === null ? "object" : "number";
  return typeof value;
}

/** A value as a tree. `whole` reads the value of a field that was cut. */
export function tree(value, whole) {
  const about = cut(value);
  if (about) return cutTree(about, whole);
  const scalar = special(value);
  if (scalar !== null) return element("span.number", null, scalar);
  if (Array.isArray(value)) return branch(value.map((item, at) => [at, item]), `[${count(value.length)}]`, whole);
  if (isObject(value)) {
    const fields = Object.entries(value);
    return branch(fields, `{${fields.length === 1 ? fields[0][0] : count(fields.length)}}`, whole);
  }
  if (typeof value === "string") return text(value);
  return element(`span.${kind(value)}`, null, String(value));
}

/** The fields of an object, each on a line of its own, in a tree whose first level is open. */
export function fields(object, whole) {
  return element("div.fields", null, level(Object.entries(object), whole));
}

function branch(entries, summary, whole) {
  if (entries.length === 0) return element("span.dim", null, summary.startsWith("[") ? "[]" : "{}");
  const opened = element("div.level");
  const details = element("details", null, element("summary", null, element("span.dim", null, summary)), opened);
  // A level is made when it is opened, so a deep value costs nothing.
  details.addEventListener("toggle", () => {
    if (details.open && !opened.hasChildNodes()) fill(opened, level(entries, whole));
  });
  return details;
}

function level(entries, whole) {
  const made = element("dl");
  const more = (from) => {
    for (const [name, value] of entries.slice(from, from + ITEMS)) {
      const shown = typeof value === "string" ? parsed(value) : value;
      const isJson = shown !== value;
      const term = element("dt", null, String(name), isJson ? element("span.tag", null, "JSON") : null);
      made.append(element("div", null, term, element("dd", null, tree(shown, whole && (() => whole(name))))));
    }
    const left = entries.length - from - ITEMS;
    if (left > 0) {
      const next = button(`${count(left)} more`, () => {
        next.remove();
        more(from + ITEMS);
      });
      made.append(next);
    }
  };
  more(0);
  return made;
}

function text(value) {
  if (value.length <= TEXT) return element("span.string", null, value);
  const shown = element("span.string", null, value.slice(0, TEXT), "… ");
  const all = button(`all ${count(value.length)} characters`, () => fill(shown, value));
  shown.append(all);
  return shown;
}

function cutTree({ type, bytes: size, length, text: beginning }, whole) {
  const shown = element("span");
  const measure = length === undefined ? bytes(size) : `${count(length)} ${type === "string" ? "characters" : type === "bytes" ? "bytes" : "items"}`;
  const open = button(`all: ${measure}`, async () => {
    open.disabled = true;
    try {
      fill(shown, tree(parsed(await whole()), null));
    } catch (error) {
      fill(shown, element("span.problem", null, error.message));
    }
  });
  fill(shown, element(`span.${type}`, null, `${beginning}… `), whole ? open : element("span.dim", null, measure));
  return shown;
}

/** The text of a number or bytes that JSON lacks; else null. */
function special(value) {
  if (!isObject(value)) return null;
  const keys = Object.keys(value);
  if (keys.length !== 1 || typeof value[keys[0]] !== "string") return null;
  try {
    const raw = Uint8Array.from(atob(value[keys[0]]), (c) => c.charCodeAt(0));
    const view = new DataView(raw.buffer);
    if (keys[0] === "$integer") return `${view.getBigInt64(0, true)}n`;
    if (keys[0] === "$float") return String(view.getFloat64(0, true));
    if (keys[0] === "$bytes") return `${count(raw.length)} bytes`;
  } catch {
    // It is an object that only looks like one of these.
  }
  return null;
}

/** The beginning of a value's text. It stops when the text is long enough, so a large value costs little. */
function inline(value, length, depth = 0) {
  const scalar = special(value);
  if (scalar !== null) return scalar;
  if (cut(value)) return `${cut(value).text}…`;
  if (!isObject(value) && !Array.isArray(value)) return JSON.stringify(value) ?? "";
  if (depth > 4) return "…";
  const isList = Array.isArray(value);
  let written = "";
  for (const [name, item] of isList ? value.entries() : Object.entries(value)) {
    if (written.length > length) return `${isList ? "[" : "{"}${written}, …`;
    written += `${written === "" ? "" : ", "}${isList ? "" : `${name}: `}${inline(item, length - written.length, depth + 1)}`;
  }
  return isList ? `[${written}]` : `{${written}}`;
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
