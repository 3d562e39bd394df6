// The deployment that this page came from: queries that follow changes over the sync WebSocket, and single calls.

/** The credential was refused. */
export class WrongKey extends Error {}

const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

/** A connection with an admin key. */
export class Connection {
  #key;
  #socket = null;
  #queries = new Map();
  #lastQuery = 0;
  #version = 0;
  #failures = 0;
  #closed = false;

  /** `onstate` hears whether changes are followed: "live", "waiting" or "refused". */
  constructor(key, onstate) {
    this.#key = key;
    this.onstate = onstate;
  }

  /** Calls a function, and returns its value. */
  async call(kind, path, args) {
    const reply = await fetch(`/api/${kind}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Convex ${this.#key}` },
      body: JSON.stringify({ path, args, format: "convex_encoded_json" }),
    });
    const answer = await reply.json();
    if (reply.status === 401) throw new WrongKey(answer.message);
    if (!reply.ok) throw new Error(answer.message ?? `HTTP ${reply.status}`);
    if (answer.status === "error") throw Object.assign(new Error(plain(answer.errorMessage)), { logLines: answer.logLines });
    return { value: answer.value, logLines: answer.logLines ?? [] };
  }

  /** A query's value now. */
  async query(path, args) {
    return (await this.call("query", path, args)).value;
  }

  /** Follows a query: `onvalue` gets its value now and after each change, `onerror` its errors. Returns a way to stop. */
  follow(path, args, onvalue, onerror) {
    const number = this.#lastQuery++;
    this.#queries.set(number, { path, args, onvalue, onerror });
    this.#modify([this.#added(number)]);
    return () => {
      if (this.#queries.delete(number)) this.#modify([{ type: "Remove", queryId: number }]);
    };
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/sync`);
    this.#socket = socket;
    socket.onopen = () => {
      this.#version = 0;
      this.#send({ type: "Connect", sessionId: uuid(), connectionCount: this.#failures, lastCloseReason: null });
      this.#send({ type: "Authenticate", baseVersion: 0, tokenType: "Admin", value: this.#key });
      this.#modify([...this.#queries.keys()].map((number) => this.#added(number)));
    };
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = () => {
      if (this.#closed) return;
      this.onstate("waiting");
      const wait = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)];
      setTimeout(() => this.#closed || this.open(), wait);
    };
  }

  close() {
    this.#closed = true;
    this.#socket?.close();
  }

  #added(number) {
    const { path, args } = this.#queries.get(number);
    return { type: "Add", queryId: number, udfPath: path, args: [args] };
  }

  #modify(modifications) {
    if (this.#socket?.readyState !== WebSocket.OPEN || modifications.length === 0) return;
    const baseVersion = this.#version++;
    this.#send({ type: "ModifyQuerySet", baseVersion, newVersion: baseVersion + 1, modifications });
  }

  #send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  #receive(message) {
    if (message.type === "Transition") {
      this.#failures = 0;
      this.onstate("live");
      for (const { type, queryId, value, errorMessage } of message.modifications) {
        const query = this.#queries.get(queryId);
        if (type === "QueryUpdated") query?.onvalue(value);
        else if (type === "QueryFailed") query?.onerror(new Error(plain(errorMessage)));
      }
    } else if (message.type === "AuthError") {
      this.close();
      this.onstate("refused");
    }
  }
}

/** An error's text without the request's number. */
const plain = (text) => text.replace(/^\[Request ID: [^\]]*\] Server Error\n/, "");

/** A UUID, also where the page isn't served over HTTPS. */
function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
