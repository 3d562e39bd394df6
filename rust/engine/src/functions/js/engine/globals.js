// The engine's globals: the clock, random numbers, text and bytes, the console.

import { leftOut, leftOutClass } from "engine/left_out";
import { subtle } from "engine/subtle";
import { structuredClone } from "engine/structured_clone";
import { Blob } from "engine/blob";
import { AbortController, AbortSignal, Event, EventTarget } from "engine/events";
import { URL, URLSearchParams } from "engine/url";

const host = globalThis.__host;

const RealDate = Date;

/** `Date` with the clock of the call: it stands still while a query or a mutation runs. */
globalThis.Date = class Date extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(host.now());
    else super(...given);
  }
  static now() {
    return host.now();
  }
};

globalThis.performance = { now: () => host.now(), timeOrigin: 0 };

Math.random = () => host.random();

globalThis.crypto = {
  subtle,
  getRandomValues(array) {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(host.random() * 256);
    return array;
  },
  randomUUID() {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  },
};

globalThis.TextEncoder = class TextEncoder {
  encoding = "utf-8";
  encode(text = "") {
    return new Uint8Array(host.encodeText(String(text)));
  }
};

globalThis.TextDecoder = class TextDecoder {
  encoding = "utf-8";
  decode(bytes = new Uint8Array()) {
    const view = ArrayBuffer.isView(bytes) ? bytes : new Uint8Array(bytes);
    return host.decodeText(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
  }
};

globalThis.btoa = (text) => host.toBase64(String(text));
globalThis.atob = (text) => host.fromBase64(String(text));

globalThis.process = { env: host.environment };
globalThis.self = globalThis;

Object.assign(globalThis, { AbortController, AbortSignal, Blob, Event, EventTarget, URL, URLSearchParams, structuredClone });

for (const name of ["fetch", "setTimeout", "setInterval", "clearTimeout", "clearInterval"]) globalThis[name] = leftOut(name);
for (const name of ["File", "FormData", "Headers", "ReadableStream", "Request", "Response", "TransformStream", "WritableStream"]) {
  globalThis[name] = leftOutClass(name);
}

/** A value as Convex's console shows it, that is as the `object-inspect` package does. */
function inspect(value, depth = 0) {
  const within = (part) => inspect(part, depth + 1);
  const list = (parts, [open, close]) => (parts.length === 0 ? open + close : `${open} ${parts.join(", ")} ${close}`);
  if (typeof value === "string") return `'${value.replace(/(['\\])/g, "\\$1").replaceAll("\n", "\\n")}'`;
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return `[Function${value.name ? `: ${value.name}` : " (anonymous)"}]`;
  if (typeof value !== "object" || value === null) return Object.is(value, -0) ? "-0" : String(value);
  if (value instanceof Error) return `[${value}]`;
  if (value instanceof RealDate) return String(value);
  if (depth > 5) return Array.isArray(value) ? "[Array]" : "[Object]";
  if (Array.isArray(value)) return list(value.map(within), "[]");
  const key = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : within(name));
  return list(Object.entries(value).map(([name, part]) => `${key(name)}: ${within(part)}`), "{}");
}

globalThis.console = Object.fromEntries(
  [["debug", "DEBUG"], ["log", "LOG"], ["info", "INFO"], ["warn", "WARN"], ["error", "ERROR"]].map(([method, level]) => [
    method,
    (...values) => host.log(`[${level}] ${values.map((value) => inspect(value)).join(" ")}`),
  ]),
);
