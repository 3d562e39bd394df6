/**
 * Columns of JSON text, which hold any keys.
 *
 * @module
 */

/**
 * The value of JSON text; undefined if it isn't JSON. A value that isn't text
 * is returned unchanged.
 */
export function parsed(text: unknown): unknown {
  if (typeof text !== "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
