# Generated from _async/store/running_spans.py by tools/unasync.py: edit that.
"""`RunningSpan`: a span that is stored when it begins, and again when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from logging import getLogger
from types import TracebackType
from typing import Any, Self

from mastra_convex._sync.storage import Storage, Row
from mastra_convex._public import public
from mastra_convex.errors import MastraConvexError, TransportError
from mastra_convex.records._columns import to_row
from mastra_convex.records._span_draft import AROUND, SpanDraft
from mastra_convex.records.observability import Span

SPANS = "mastra_ai_spans"

logger = getLogger("mastra_convex.observability")


@public
class RunningSpan(SpanDraft):
    """A span that runs, or will; `ObservabilityStorage.span` makes one.

    Attributes
    ----------
    input, output : object
        Any JSON.
    attributes, metadata : dict
        Any JSON, to be filled while the span runs.
    tags : list of str
    error : object
        Any JSON. A span with an error failed. An exception that leaves the span is put here, by its ``name``,
        ``message`` and ``stack``, unless the program has set one.
    trace_id, span_id : str
        They identify the span. A span shares the trace with the one within which it runs.
    parent_span_id : str or None
        The span within which it runs; None for the root of a trace.
    """

    def __init__(self, storage: Storage, place: str, name: str, fields: Mapping[str, Any]) -> None:
        super().__init__(place, name, fields)
        self._storage = storage

    def __enter__(self) -> Self:
        self._store(self._begun(), None)
        AROUND.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        AROUND.set(self._around)
        self._store(self._ended(error), error)

    def _store(self, span: Span, raised: BaseException | None) -> None:
        """Store the span. A network that fails, or an error beside the program's own, is only told to the log."""
        try:
            self._storage.call("createSpans", SPANS, records=[span_row(self._place, span)])
        except MastraConvexError as error:
            if raised is None and not isinstance(error, TransportError):
                raise
            logger.warning("span %s of trace %s isn't stored: %s", span.span_id, span.trace_id, error)


def span_row(place: str, span: Span | Mapping[str, Any]) -> Row:
    """The row of a span."""
    row = to_row(place, Span, span)
    return {"id": f"{row['traceId']}-{row['spanId']}", **row}
