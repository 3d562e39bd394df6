// `EventTarget`, `AbortSignal` and `AbortController`.

export class Event {
  constructor(type) {
    this.type = String(type);
    this.target = null;
  }
}

export class EventTarget {
  #listeners = new Map();
  addEventListener(type, listener, options) {
    const listeners = this.#listeners.get(type) ?? [];
    if (listeners.some((known) => known.listener === listener)) return;
    this.#listeners.set(type, [...listeners, { listener, once: options?.once === true }]);
  }
  removeEventListener(type, listener) {
    const others = (this.#listeners.get(type) ?? []).filter((known) => known.listener !== listener);
    this.#listeners.set(type, others);
  }
  dispatchEvent(event) {
    event.target = this;
    const handler = this[`on${event.type}`];
    if (typeof handler === "function") handler.call(this, event);
    for (const { listener, once } of this.#listeners.get(event.type) ?? []) {
      if (once) this.removeEventListener(event.type, listener);
      if (typeof listener === "function") listener.call(this, event);
      else listener?.handleEvent(event);
    }
    return true;
  }
}

/** Aborts a signal. Only this module can. */
let abort;

export class AbortSignal extends EventTarget {
  #aborted = false;
  #reason;
  onabort = null;
  static {
    abort = (signal, reason = new DOMException("This operation was aborted", "AbortError")) => {
      if (signal.#aborted) return;
      signal.#aborted = true;
      signal.#reason = reason;
      signal.dispatchEvent(new Event("abort"));
    };
  }
  get aborted() {
    return this.#aborted;
  }
  get reason() {
    return this.#reason;
  }
  throwIfAborted() {
    if (this.#aborted) throw this.#reason;
  }
  static abort(reason) {
    const signal = new AbortSignal();
    abort(signal, reason);
    return signal;
  }
  static any(signals) {
    const signal = new AbortSignal();
    for (const other of signals) {
      if (other.aborted) abort(signal, other.reason);
      else other.addEventListener("abort", () => abort(signal, other.reason));
    }
    return signal;
  }
}

export class AbortController {
  #signal = new AbortSignal();
  get signal() {
    return this.#signal;
  }
  abort(reason) {
    abort(this.#signal, reason);
  }
}
