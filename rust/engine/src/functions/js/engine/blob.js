// `Blob`: bytes with a type.

export class Blob {
  #bytes;
  #type;
  constructor(parts = [], { type = "" } = {}) {
    const pieces = Array.from(parts, bytesOf);
    this.#bytes = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
    let offset = 0;
    for (const piece of pieces) {
      this.#bytes.set(piece, offset);
      offset += piece.length;
    }
    this.#type = String(type).toLowerCase();
  }
  static bytesOf(blob) {
    return blob.#bytes;
  }
  get size() {
    return this.#bytes.length;
  }
  get type() {
    return this.#type;
  }
  async arrayBuffer() {
    return this.#bytes.slice().buffer;
  }
  async bytes() {
    return this.#bytes.slice();
  }
  async text() {
    return new TextDecoder().decode(this.#bytes);
  }
  slice(start = 0, end = this.size, type = "") {
    return new Blob([this.#bytes.slice(start, end)], { type });
  }
}

const { bytesOf: bytesOfBlob } = Blob;
delete Blob.bytesOf;

/** The bytes of a part that a Blob is made of. */
function bytesOf(part) {
  if (part instanceof Blob) return bytesOfBlob(part);
  if (part instanceof ArrayBuffer) return new Uint8Array(part);
  if (ArrayBuffer.isView(part)) return new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
  return new TextEncoder().encode(String(part));
}
