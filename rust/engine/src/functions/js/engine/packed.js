// Arrays of numbers that stay in the engine until code reads them.

const host = globalThis.__host;

/**
 * The handler of a packed array: a proxy over `[]`, filled with the numbers when one of them is first read. Until then
 * it stands for the engine's array with the number `packed`, and is passed back to the engine by that number.
 */
class PackedHandler {
  constructor(packed, length) {
    this.packed = packed;
    this.length = length;
  }
  fill(target) {
    if (this.packed !== undefined) {
      const numbers = host.numbers(this.packed);
      this.packed = undefined;
      for (let i = 0; i < numbers.length; i++) target[i] = numbers[i];
    }
    return target;
  }
  get(target, key) {
    if (this.packed !== undefined) {
      if (key === "length") return this.length;
      // Methods come from the prototype, and `await` asks every value for its `then`.
      if (typeof key === "symbol" || !/^\d/.test(key)) return Reflect.get(target, key);
    }
    return Reflect.get(this.fill(target), key);
  }
}
for (const trap of ["has", "ownKeys", "getOwnPropertyDescriptor", "set", "defineProperty", "deleteProperty", "preventExtensions"]) {
  PackedHandler.prototype[trap] = function (target, ...rest) {
    if (trap === "set") rest.pop(); // the receiver is the proxy; the numbers live in the target
    return Reflect[trap](this.fill(target), ...rest);
  };
}

export const packedHandler = PackedHandler.prototype;

export function packedArray(packed, length) {
  return new Proxy([], new PackedHandler(packed, length));
}
