/**
 * Columns of JSON text, which hold any keys.
 *
 * @module
 */

/** What JSON text says; undefined where it says nothing, and what isn't text as it is. */
export function parsed(text: unknown): unknown {
  if (typeof text !== "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
