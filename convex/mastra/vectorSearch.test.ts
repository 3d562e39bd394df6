/**
 * Search in the deployment: scores, order, filters, pages, refusals.
 *
 * @module
 */
import { beforeEach, describe, expect, test } from "vitest";
import { makeFunctionReference } from "convex/server";
import { deployment, storageOf, type Deployment } from "../test.setup";
import cases from "../../rust/scan/tests/filter_cases.json";
import { compileFilter } from "./model/filter";
import { fromBytes, scores, toBytes, type Metric } from "./model/numbers";
import { searchPage, searchPages } from "./model/vectorSearch";
import type { VectorSearchArgs, VectorSearchResult } from "./validators";

const shared = cases as {
  cases: { filter: object; matches: unknown[]; others: unknown[] }[];
  errors: { filter: unknown; path: string; found: string; expected: string }[];
};
const hasRegex = (filter: unknown) =>
  /\$(regex|options)/.test(JSON.stringify(filter));

describe("a filter", () => {
  test.each(shared.cases.filter(({ filter }) => !hasRegex(filter)))(
    "$filter admits what Rust's admits",
    ({ filter, matches, others }) => {
      for (const given of [filter, JSON.stringify(filter)]) {
        const test = compileFilter(given);
        expect(matches.filter((metadata) => !test(metadata))).toEqual([]);
        expect(others.filter((metadata) => test(metadata))).toEqual([]);
      }
    },
  );

  test.each(shared.errors.filter(({ filter }) => !hasRegex(filter)))(
    "$filter is wrong as in Rust",
    ({ filter, path, found, expected }) => {
      const place = path === "" ? "filter" : `filter at ${path}`;
      const start = `${place}: found ${found}, expected ${expected}`;
      expect(() => compileFilter(filter)).toThrow(start);
    },
  );

  test("with $regex is refused by name", () => {
    expect(() => compileFilter({ f: { $not: { $regex: "a" } } })).toThrow(
      "filter at f.$not.$regex: found $regex in a search of the deployment",
    );
  });

  test.each([
    [1n, 1, "$eq", true],
    [9007199254740993n, 9007199254740992, "$eq", false],
    [9007199254740993n, 9007199254740992, "$gt", true],
    [NaN, NaN, "$eq", false],
    [NaN, 1, "$lte", false],
    [-0, 0, "$eq", true],
  ])("compares %s with %s by %s", (stored, operand, operator, expected) => {
    expect(compileFilter({ f: { [operator]: operand } })({ f: stored })).toBe(
      expected,
    );
  });

  test("has numbers of 64 bits and odd floats in its text", () => {
    const integer = '{"f": {"$integer": "AQAAAAAAIAA="}}';
    expect(compileFilter(integer)({ f: 9007199254740993n })).toBe(true);
    const infinite = '{"f": {"$lt": {"$float": "AAAAAAAA8H8="}}}';
    expect(compileFilter(infinite)({ f: 5 })).toBe(true);
  });
});

test.each<[Metric, number[], (number | null)[]]>([
  ["cosine", [1, 0], [0.6, null, null, null, null]],
  ["dotproduct", [1, 0], [3, null, null, null, 0]],
  ["euclidean", [3, 4], [1, null, null, null, 1 / 6]],
])("%s scores rows, and none that never ranks", (metric, query, expected) => {
  const rows = [[3, 4], [1], [NaN, 0], [0, Infinity], [0, 0]];
  expect(scores(metric, query, rows)).toEqual(expected);
});

test("numbers survive as bytes, as float32 where that holds them", () => {
  for (const numbers of [[0.5, -0, 3], [0.1, 1e300], [NaN], []]) {
    const bytes = toBytes(numbers);
    expect(fromBytes(bytes)).toEqual(numbers);
    expect("float32" in bytes).toBe(numbers[0] !== 0.1);
  }
});

describe("a search", () => {
  let db: Deployment;
  const search = makeFunctionReference<
    "query",
    VectorSearchArgs,
    VectorSearchResult
  >("mastra/vectors:search");
  const searchAll = makeFunctionReference<
    "action",
    VectorSearchArgs,
    VectorSearchResult
  >("mastra/vectors:searchAll");
  const rows: [string, number[], object?][] = [
    ["a", [1, 0], { n: 1 }],
    ["b", [0, 1], { n: 2 }],
    ["short", [1]],
    ["tie", [2, 0], { n: 1 }],
    ["c", [1, 1], { n: 3 }],
  ];

  beforeEach(async () => {
    db = deployment();
    const call = storageOf(db);
    const record = {
      id: "docs",
      indexName: "docs",
      dimension: 2,
      metric: "cosine",
      createdAt: "",
    };
    await call("createVectorIndex", "mastra_vector_indexes", { record });
    await call("batchInsert", "mastra_vector_docs", {
      records: rows.map(([id, embedding, metadata]) => ({
        id,
        embedding,
        ...(metadata && { metadata }),
      })),
    });
  });

  const both = async (args: Omit<VectorSearchArgs, "indexName">) => {
    const asked = { indexName: "docs", ...args };
    const found = await db.query(search, asked);
    expect(await db.action(searchAll, asked)).toEqual(found);
    return found;
  };

  test("gives the best rows, ties in stored order, and counts what can't rank", async () => {
    expect(await both({ vector: [1, 0], topK: 3 })).toEqual({
      rows: 5,
      skipped: 1,
      hits: [
        { id: "a", score: 1, metadata: { n: 1 } },
        { id: "tie", score: 1, metadata: { n: 1 } },
        { id: "c", score: 1 / Math.SQRT2, metadata: { n: 3 } },
      ],
    });
  });

  test("takes a filter, a least score, bytes, and gives vectors", async () => {
    const { hits } = await both({
      vector: toBytes([1, 0]),
      filter: JSON.stringify({ n: { $gte: 2 } }),
      minScore: 0.5,
      includeVector: true,
    });
    expect(hits).toEqual([
      {
        id: "c",
        score: 1 / Math.SQRT2,
        metadata: { n: 3 },
        vector: { float32: new Float32Array([1, 1]).buffer },
      },
    ]);
  });

  test("without a vector lists the rows that a filter admits", async () => {
    const { hits } = await both({ filter: { n: 1 } });
    expect(hits.map(({ id, score }) => [id, score])).toEqual([
      ["a", 0],
      ["tie", 0],
    ]);
  });

  test.each([
    [{ vector: [1] }, "DimensionMismatch", "1 dimensions, the index has 2"],
    [{ vector: [0, 0] }, "InvalidArgument", "the query vector is zero"],
    [{ vector: [NaN, 0] }, "InvalidArgument", "expected finite numbers"],
    [{ vector: [1, 0], topK: 0 }, "InvalidArgument", "topK 0"],
    [{ vector: [1, 0], minScore: NaN }, "InvalidArgument", "minScore is NaN"],
    [{}, "InvalidArgument", "neither a vector nor a filter"],
    [{ vector: [1, 0], filter: "{" }, "InvalidFilter", "isn't JSON"],
    [
      { vector: [1, 0], filter: '{"n": {"$gtt": 1}}' },
      "InvalidFilter",
      "did you mean $gt?",
    ],
  ])("%j is refused", async (args, code, message) => {
    for (const found of [
      db.query(search, { indexName: "docs", ...args }),
      db.action(searchAll, { indexName: "docs", ...args }),
    ]) {
      await expect(found).rejects.toMatchObject({
        data: { code, message: expect.stringContaining(message) },
      });
    }
  });

  test("of an index that isn't there is refused", async () => {
    await expect(
      db.query(search, { indexName: "gone", vector: [1] }),
    ).rejects.toMatchObject({ data: { code: "IndexNotFound" } });
  });

  test("goes from page to page, and takes no row twice that moves meanwhile", async () => {
    let pages = 0;
    const found = await searchPages(
      { indexName: "docs", vector: [1, 0], topK: 2 },
      async (args) => {
        pages += 1;
        if (pages === 2) {
          // The best row so far is written anew, behind the others.
          await db.run(async (ctx) => {
            const first = await ctx.db.query("mastra_vectors").first();
            const { _id, _creationTime, ...row } = first!;
            await ctx.db.delete("mastra_vectors", _id as never);
            await ctx.db.insert("mastra_vectors", row);
          });
        }
        return await db.run((ctx) =>
          searchPage(ctx as never, { ...args, numItems: 2 }),
        );
      },
    );
    expect(pages).toBeGreaterThanOrEqual(3);
    expect(found.hits.map(({ id }) => id)).toEqual(["a", "tie"]);
  });
});
