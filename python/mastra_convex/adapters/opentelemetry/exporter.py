"""`ConvexSpanExporter`: spans of an instrumented program become spans of Mastra's traces."""

from __future__ import annotations

from collections.abc import Sequence
from logging import getLogger
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from mastra_convex import ConvexStore, InvalidArgumentError, MastraConvexError, Span
from mastra_convex.adapters._faces import Faces, Given
from mastra_convex.adapters.opentelemetry.conventions import as_span

logger = getLogger("mastra_convex.opentelemetry")


class ConvexSpanExporter(SpanExporter):
    """Stores the spans that OpenTelemetry's SDK has ended, where Mastra's agents store theirs.

    Trace and span ids stay as they are, so that the parts of a trace that several programs export are one trace. Names,
    times, status, links and scope are those of the span. The attributes of the GenAI conventions, OpenInference and
    OpenLLMetry give the span's type, input, output, model and tokens, and the user, session, agent and conversation,
    which is the thread. An attribute ``mastra.run_id`` gives the run; likewise ``mastra.thread_id`` and the other
    fields of a `Span`. All attributes are kept, and events and the resource are in the metadata.

    Parameters
    ----------
    deployment : Deployment, AsyncDeployment, or what ``connect`` takes
        Where the traces are. The exporter closes only what it opened itself.
    storage_function : str, default "mastra/storage:handle"
        The path of the storage function.
    **options
        ``connect``'s, with a target.

    Notes
    -----
    Use it with the SDK's ``BatchSpanProcessor``, which exports in a thread of its own. A span that can't be stored,
    such as one over 1 MiB, is left out with an error in the log ``mastra_convex.opentelemetry``. If the deployment
    can't be reached, the spans of that call are lost, as with every exporter of the SDK.
    """

    def __init__(self, deployment: Given, *, storage_function: str = "mastra/storage:handle", **options: Any) -> None:
        self._faces = Faces(deployment, **options)
        self._traces = ConvexStore(self._faces.blocking, storage_function=storage_function).observability

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Store spans, up to 500 per transaction."""
        records = [as_span(span) for span in spans]
        try:
            self._store(records)
        except MastraConvexError:
            logger.exception("%d spans aren't stored", len(records))
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing: `export` returns when the spans are stored."""
        return True

    def shutdown(self) -> None:
        """Close the deployment, if this exporter opened it."""
        self._faces.close()

    def _store(self, records: list[Span]) -> None:
        try:
            self._traces.batch_create_spans(records)
        except InvalidArgumentError:
            for record in records:
                try:
                    self._traces.create_span(record)
                except InvalidArgumentError as error:
                    logger.error("span %s of trace %s isn't stored: %s", record.span_id, record.trace_id, error)
