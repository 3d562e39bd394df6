/**
 * The tables behind Mastra's storage.
 *
 * Names, fields and indexes are those of `@mastra/convex`, so that both
 * clients share one deployment's data. Each table is declared in `tables/`.
 *
 * @module
 */
import * as list from "./tables/list";
import { byName } from "./tables/table";

export * from "./tables/list";
export {
  defineMastraNativeVectorTable,
  type MastraNativeVectorTable,
} from "./model/nativeVectorTable";

/**
 * Every table the functions in `convex/mastra` use, to spread into your schema.
 *
 * @example
 * ```ts
 * export default defineSchema({ ...mastraTables });
 * ```
 */
export const mastraTables = byName(list);
