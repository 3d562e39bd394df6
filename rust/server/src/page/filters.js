// Conditions on documents: a field, a comparison, a value.

import { button, element } from "./elements.js";

const COMPARISONS = { eq: "=", neq: "≠", lt: "<", lte: "≤", gt: ">", gte: "≥" };

/** The value that a text stands for: JSON, or else the text. */
export function typed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A form that adds conditions, beside the present ones. `onchange` gets all of them. */
export function filters(conditions, fields, onchange) {
  const names = element("datalist", { id: "fields" }, fields.map((name) => element("option", { value: name })));
  const field = element("input", { placeholder: "field", "aria-label": "Field", required: true });
  field.setAttribute("list", "fields");
  const comparisons = Object.entries(COMPARISONS).map(([value, shown]) => element("option", { value }, shown));
  const comparison = element("select", { "aria-label": "Comparison" }, comparisons);
  const value = element("input", { placeholder: "value: JSON or text", "aria-label": "Value" });
  const add = (event) => {
    event.preventDefault();
    onchange([...conditions, { field: field.value, op: comparison.value, value: typed(value.value) }]);
  };
  const shown = conditions.map((condition) => {
    const without = () => onchange(conditions.filter((other) => other !== condition));
    const text = `${condition.field} ${COMPARISONS[condition.op]} ${JSON.stringify(condition.value)}`;
    return element("span.chip", null, text, button("×", without, { "aria-label": `Remove the condition ${text}` }));
  });
  const submit = element("button", { type: "submit" }, "Filter");
  return element("form.filters", { onsubmit: add }, shown, names, field, comparison, value, submit);
}
