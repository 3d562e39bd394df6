"""A span while it runs: what is known of it, and the span within which it runs."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import replace
from os import urandom
from typing import Any

from mastra_convex._arguments import as_items
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import as_record
from mastra_convex.records._pages import options
from mastra_convex.records._values import now
from mastra_convex.records.observability import Span, SpanFields

# A span takes these from the one within which it runs.
INHERITED = (
    "trace_id",
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

# The span within which the calls of this context run.
AROUND: ContextVar[SpanDraft | None] = ContextVar("mastra_convex_span", default=None)


class SpanDraft:
    """A span that runs, or will, without the calls that store it."""

    def __init__(self, place: str, name: str, fields: Mapping[str, Any]) -> None:
        given = options(place, fields, tuple(SpanFields.__annotations__))
        self.input = given.get("input")
        self.output: Any = None
        self.error: Any = None
        self.attributes = _dict(f"{place}: attributes", given.get("attributes"))
        self.metadata = _dict(f"{place}: metadata", given.get("metadata"))
        self.tags: list[str] = as_items(f"{place}: tags", given.get("tags") or ())
        self._place = place
        self._around = AROUND.get()
        inherited: dict[str, Any] = {}
        # Who names a trace begins it, or continues one of another process.
        if self._around is not None and given.get("trace_id") is None:
            inherited = {name: getattr(self._around._span, name) for name in INHERITED}
            inherited["parent_span_id"] = self._around.span_id
        # W3C's form of ids, as Mastra's.
        ids = {"trace_id": urandom(16).hex(), "span_id": urandom(8).hex()}
        own = {name: value for name, value in given.items() if value is not None}
        self._span: Span = as_record(place, Span, {**ids, **inherited, **own, "name": name})

    @property
    def trace_id(self) -> str:
        """The trace, which a span shares with the one within which it runs."""
        return self._span.trace_id

    @property
    def span_id(self) -> str:
        """The span's id in its trace."""
        return self._span.span_id

    @property
    def parent_span_id(self) -> str | None:
        """The span within which it runs; None for the root of a trace."""
        return self._span.parent_span_id

    def _begun(self) -> Span:
        """The span at its begin, which is now."""
        self._span = replace(self._span, started_at=now())
        return self._filled()

    def _ended(self, error: BaseException | None) -> Span:
        """The span at its end, which is now."""
        if error is not None and self.error is None:
            stack = "".join(traceback.format_exception(error))
            self.error = {"name": type(error).__name__, "message": str(error), "stack": stack}
        return replace(self._filled(), ended_at=now())

    def _filled(self) -> Span:
        return replace(
            self._span,
            attributes=self.attributes or None,
            metadata=self.metadata or None,
            tags=self.tags or None,
            input=self.input,
            output=self.output,
            error=self.error,
        )


def _dict(place: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping | None):
        raise InvalidArgumentError(f"{place} is {given!r:.80}; expected a mapping")
    return dict(given or {})
