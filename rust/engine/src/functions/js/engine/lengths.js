// Limits on the lengths that methods of arrays loop over.
//
// QuickJS checks the time between steps of JavaScript, but not within its own loops. Such a loop runs to the `length`
// of an array or of any object. A heap of 64 MiB holds half as many items as this limit.

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
        // Methods loop over the lists among their arguments too.
        if (name === "concat") for (const given of arguments) if (Array.isArray(given)) check(given, name);
        return apply(method, this, arguments);
      },
    }[name];
    Object.defineProperty(bounded, "length", { value: method.length, configurable: true });
    Object.defineProperty(Array.prototype, name, { value: bounded, configurable: true, writable: true });
  }
}
