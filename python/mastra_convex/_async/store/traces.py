"""Traces: the steps of agents, workflows and tools."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypedDict, Unpack

from mastra_convex._arguments import as_items, key_text, key_texts, one_of, true_or_false
from mastra_convex._async.batches import in_batches
from mastra_convex._async.storage import Admits, Row, part_of
from mastra_convex._async.store.domain import AsyncDomain
from mastra_convex._async.store.running_spans import SPANS, AsyncRunningSpan, span_row
from mastra_convex.errors import InvalidArgumentError, NotFoundError
from mastra_convex.records._columns import (
    columns_of,
    equalities,
    from_row,
    from_rows,
    size_of,
    to_changes,
    to_columns,
)
from mastra_convex.records._metadata_filter import metadata_filter
from mastra_convex.records._pages import date_bounds, options, ordering, window
from mastra_convex.records._values import now, parsed
from mastra_convex.records.observability import Span, SpanFields, Trace, TraceOrderBy, TracePage

ORDERED_BY = {"started_at": "startedAt", "ended_at": "endOrder"}

# Fields of a root span that a filter on traces may compare.
EQUALITIES = (
    "trace_id",
    "span_type",
    "entity_type",
    "entity_id",
    "entity_name",
    "entity_version_id",
    "parent_entity_type",
    "parent_entity_id",
    "parent_entity_name",
    "parent_entity_version_id",
    "root_entity_type",
    "root_entity_id",
    "root_entity_name",
    "root_entity_version_id",
    "user_id",
    "organization_id",
    "resource_id",
    "run_id",
    "session_id",
    "thread_id",
    "request_id",
    "environment",
    "service_name",
    "experiment_id",
    "source",
)
INSIDE = ("metadata", "scope", "tags")

# A filter on spans with an error, or with an end: any text.
PRESENT = {"gte": ""}
STATUS: dict[str, dict[str, Any]] = {
    "error": {"error": PRESENT},
    "running": {"error": None, "endOrder": "running"},
    "success": {"error": None, "endedAt": PRESENT},
}


class SpanUpdate(TypedDict):
    """An update: the span, and the fields to change."""

    trace_id: str
    span_id: str
    updates: Mapping[str, Any]


class AsyncTraces(AsyncDomain):
    """Traces, made of spans."""

    def span(self, name: str, **fields: Unpack[SpanFields]) -> AsyncRunningSpan:
        """Record a piece of work, as a context manager: ``with`` here, ``async with`` in the async class.

        The span is stored when it begins, so that `watch_traces` shows it running, and again when it ends, with its
        end, output and error. Within another span of the same thread or task it is that one's child: of the same trace,
        and with the same run, thread, resource and the like, unless they are given. An exception goes on, and is the
        span's error. Spans are lost while the deployment can't be reached, with a warning in the log
        ``mastra_convex.observability``: that doesn't stop the work.

        Parameters
        ----------
        name : str
        **fields
            Fields of a `Span`: ``span_type``, ``input``, ``attributes``, ``metadata``, ``tags``, ``run_id``,
            ``thread_id``, ``resource_id``, ``entity_id`` and the like. A ``trace_id`` begins that trace; with a
            ``parent_span_id`` it continues one, of another process for instance.

        Returns
        -------
        AsyncRunningSpan
            ``as span``: set its ``output``, ``input``, ``error``, ``attributes``, ``metadata`` and ``tags`` while it
            runs; ``span.trace_id`` and ``span.span_id`` identify it.

        Raises
        ------
        InvalidArgumentError
            A field is unknown or invalid: at the begin, and for what was set meanwhile at the end.
        """
        return AsyncRunningSpan(self._storage, "ObservabilityStorage.span", name, fields)

    async def create_span(self, span: Span | Mapping[str, Any]) -> Span:
        """Insert a span, or replace the one with its id in its trace.

        Returns
        -------
        Span
            The given record, with missing fields filled in.
        """
        row = span_row("ObservabilityStorage.create_span: span", span)
        await self._storage.call("createSpans", SPANS, records=[row])
        return from_row(Span, row)

    async def batch_create_spans(self, records: Sequence[Span | Mapping[str, Any]]) -> None:
        """Insert spans as `create_span` does, up to 500 per transaction."""
        place = "ObservabilityStorage.batch_create_spans: records"
        rows = [span_row(f"{place}[{n}]", span) for n, span in enumerate(as_items(place, records))]

        async def insert(some: list[Row]) -> None:
            await self._storage.call("createSpans", SPANS, records=some)

        await in_batches(insert, rows, [size_of(row) for row in rows])

    async def update_span(self, trace_id: str, span_id: str, updates: Mapping[str, Any]) -> None:
        """Change fields of a span; None clears one.

        Raises
        ------
        NotFoundError
            The trace has no such span.
        """
        place = "ObservabilityStorage.update_span"
        row = _update_row(place, {"trace_id": trace_id, "span_id": span_id, "updates": updates})
        if not await self._storage.call("updateSpans", SPANS, records=[row]):
            raise NotFoundError(
                f"{place}: trace {trace_id!r} has no span {span_id!r}",
                details={"trace_id": trace_id, "span_id": span_id},
            )

    async def batch_update_spans(self, records: Sequence[SpanUpdate]) -> None:
        """Change fields of spans, ``{"trace_id", "span_id", "updates"}``, up to 500 per transaction. Unknown spans are
        ignored. If one call updates a span several times, later updates win.
        """
        place = "ObservabilityStorage.batch_update_spans: records"
        rows = [_update_row(f"{place}[{n}]", update) for n, update in enumerate(as_items(place, records))]

        async def update(some: list[Row]) -> None:
            await self._storage.call("updateSpans", SPANS, records=some)

        await in_batches(update, rows, [size_of(row) for row in rows])

    async def batch_delete_traces(self, trace_ids: Sequence[str]) -> None:
        """Delete traces with all their spans, 500 spans per transaction. Unknown traces are ignored."""
        ids = key_texts("ObservabilityStorage.batch_delete_traces: trace_ids", trace_ids)
        # The number of ids that a transaction may look up.
        for begin in range(0, len(ids), 500):
            await self._storage.repeat("deleteTraces", SPANS, traceIds=ids[begin : begin + 500])

    async def get_span(self, trace_id: str, span_id: str) -> Span | None:
        """Return a span of a trace, or None."""
        place = "ObservabilityStorage.get_span"
        row = await self._storage.load(
            SPANS, traceId=key_text(f"{place}: trace_id", trace_id), spanId=key_text(f"{place}: span_id", span_id)
        )
        return None if row is None else from_row(Span, row)

    async def get_root_span(self, trace_id: str) -> Span | None:
        """Return the span of a trace that has no parent, or None."""
        trace_id = key_text("ObservabilityStorage.get_root_span: trace_id", trace_id)
        row = await self._storage.load(SPANS, traceId=trace_id, isRoot=True)
        return None if row is None else from_row(Span, row)

    async def get_trace(self, trace_id: str) -> Trace | None:
        """Return a trace with its spans, by start time; None if it has no spans."""
        filters = {"traceId": key_text("ObservabilityStorage.get_trace: trace_id", trace_id)}
        rows = self._storage.rows(SPANS, filters, {"field": "startedAt", "order": "asc"})
        spans = from_rows(Span, [row async for row in rows])
        return Trace(trace_id, spans) if spans else None

    async def list_traces(
        self,
        *,
        filters: Mapping[str, Any] | None = None,
        pagination: Mapping[str, Any] | None = None,
        order_by: TraceOrderBy | None = None,
    ) -> TracePage:
        """Return a page of traces, each by its root span.

        Parameters
        ----------
        filters : mapping, optional
            Conditions on the root spans: ``started_at`` and ``ended_at``, ranges ``{"start", "end", "start_exclusive",
            "end_exclusive"}``; ``status``: ``"running"``, ``"success"`` or ``"error"``; ``has_child_error``: whether
            some span of the trace has an error; ``metadata`` and ``scope``: values in them; ``tags``: all of these; and
            equalities, such as ``span_type``, ``entity_id``, ``run_id``, ``thread_id``, ``resource_id``.
        pagination : mapping, optional
            ``{"page": 0, "per_page": 10}``; a `per_page` of None means all.
        order_by : mapping, optional
            ``{"field": "started_at" or "ended_at", "direction": "ASC" or "DESC"}``; by default the latest first. A
            running trace counts as ending after all others.

        Returns
        -------
        TracePage
            ``total`` counts the traces of all pages. Without filters, writes keep it up to date. With filters, root
            spans are read, 1,000 per transaction; with ``has_child_error``, so are the other spans of these traces.
        """
        place = "ObservabilityStorage.list_traces"
        asked = options(f"{place}: pagination", pagination, ("page", "per_page"))
        part = window(place, asked.get("page", 0), asked.get("per_page", 10))
        wanted, order, admits, has_error = _wanted(place, filters, order_by)
        if has_error is None:
            rows, total = await self._storage.page(SPANS, wanted, order, part, admits)
        else:
            rows, total = await part_of(self._roots(wanted, order, has_error), part, admits)
        spans = from_rows(Span, rows)
        return TracePage(spans, total, part.page, part.per_page, part.has_more(total))

    def iter_traces(
        self, *, filters: Mapping[str, Any] | None = None, order_by: TraceOrderBy | None = None
    ) -> AsyncIterator[Span]:
        """Iterate over traces, each by its root span, paged by cursor. Arguments are as for `list_traces`."""
        return self._traces(*_wanted("ObservabilityStorage.iter_traces", filters, order_by))

    async def _traces(
        self, wanted: dict[str, Any], order: dict[str, Any], admits: Admits | None, has_error: bool | None
    ) -> AsyncIterator[Span]:
        async for row in self._roots(wanted, order, has_error):
            if admits is None or admits(row):
                for span in from_rows(Span, [row]):
                    yield span

    async def _roots(self, wanted: dict[str, Any], order: dict[str, Any], has_error: bool | None) -> AsyncIterator[Row]:
        """Root spans, optionally only those of traces with an error in some span, or only the others."""
        async for root in self._storage.rows(SPANS, wanted, order):
            errors = {"traceId": root["traceId"], "error": PRESENT}
            if has_error is None or has_error == bool(await self._storage.count(SPANS, errors)):
                yield root


def _update_row(place: str, update: Any) -> Row:
    given = options(place, update, ("trace_id", "span_id", "updates"))
    fields = to_changes(f"{place}: updates", Span, given.get("updates") or {})
    if not {"traceId", "spanId", "createdAt"}.isdisjoint(fields):
        raise InvalidArgumentError(f"{place}: a span's trace_id, span_id and created_at can't change")
    fields.setdefault("updatedAt", to_columns(place, Span, {"updated_at": now()})["updatedAt"])
    return {
        "traceId": key_text(f"{place}: trace_id", given.get("trace_id")),
        "spanId": key_text(f"{place}: span_id", given.get("span_id")),
        **fields,
    }


def _wanted(
    place: str, filters: Mapping[str, Any] | None, order_by: TraceOrderBy | None
) -> tuple[dict[str, Any], dict[str, Any], Admits | None, bool | None]:
    """The storage function's filters and order, the check inside root spans, and the condition on the traces."""
    order = ordering(place, order_by, ORDERED_BY, "DESC")
    place = f"{place}: filters"
    known = (*EQUALITIES, *INSIDE, "started_at", "ended_at", "status", "has_child_error")
    given = options(place, filters, known)
    texts = {name: given.get(name) for name in EQUALITIES}
    wanted = {"isRoot": True, **equalities(place, Span, texts)}
    if given.get("status") is not None:
        wanted |= STATUS[one_of(tuple(STATUS), f"{place} status", given["status"])]
    for name in ("started_at", "ended_at"):
        bounds = date_bounds(f"{place} {name}", given.get(name))
        if bounds:
            wanted[columns_of(Span)[name].name] = bounds
    # The index applies bounds on the time that orders the traces.
    order |= wanted.pop(order["field"], {})
    has_error = given.get("has_child_error")
    if has_error is not None:
        true_or_false(f"{place} has_child_error", has_error)
    return wanted, order, _inside(place, given), has_error


def _inside(place: str, given: Mapping[str, Any]) -> Admits | None:
    """A check of a root span's JSON; None if no condition needs one."""
    tests = [
        (name, test)
        for name in ("metadata", "scope")
        if (test := metadata_filter(place, given.get(name), scalars=False)) is not None
    ]
    tags = as_items(f"{place} tags", given.get("tags") or ())
    if not tests and not tags:
        return None

    def admits(row: Row) -> bool:
        held = parsed(row.get("tags")) or ()
        return all(tag in held for tag in tags) and all(
            isinstance(found := parsed(row.get(name)), Mapping) and test(found) for name, test in tests
        )

    return admits
