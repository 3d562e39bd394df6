// Uses of `convex/server` and `convex/values` whose results must be those of npm's package.

/** Each use's result as JSON, or that it throws. */
export function uses(server, values) {
  const { v, Base64 } = values;
  const object = v.object({
    a: v.string(),
    b: v.optional(v.number()),
    c: v.id("notes"),
  });
  const schema = server.defineSchema({
    notes: server
      .defineTable({ text: v.string(), n: v.int64() })
      .index("by_text", ["text"])
      .index("by_n", { fields: ["n"], staged: true })
      .vectorIndex("by_vector", {
        vectorField: "text",
        dimensions: 3,
        staged: true,
      }),
    either: server.defineTable(
      v.union(v.object({ a: v.null() }), v.object({ b: v.null() })),
    ),
    any: server.defineTable(v.any()),
  });
  const registered = server.queryGeneric({
    args: { a: v.literal(5n) },
    returns: v.null(),
    handler() {},
  });
  const { anyApi, getFunctionName, getFunctionAddress } = server;
  const cases = {
    omit: () => object.omit("a").json,
    pick: () => object.pick("b", "c").json,
    partial: () => object.partial().json,
    extend: () => object.extend({ a: v.null(), d: v.any().optional() }).json,
    "optional stays": () => [
      object.optional().isOptional,
      object.optional().omit("a").isOptional,
      object.optional().optional().isOptional,
      object.partial().isOptional,
    ],
    "pick of no field": () => object.pick("z").json,
    function: () => [
      v.function().json,
      v.function({ fnType: "query", args: { a: v.any() }, returns: v.null() })
        .json,
    ],
    "literal bigint": () => v.literal(5n).json,
    "literal object": () => v.literal({}).json,
    "id of no name": () => v.id().json,
    "optional keys": () => v.record(v.string().optional(), v.any()).json,
    "a member that is none": () => v.union(1).json,
    "a field that is none": () => v.object({ a: 1 }).json,
    nullable: () => v.nullable(v.string()).json,
    asObjectValidator: () => values.asObjectValidator({ a: v.any() }).json,
    doc: () => ["notes", "either", "any"].map((name) => schema.doc(name).json),
    "doc of no table": () => schema.doc("none").json,
    id: () => schema.id("notes").json,
    docValidator: () => server.docValidator("notes", schema.tables.notes).json,
    staged: () => {
      const table = server.defineTable({ a: v.string(), b: v.any() });
      return JSON.stringify(
        table.staged({ b: undefined, c: v.null() }).export(),
      );
    },
    schema: () => JSON.parse(schema.export()),
    indexes: () => schema.tables.notes[" indexes"](),
    registered: () => [registered.exportArgs(), registered.exportReturns()],
    "registered without validators": () => {
      const plain = server.mutationGeneric(() => null);
      return [plain.exportArgs(), plain.exportReturns()];
    },
    "names of functions": () => [
      getFunctionName(anyApi.a.b.c),
      getFunctionName("a:b"),
      getFunctionName(server.makeFunctionReference("a:b")),
      getFunctionName(server.filterApi(anyApi).a.b),
    ],
    "name of a module": () => getFunctionName(anyApi.a),
    "name of no function": () => getFunctionName({}),
    addresses: () => [
      getFunctionAddress(anyApi.a.b),
      getFunctionAddress("function://x"),
    ],
    pagination: () => [
      server.paginationOptsValidator.json,
      server.paginationResultValidator(v.any()).json,
    ],
    methods: () => server.ROUTABLE_HTTP_METHODS,
    convexToJson: () =>
      values.convexToJson({ a: 1n, b: new ArrayBuffer(2), c: -0, d: NaN }),
    "convexToJson of undefined": () => values.convexToJson(undefined),
    "convexToJson of a function": () => values.convexToJson([() => 1]),
    jsonToConvex: () =>
      String(values.jsonToConvex({ a: { $integer: "AQAAAAAAAAA=" } }).a),
    "jsonToConvex of no value": () => values.jsonToConvex({ $a: 1 }),
    compareValues: () => [
      values.compareValues(undefined, null),
      values.compareValues(1n, 1),
      values.compareValues("b", "a"),
      values.compareValues([1], [1]),
    ],
    sizes: () => [
      values.getConvexSize(undefined),
      values.getConvexSize({ a: "é", b: [1n, true, null] }),
      values.getDocumentSize({ a: 1 }),
      values.getDocumentSize({ a: 1 }, { customIdLength: 20 }),
    ],
    base64: () => [
      Base64.byteLength("AAEC"),
      Array.from(Base64.toByteArray("AAH/")),
      Base64.fromByteArray(new Uint8Array([251, 255])),
      Base64.fromByteArrayUrlSafeNoPadding(new Uint8Array([251, 255])),
    ],
    errors: () => {
      const error = new values.ConvexError({ a: [1] });
      return [error.name, error.message, error.data, error instanceof Error];
    },
  };
  return Object.fromEntries(
    Object.entries(cases).map(([name, use]) => {
      try {
        return [name, JSON.stringify(use())];
      } catch {
        return [name, "throws"];
      }
    }),
  );
}
