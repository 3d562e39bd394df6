// `crypto.subtle`: digests, and signatures by HMAC.

import { leftOut } from "engine/left_out";

const host = globalThis.__host;

const nameOf = (algorithm) => (typeof algorithm === "string" ? algorithm : algorithm.name).toUpperCase();

/** The bytes of a buffer or of a view of one, in a buffer of their own. */
function bufferOf(data) {
  if (data instanceof ArrayBuffer) return data;
  if (ArrayBuffer.isView(data)) return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
  throw new TypeError("expected an ArrayBuffer or a view of one");
}

/** The bytes of a key, which only this module can read. */
let bytesOf;

export class CryptoKey {
  #bytes;
  static {
    bytesOf = (key) => key.#bytes;
  }
  constructor(bytes, algorithm, extractable, usages) {
    this.#bytes = bytes;
    Object.assign(this, { type: "secret", algorithm, extractable, usages });
  }
}

function keyFor(key, usage) {
  if (!(key instanceof CryptoKey)) throw new TypeError("expected a CryptoKey");
  if (!key.usages.includes(usage)) throw new DOMException(`The key can't ${usage}`, "InvalidAccessError");
  return bytesOf(key);
}

const members = ["decrypt", "deriveBits", "deriveKey", "encrypt", "generateKey", "unwrapKey", "wrapKey"];

export const subtle = {
  ...Object.fromEntries(members.map((method) => [method, leftOut(`crypto.subtle.${method}`)])),
  async digest(algorithm, data) {
    return host.digest(nameOf(algorithm), bufferOf(data));
  },
  async importKey(format, data, algorithm, extractable, usages) {
    if (format !== "raw" || nameOf(algorithm) !== "HMAC") leftOut("crypto.subtle.importKey")(`${format}, ${nameOf(algorithm)}`);
    const hash = { name: nameOf(algorithm.hash) };
    return new CryptoKey(bufferOf(data), { name: "HMAC", hash }, extractable, usages);
  },
  async exportKey(format, key) {
    if (format !== "raw") leftOut("crypto.subtle.exportKey")(format);
    if (!key.extractable) throw new DOMException("The key can't be exported", "InvalidAccessError");
    return bytesOf(key).slice(0);
  },
  async sign(algorithm, key, data) {
    return host.hmac(key.algorithm.hash.name, keyFor(key, "sign"), bufferOf(data));
  },
  async verify(algorithm, key, signature, data) {
    const [given, expected] = [bufferOf(signature), host.hmac(key.algorithm.hash.name, keyFor(key, "verify"), bufferOf(data))];
    const [a, b] = [new Uint8Array(given), new Uint8Array(expected)];
    return a.length === b.length && a.reduce((difference, byte, i) => difference | (byte ^ b[i]), 0) === 0;
  },
};
