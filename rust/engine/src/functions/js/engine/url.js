// `URL` and `URLSearchParams`.

const host = globalThis.__host;

/** The pairs of a URLSearchParams, which is made of a text, pairs, or an object. */
function pairsOf(given) {
  if (given === undefined) return [];
  if (typeof given === "object" && given !== null) {
    const pairs = Symbol.iterator in given ? Array.from(given) : Object.entries(given);
    return pairs.map(([name, value]) => [String(name), String(value)]);
  }
  return host.parseForm(String(given).replace(/^\?/, ""));
}

export class URLSearchParams {
  #pairs;
  #changed = () => {};
  /** The parameters of a URL. A change of them changes its search. */
  static of(search, changed) {
    const params = new URLSearchParams(search);
    params.#changed = changed;
    return params;
  }
  constructor(given) {
    this.#pairs = pairsOf(given);
  }
  #set(pairs) {
    this.#pairs = pairs;
    this.#changed(this.toString());
  }
  get size() {
    return this.#pairs.length;
  }
  append(name, value) {
    this.#set([...this.#pairs, [String(name), String(value)]]);
  }
  delete(name, value) {
    this.#set(this.#pairs.filter((pair) => pair[0] !== String(name) || (value !== undefined && pair[1] !== String(value))));
  }
  get(name) {
    return this.#pairs.find((pair) => pair[0] === String(name))?.[1] ?? null;
  }
  getAll(name) {
    return this.#pairs.filter((pair) => pair[0] === String(name)).map((pair) => pair[1]);
  }
  has(name, value) {
    return this.#pairs.some((pair) => pair[0] === String(name) && (value === undefined || pair[1] === String(value)));
  }
  set(name, value) {
    const first = this.#pairs.findIndex((pair) => pair[0] === String(name));
    if (first < 0) return this.append(name, value);
    const others = this.#pairs.filter((pair, position) => position <= first || pair[0] !== String(name));
    this.#set(others.with(first, [String(name), String(value)]));
  }
  sort() {
    this.#set(this.#pairs.toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
  }
  forEach(visit, self) {
    for (const [name, value] of this) visit.call(self, value, name, this);
  }
  *entries() {
    for (const [name, value] of this.#pairs) yield [name, value];
  }
  *keys() {
    for (const [name] of this.#pairs) yield name;
  }
  *values() {
    for (const [, value] of this.#pairs) yield value;
  }
  [Symbol.iterator]() {
    return this.entries();
  }
  toString() {
    return host.writeForm(this.#pairs);
  }
}

const paramsOf = URLSearchParams.of;
delete URLSearchParams.of;

export class URL {
  #parts;
  #params;
  constructor(url, base) {
    this.#parts = host.parseUrl(String(url), base === undefined ? undefined : String(base));
    if (this.#parts === undefined) throw new TypeError(`Invalid URL: ${String(url)}`);
  }
  static canParse(url, base) {
    return URL.parse(url, base) !== null;
  }
  static parse(url, base) {
    try {
      return new URL(url, base);
    } catch {
      return null;
    }
  }
  static part(url, name) {
    return url.#parts[name];
  }
  static setPart(url, name, value) {
    url.#parts = host.setUrlPart(url.#parts.href, name, String(value));
    if (name !== "hash") url.#params = undefined;
  }
  get href() {
    return this.#parts.href;
  }
  set href(value) {
    this.#parts = new URL(value).#parts;
    this.#params = undefined;
  }
  get origin() {
    return this.#parts.origin;
  }
  get searchParams() {
    this.#params ??= paramsOf(this.search, (search) => {
      this.#parts = host.setUrlPart(this.#parts.href, "search", search);
    });
    return this.#params;
  }
  toString() {
    return this.href;
  }
  toJSON() {
    return this.href;
  }
}

const { part, setPart } = URL;
delete URL.part;
delete URL.setPart;
for (const name of ["protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"]) {
  Object.defineProperty(URL.prototype, name, {
    configurable: true,
    enumerable: true,
    get() {
      return part(this, name);
    },
    set(value) {
      setPart(this, name, value);
    },
  });
}
