/**
 * The parts of a count, each of the rows from one `createdAt` on.
 *
 * A long list that grows at its end is cut there, and `pages.ts` finds its pages
 * by the parts. One that grows elsewhere stays in fewer, larger parts.
 *
 * @module
 */

/** Rows after which a part is followed by another. */
const ROWS_PER_PART = 1000;

/** A part: so many rows from `from` on, the newest of them at or before `to`. */
export type Part = { from: string; to: string; count: number };

/** A row that came (1) or went (-1). */
export type Move = { createdAt: string; difference: number };
export const byTime = (a: Move, b: Move) =>
  Number(a.createdAt > b.createdAt) - Number(a.createdAt < b.createdAt);

/** How many rows parts have together. */
export function rowsIn(parts: Part[]): number {
  return parts.reduce((sum, { count }) => sum + count, 0);
}

/** The parts, oldest first, after rows came and went, in the order of their times. */
export function partsAfter(stored: Part[], moves: Move[]): Part[] {
  const parts = stored.map(({ from, to, count }) => ({ from, to, count }));
  const [oldest] = moves;
  if (oldest && !(parts[0] && parts[0].from <= oldest.createdAt)) {
    // The first part begins before all rows.
    parts.unshift({ from: "", to: "", count: 0 });
  }
  let position = 0;
  for (const { createdAt, difference } of moves) {
    while ((parts[position + 1]?.from ?? "\uffff") <= createdAt) position++;
    let part = parts[position]!;
    const isAtEnd = position === parts.length - 1 && createdAt > part.to;
    if (isAtEnd && difference > 0 && part.count >= ROWS_PER_PART) {
      part = { from: createdAt, to: createdAt, count: 0 };
      position = parts.push(part) - 1;
    }
    part.count += difference;
    if (createdAt > part.to) part.to = createdAt;
  }
  return parts;
}
