// Spans of time below each other, those within others indented.

import { duration, element } from "./elements.js";

// As many as are drawn. A trace has rarely more.
const MOST = 2000;

/**
 * A timeline of `{id, parent, name, type, start, end, failed}`, times in ms since 1970. One without an end goes on until
 * now. `open` gets the id of a span that was chosen.
 */
export function timeline(spans, open) {
  const now = Date.now();
  const [start, end] = spans.reduce(
    ([first, last], span) => [Math.min(first, span.start), Math.max(last, span.end ?? now)],
    [Infinity, -Infinity],
  );
  const whole = Math.max(end - start, 1);
  const rows = nested(spans).slice(0, MOST).map(({ span, depth }) => {
    const until = span.end ?? now;
    const bar = element(`div.bar.${span.failed ? "failed" : span.end === null ? "running" : "done"}`);
    bar.style.left = `${(100 * (span.start - start)) / whole}%`;
    bar.style.width = `max(3px, ${(100 * Math.max(0, until - span.start)) / whole}%)`;
    const name = element("span.name", { title: span.name }, span.name);
    name.style.paddingLeft = `${Math.min(depth, 20)}rem`;
    const took = span.end === null ? "running" : duration(span.end - span.start);
    return element(
      "li",
      null,
      element("button.span", { type: "button", onclick: () => open(span.id) }, name, element("span.dim", null, span.type), element("div.track", null, bar), element("span.took", null, took)),
    );
  });
  const left = spans.length - rows.length;
  return [
    element("p.dim", null, `${spans.length} spans · ${duration(whole)}`),
    element("ol.timeline", null, rows),
    left > 0 ? element("p.dim", null, `${left} more aren't drawn.`) : null,
  ];
}

/** Each span after its parent, by time. Spans whose parent is missing, or that are in a circle, come at the top level. */
function nested(spans) {
  const byTime = spans.toSorted((a, b) => a.start - b.start);
  const known = new Set(spans.map(({ id }) => id));
  const children = Map.groupBy(byTime, ({ parent }) => (known.has(parent) ? parent : null));
  const ordered = [];
  const placed = new Set();
  const visit = (roots) => {
    const waiting = roots.toReversed().map((span) => ({ span, depth: 0 }));
    while (waiting.length > 0) {
      const next = waiting.pop();
      if (placed.has(next.span)) continue;
      placed.add(next.span);
      ordered.push(next);
      const below = children.get(next.span.id) ?? [];
      waiting.push(...below.toReversed().map((span) => ({ span, depth: next.depth + 1 })));
    }
  };
  visit(children.get(null) ?? []);
  visit(byTime.filter((span) => !placed.has(span)));
  return ordered;
}
