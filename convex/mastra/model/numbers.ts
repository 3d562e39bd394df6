/**
 * The numbers of vectors: their scores, and their form as bytes.
 *
 * The embedded engine replaces this module with native code, which needn't
 * unpack vectors: `rust/engine/src/functions/numbers.rs`.
 *
 * @module
 */

export type Metric = "cosine" | "dotproduct" | "euclidean";

/**
 * The score of each row, in float64 and in the order of operations of npm's
 * `@mastra/convex`, so that the bits are those of the native kernel. Null where
 * a row never ranks: it has another length, a component that isn't finite, for
 * cosine no length, or a score that isn't finite.
 */
export function scores(
  metric: Metric,
  query: number[],
  rows: number[][],
): (number | null)[] {
  const similarity = similarities[metric](query);
  return rows.map((row) => {
    if (row.length !== query.length) return null;
    const score = similarity(row);
    return Number.isFinite(score) ? score : null;
  });
}

/** For each metric, makes of a query a function that scores rows of its length; NaN if a row never ranks. */
const similarities: Record<
  Metric,
  (query: number[]) => (row: number[]) => number
> = {
  cosine: (query) => {
    let squares = 0;
    for (const a of query) squares += a * a;
    const length = Math.sqrt(squares);
    return (row) => {
      let [dot, squares, check] = [0, 0, 0];
      for (let i = 0; i < query.length; i++) {
        const b = row[i]!;
        dot += query[i]! * b;
        squares += b * b;
        // Zero for finite numbers, else NaN.
        check += b * 0;
      }
      return isNaN(check) || squares === 0
        ? NaN
        : dot / (length * Math.sqrt(squares));
    };
  },
  dotproduct: (query) => (row) => {
    let [dot, check] = [0, 0];
    for (let i = 0; i < query.length; i++) {
      const b = row[i]!;
      dot += query[i]! * b;
      check += b * 0;
    }
    return isNaN(check) ? NaN : dot;
  },
  euclidean: (query) => (row) => {
    let [sum, check] = [0, 0];
    for (let i = 0; i < query.length; i++) {
      const b = row[i]!;
      const difference = query[i]! - b;
      sum += difference * difference;
      check += b * 0;
    }
    return isNaN(check) ? NaN : 1 / (1 + Math.sqrt(sum));
  },
};

/** A vector on the wire: little-endian float32 where that holds every number, else float64. */
export type VectorBytes = { float32: ArrayBuffer } | { float64: ArrayBuffer };

export function toBytes(numbers: number[]): VectorBytes {
  const single = new Float32Array(numbers);
  const isSame = numbers.every((number, i) => Object.is(single[i], number));
  return isSame
    ? { float32: single.buffer }
    : { float64: new Float64Array(numbers).buffer };
}

export function fromBytes(bytes: VectorBytes): number[] {
  return Array.from(
    "float32" in bytes
      ? new Float32Array(bytes.float32)
      : new Float64Array(bytes.float64),
  );
}
