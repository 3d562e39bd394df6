/**
 * Exact search in the deployment: every row of an index is scored, and the best
 * are returned.
 *
 * @module
 */
import { ConvexError } from "convex/values";
import type {
  VectorPage,
  VectorPageArgs,
  VectorSearchArgs,
  VectorSearchResult,
} from "../validators";
import { compileFilter, FilterError, type Test } from "./filter";
import { fromBytes, scores, toBytes, type Metric } from "./numbers";
import { findRecord } from "./records";
import { rangeOf } from "./ranges";
import { pageOf } from "./rows";
import type { AnyReadCtx, StoredRow } from "./server";

/**
 * Bytes of rows in one page: a transaction may read 16 MiB, and its last row
 * may be 1 MiB: https://docs.convex.dev/production/state/limits
 */
const PAGE_BYTES = 14 * 1024 * 1024;

/** A transaction may read 32,000 documents. */
const PAGE_ROWS = 30_000;

const DEFAULT_TOP_K = 10;

/** An action has ten minutes: https://docs.convex.dev/production/state/limits */
const LONGEST_SEARCH_MS = 9 * 60 * 1000;

type Hit = VectorSearchResult["hits"][number];

/** The search is refused, with the code of the client's error. */
function refused(code: string, message: string, details: object = {}) {
  return new ConvexError({ code, message, details: { ...details } });
}

/** A search, checked against the index. */
type Search = {
  metric: Metric;
  /** If undefined, rows are listed in stored order, each with score 0. */
  vector: number[] | undefined;
  filter: Test;
  topK: number;
  minScore: number;
  includeVector: boolean;
  without: Set<string>;
};

async function checkedSearch(
  ctx: AnyReadCtx,
  args: VectorPageArgs,
): Promise<Search> {
  const { indexName, topK = DEFAULT_TOP_K, minScore = -Infinity } = args;
  if (!Number.isInteger(topK) || topK < 1) {
    throw refused(
      "InvalidArgument",
      `topK ${topK}; expected an integer of at least 1`,
    );
  }
  if (Number.isNaN(minScore)) {
    throw refused("InvalidArgument", "minScore is NaN; expected a number");
  }
  if (args.vector === undefined && args.filter === undefined) {
    throw refused(
      "InvalidArgument",
      "neither a vector nor a filter; expected one of them",
    );
  }
  const filter = filterOf(args.filter);
  const index = await findRecord(ctx, "mastra_vector_indexes", indexName);
  if (index === null) {
    throw refused(
      "IndexNotFound",
      `index ${JSON.stringify(indexName)} does not exist`,
      { index_name: indexName },
    );
  }
  const metric = index.metric as Metric;
  return {
    metric,
    vector: queryOf(args.vector, metric, index.dimension as number),
    filter,
    topK,
    minScore,
    includeVector: args.includeVector ?? false,
    without: new Set(args.without),
  };
}

function filterOf(given: unknown): Test {
  if (given === undefined) return () => true;
  try {
    return compileFilter(given);
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    throw refused("InvalidFilter", error.message);
  }
}

function queryOf(
  given: VectorSearchArgs["vector"],
  metric: Metric,
  dimension: number,
): number[] | undefined {
  if (given === undefined) return undefined;
  const vector = Array.isArray(given) ? given : fromBytes(given);
  if (vector.length !== dimension) {
    throw refused(
      "DimensionMismatch",
      `the query has ${vector.length} dimensions, the index has ${dimension}`,
      { found: vector.length, expected: dimension },
    );
  }
  const at = vector.findIndex((number) => !Number.isFinite(number));
  if (at >= 0) {
    throw refused(
      "InvalidArgument",
      `vector[${at}] is ${vector[at]}; expected finite numbers`,
    );
  }
  // This holds also if the squares are too small for float64.
  if (metric === "cosine" && vector.every((x) => x * x === 0)) {
    throw refused(
      "InvalidArgument",
      "the query vector is zero, which has no cosine with anything",
    );
  }
  return vector;
}

/** The best rows of an index that one transaction can read. */
export async function searchWhole(
  ctx: AnyReadCtx,
  args: VectorSearchArgs,
): Promise<VectorSearchResult> {
  const { hasMore, continuationCursor, ...found } = await searchPage(ctx, args);
  if (!hasMore) return found;
  throw refused(
    "TooManyRows",
    `index ${JSON.stringify(args.indexName)} has more rows than one query can read (${found.rows} were scored); the action mastra/vectors:searchAll searches any number`,
    { rows: found.rows },
  );
}

/** The best of the rows behind a cursor, as many as one transaction can read. */
export async function searchPage(
  ctx: AnyReadCtx,
  args: VectorPageArgs,
): Promise<VectorPage> {
  const search = await checkedSearch(ctx, args);
  const rows = rangeOf("mastra_vectors", [
    { field: "indexName", value: args.indexName },
  ]);
  const { result, hasMore, continuationCursor } = await pageOf(
    ctx,
    rows,
    args.cursor ?? null,
    args.numItems ?? PAGE_ROWS,
    { maximumBytesRead: PAGE_BYTES, maximumRowsRead: PAGE_ROWS },
  );
  return { ...bestOf(result, search), hasMore, continuationCursor };
}

function bestOf(page: StoredRow[], search: Search): VectorSearchResult {
  const admitted = page.filter(
    (row) => !search.without.has(row.id) && search.filter(row.metadata ?? {}),
  );
  const found: { row: StoredRow; score: number }[] = [];
  let skipped = 0;
  if (search.vector === undefined) {
    for (const row of admitted.slice(0, search.topK)) {
      found.push({ row, score: 0 });
    }
  } else {
    const embeddings = admitted.map((row) => row.embedding as number[]);
    const scored = scores(search.metric, search.vector, embeddings);
    for (const [at, score] of scored.entries()) {
      if (score === null) skipped += 1;
      else if (score >= search.minScore)
        found.push({ row: admitted[at]!, score });
    }
    keepBest(found, search.topK);
  }
  return {
    rows: page.length,
    skipped,
    hits: found.map(({ row, score }) => hitOf(row, score, search)),
  };
}

function hitOf(row: StoredRow, score: number, { includeVector }: Search): Hit {
  return {
    id: row.id,
    score,
    metadata: row.metadata ?? {},
    ...(includeVector && { vector: toBytes(row.embedding) }),
  };
}

/** Order by descending score, ties as they come, and cut. Sorting is stable. */
function keepBest(found: { score: number }[], topK: number): void {
  found.sort((a, b) => b.score - a.score);
  found.length = Math.min(found.length, topK);
}

/**
 * The best rows of an index of any size, page by page. `read` reads a page. Each
 * page leaves out rows that are among the best so far. A row that is deleted and
 * written again meanwhile is stored behind the others, and would come twice.
 */
export async function searchPages(
  args: VectorSearchArgs,
  read: (args: VectorPageArgs) => Promise<VectorPage>,
): Promise<VectorSearchResult> {
  const { topK = DEFAULT_TOP_K } = args;
  const begin = Date.now();
  let [cursor, hasMore, rows, skipped] = [null as string | null, true, 0, 0];
  const hits: Hit[] = [];
  while (hasMore) {
    if (Date.now() - begin > LONGEST_SEARCH_MS) {
      throw refused(
        "SearchTimedOut",
        `${rows} rows were scored in the time that an action has, and there are more; search a mirror (strategy="mirror"), or a native index`,
        { rows },
      );
    }
    const without = hits.map((hit) => hit.id);
    const page = await read({ ...args, cursor, without });
    hits.push(...page.hits);
    if (args.vector !== undefined) keepBest(hits, topK);
    else hits.length = Math.min(hits.length, topK);
    rows += page.rows;
    skipped += page.skipped;
    cursor = page.continuationCursor;
    hasMore = page.hasMore;
  }
  return { rows, skipped, hits };
}
