// Functions: their arguments, and calls of them. Mutations and actions only while writing is switched on.

import { button, element, fill, link, note, place, problem } from "./elements.js";
import { line, tree } from "./values.js";

/** The list of functions, and one to call. */
export const functions = { key: () => "", list, main };

function list({ connection, isCurrent }) {
  const made = element("nav.list", { "aria-label": "Functions" });
  const item = ({ name, functionType, visibility }) => {
    const to = place("functions", name);
    const about = `${functionType.toLowerCase()} · ${visibility.kind}`;
    return link([element("span.name", null, name), element("span.dim", null, about)], to, { "aria-current": isCurrent(to) ? "page" : null });
  };
  all(connection).then(
    (known) => fill(made, known.length > 0 ? known.map(item) : note("There are no functions.")),
    (error) => fill(made, problem(error)),
  );
  return { element: made, stop: () => {} };
}

function main({ connection, canWrite }, [path]) {
  const section = element("section.main", null, note("Choose a function."));
  const found = (known) => {
    const chosen = known.find(({ name }) => name === path);
    if (chosen !== undefined) show(connection, section, path, chosen, canWrite);
    else fill(section, problem({ message: `There is no function ${path}.` }));
  };
  if (path !== undefined) all(connection).then(found, (error) => fill(section, problem(error)));
  return { element: section, stop: () => {} };
}

/** All functions, by the name with which they are called. */
async function all(connection) {
  const found = await connection.query("_system/cli/modules:apiSpec", {});
  const known = found.filter(({ identifier }) => identifier !== undefined);
  return known.map((about) => ({ ...about, name: about.identifier.replace(".js:", ":") }));
}

function show(connection, main, path, { functionType, args }, canWrite) {
  const given = element("textarea", { rows: 6, value: "{}", "aria-label": "Arguments" });
  const result = element("div.results");
  const mayRun = functionType === "Query" || canWrite();
  const run = element("button.primary", { type: "submit", disabled: !mayRun }, "Run");
  const submit = async (event) => {
    event.preventDefault();
    run.disabled = true;
    try {
      const { value, logLines } = await connection.call(functionType.toLowerCase(), path, JSON.parse(given.value));
      fill(result, logLines.map(logLine), tree(value, null));
    } catch (error) {
      const message = error instanceof SyntaxError ? `The arguments are not JSON: ${error.message}` : error.message;
      fill(result, (error.logLines ?? []).map(logLine), problem({ message }));
    }
    run.disabled = false;
  };
  const closed = mayRun ? null : note(`A ${functionType.toLowerCase()} may write. Switch writing on to run it.`);
  fill(
    main,
    element("div.head", null, element("h1", null, path)),
    element("p", null, element("span.dim", null, "arguments: "), element("code", null, validator(args))),
    closed,
    element("form.run", { onsubmit: submit }, given, run),
    result,
  );
}

const logLine = (text) => element("pre.log", null, line(text));

/** A validator as TypeScript writes it. */
function validator(json, depth = 0) {
  if (depth > 6) return "…";
  const inner = (part) => validator(part, depth + 1);
  switch (json?.type) {
    case "object":
      return `{ ${Object.entries(json.value).map(([name, { fieldType, optional }]) => `${name}${optional ? "?" : ""}: ${inner(fieldType)}`).join(", ")} }`;
    case "array":
      return `${inner(json.value)}[]`;
    case "union":
      return json.value.map(inner).join(" | ");
    case "record":
      return `Record<${inner(json.keys)}, ${inner(json.values.fieldType)}>`;
    case "literal":
      return JSON.stringify(json.value);
    case "id":
      return `Id<"${json.tableName}">`;
    default:
      return json?.type ?? "any";
  }
}
