/**
 * The parts of a count, each of the rows from one date on.
 *
 * A long list that grows at its end is cut there, and `pages.ts` finds its pages
 * by the parts. One that grows elsewhere stays in fewer, larger parts.
 *
 * @module
 */

/** Rows after which a part is followed by another. */
const ROWS_PER_PART = 1000;

/**
 * A part: a number of rows from `from` on, the newest of them at or before `to`.
 * The last part may be uncounted, if the rows from there on aren't known.
 */
export type Part = {
  from: string;
  to: string;
  count: number;
  isUncounted?: boolean | undefined;
};

/** The number of added rows of a date; negative for removed rows. */
export type Move = { at: string; difference: number };

const byDate = (a: Move, b: Move) => Number(a.at > b.at) - Number(a.at < b.at);

/** The number of rows of all parts together. */
export function rowsIn(parts: Part[]): number {
  return parts.reduce((sum, { count }) => sum + count, 0);
}

/** The parts, oldest first, after rows were added and removed. */
export function partsAfter(stored: Part[], moves: Move[]): Part[] {
  const parts = stored.map(({ from, to, count }) => ({ from, to, count }));
  // The first part begins before all rows.
  if (parts.length === 0) parts.push({ from: "", to: "", count: 0 });
  let position = 0;
  for (const { at, difference } of [...moves].sort(byDate)) {
    while ((parts[position + 1]?.from ?? "\uffff") <= at) position++;
    let part = parts[position]!;
    const isAtEnd = position === parts.length - 1 && at > part.to;
    if (isAtEnd && difference > 0 && part.count >= ROWS_PER_PART) {
      part = { from: at, to: at, count: 0 };
      position = parts.push(part) - 1;
    }
    part.count += difference;
    if (at > part.to) part.to = at;
  }
  return parts;
}
