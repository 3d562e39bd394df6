// The globals that are the engine's: the clock, chance, the console.

import { show } from "convex/values";

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

globalThis.console = Object.fromEntries(
  [["debug", "DEBUG"], ["log", "LOG"], ["info", "INFO"], ["warn", "WARN"], ["error", "ERROR"]].map(([method, level]) => [
    method,
    (...values) => host.log(`[${level}] ${values.map(show).join(" ")}`),
  ]),
);
