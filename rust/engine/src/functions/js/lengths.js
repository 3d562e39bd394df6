// Bounds on the lengths that methods of arrays go through.
//
// QuickJS looks at the time between steps of JavaScript, not within its own loops, and such a loop runs to the length
// that an array, or anything with a `length`, says it has. A heap of 64 MiB holds half as many items as the bound.

const LONGEST = 1 << 23;

const METHODS = [
  "concat", "copyWithin", "every", "fill", "filter", "flat", "flatMap", "forEach", "includes", "indexOf", "join",
  "lastIndexOf", "map", "reduce", "reduceRight", "reverse", "shift", "slice", "some", "sort", "splice", "toLocaleString",
  "toReversed", "toSorted", "toSpliced", "unshift", "with",
];

const { apply } = Reflect;

function check(list, method) {
  if (list?.length > LONGEST) {
    throw new RangeError(`Array.prototype.${method}: a length of ${list.length} is beyond ${LONGEST}`);
  }
}

export function boundLengths() {
  for (const name of METHODS) {
    const method = Array.prototype[name];
    const bounded = {
      [name]() {
        check(this, name);
        // Those of lists that are given are gone through as well.
        if (name === "concat") for (const given of arguments) if (Array.isArray(given)) check(given, name);
        return apply(method, this, arguments);
      },
    }[name];
    Object.defineProperty(bounded, "length", { value: method.length, configurable: true });
    Object.defineProperty(Array.prototype, name, { value: bounded, configurable: true, writable: true });
  }
}
