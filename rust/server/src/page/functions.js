// Functions: their arguments, and calls of them. Mutations and actions only while writing is switched on.

import { button, element, fill, link, note, place, problem } from "./elements.js";
import { line, tree } from "./values.js";

/** The list of functions, and one to call. */
export function functions({ connection, canWrite }, [path]) {
  const list = element("nav.list", { "aria-label": "Functions" });
  const main = element("section.main", null, note("Choose a function."));
  connection.query("_system/cli/modules:apiSpec", {}).then(
    (found) => {
      const known = found.filter(({ identifier }) => identifier !== undefined);
      const items = known.map(({ identifier, functionType, visibility }) => {
        const name = identifier.replace(".js:", ":");
        const about = `${functionType.toLowerCase()} · ${visibility.kind}`;
        return link([element("span.name", null, name), element("span.dim", null, about)], place("functions", name), {
          "aria-current": name === path ? "page" : null,
        });
      });
      fill(list, items.length > 0 ? items : note("There are no functions."));
      const chosen = known.find(({ identifier }) => identifier.replace(".js:", ":") === path);
      if (chosen !== undefined) show(connection, main, path, chosen, canWrite);
      else if (path !== undefined) fill(main, problem({ message: `There is no function ${path}.` }));
    },
    (error) => fill(list, problem(error)),
  );
  return { element: element("div.columns", null, list, main), stop: () => {} };
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
