// The globals that are the engine's: the clock, chance, the console.

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

Math.random = () => host.random();

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
