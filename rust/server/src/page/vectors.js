// Vector indexes: their rows, "more like this", and search by example.

import { button, count, duration, element, fill, link, note, place, problem } from "./elements.js";
import { typed } from "./filters.js";
import { pages } from "./pages.js";
import { kind, line, tree } from "./values.js";

const ROWS = 25;
const BRIEF = 1000;

/** The list of indexes, and the rows of one. An index is Mastra's by its name, or a table's by both names. */
export const vectors = { key: () => "", list, main };

function list({ connection, isCurrent }) {
  const made = element("nav.list", { "aria-label": "Vector indexes" });
  return { element: made, stop: followIndexes(connection, made, isCurrent) };
}

function main({ connection, go }, [name, table], options) {
  const section = element("section.main");
  if (name === undefined) {
    fill(section, note("Choose an index."));
    return { element: section, stop: () => {} };
  }
  const change = (changed) => go(place("vectors", name, ...(table ? [table] : [])), changed);
  return { element: section, stop: index(connection, section, name, table, options, change) };
}

function followIndexes(connection, list, isCurrent) {
  const [ours, native] = [element("div"), element("div")];
  const item = (to, name, about) =>
    link([element("span.name", null, name), element("span.dim", null, about)], to, { "aria-current": isCurrent(to) ? "page" : null });
  fill(list, ours, native);
  connection.query("_system/mastra/tables", { sizes: false }).then((tables) => {
    const found = tables.flatMap(({ name: of, vectorIndexes }) => vectorIndexes.map((index) => ({ ...index, of })));
    const shown = found.map(({ name, of, dimension }) => item(place("vectors", name, of), name, `${of} · ${dimension} · native`));
    fill(native, shown);
  }, (error) => fill(native, problem(error)));
  const query = { table: "mastra_vector_indexes", where: [], paginationOpts: { cursor: null, numItems: 1000 } };
  return connection.follow(
    "_system/mastra/documents",
    query,
    ({ page }) => {
      const shown = page.map(({ indexName, dimension, metric }) => item(place("vectors", indexName), indexName, `${dimension} · ${metric}`));
      fill(ours, shown.length > 0 ? shown : note("There are no indexes of Mastra's yet."));
    },
    (error) => fill(ours, problem(error)),
  );
}

function index(connection, main, name, table, options, change) {
  const like = options.get("like") ?? "";
  const filter = options.get("filter") ?? "";
  const topK = options.get("top") ?? "10";
  const example = element("textarea", { rows: 2, value: like, placeholder: "the id of a row, or a vector: [0.1, 0.2, …]", "aria-label": "Example" });
  const condition = element("textarea", { rows: 2, value: filter, placeholder: 'filter: {"year": {"$gte": 2020}}', "aria-label": "Filter" });
  const most = element("input", { type: "number", min: 1, max: 1000, value: topK, "aria-label": "Results" });
  const search = (event) => {
    event.preventDefault();
    change({ like: example.value.trim(), filter: condition.value.trim(), top: most.value });
  };
  const submit = element("button.primary", { type: "submit" }, "Search");
  const form = element("form.search", { onsubmit: search }, example, condition, element("label", null, "best ", most), submit);
  example.onkeydown = condition.onkeydown = (event) => event.key === "Enter" && !event.shiftKey && search(event);
  const results = element("div.results");
  const similar = (id) => button("More like this", () => change({ like: id, filter: condition.value.trim(), top: most.value }));
  fill(main, element("div.head", null, element("h1", null, table ? `${table}.${name}` : name)), form, results);
  if (like !== "") {
    found(connection, results, { index: name, ...(table ? { table } : {}) }, { like, filter, topK }, similar, () => change({}));
    return () => {};
  }
  const where = table ? [] : [{ field: "indexName", value: name }];
  const query = { table: table ?? "mastra_vectors", ...(table ? {} : { index: "by_index" }), where, brief: BRIEF };
  const rows = element("div");
  const listed = pages(connection, query, {
    size: ROWS,
    show: (_, each) => each(rows, (document) => {
      const { _id, _creationTime, id = _id, metadata, embedding, indexName, ...others } = document;
      return row(id, null, metadata ?? others, similar(id));
    }),
    empty: () => {
      const shown = note("It has no rows yet.");
      if (table === undefined) isKnown(connection, name).then((known) => known || fill(main, problem({ message: `There is no index ${name}.` })), () => {});
      return shown;
    },
  });
  fill(results, listed.element);
  return () => listed.stop();
}

/** Whether Mastra has an index of this name. */
async function isKnown(connection, name) {
  const where = [{ field: "indexName", value: name }];
  const args = { table: "mastra_vector_indexes", where, paginationOpts: { cursor: null, numItems: 1 } };
  return (await connection.query("_system/mastra/documents", args)).page.length > 0;
}

async function found(connection, results, index, { like, filter, topK }, similar, clear) {
  fill(results, note("Searching…"));
  try {
    const example = typed(like);
    const args = {
      ...index,
      ...(Array.isArray(example) ? { vector: example } : { id: like }),
      ...(filter === "" ? {} : { filter }),
      topK: Number(topK),
      brief: BRIEF,
    };
    const { value } = await connection.call("action", "_system/mastra/vectors:search", args);
    const best = Math.max(...value.results.map(({ score }) => Math.abs(score)), 1e-9);
    const rows = value.results.map(({ id, score, metadata }) => row(id, [score, Math.max(0, score) / best], metadata, similar(id)));
    const took = `${count(value.rows)} rows scored in ${duration(value.scanMs)}${filter === "" ? "" : `, filtered in ${duration(value.filterMs)}`}`;
    const skipped = value.skipped > 0 ? ` · ${count(value.skipped)} rows can't be scored` : "";
    const about = element("p.dim", null, `${took} · ${value.metric} · strategy: ${value.strategy}, exact${skipped} `, button("All rows", clear));
    fill(results, about, rows.length > 0 ? rows : note("No row meets the filter."));
  } catch (error) {
    fill(results, problem(error), button("All rows", clear));
  }
}

function row(id, score, metadata, action) {
  const bar = element("meter", { min: 0, max: 1, value: score?.[1] ?? 0, "aria-label": "Score" });
  const shown = score === null ? null : element("div.score", null, score[0].toFixed(6), bar);
  const about = typeof metadata === "object" && metadata !== null ? Object.entries(metadata) : [["metadata", metadata]];
  const fields = about.map(([name, value]) => element("div.field", null, element("span.dim", null, `${name} `), element(`span.${kind(value)}`, { title: line(value) }, line(value))));
  const details = element("details", null, element("summary", null, "all"), tree(metadata, null));
  return element("article.row", null, shown, element("div.about", null, element("strong", null, line(id)), fields.slice(0, 6), fields.length > 6 ? details : null), action);
}
