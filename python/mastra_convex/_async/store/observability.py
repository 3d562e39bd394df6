"""Traces of agents, workflows and tools, and evaluations of their answers."""

from __future__ import annotations

from typing import ClassVar

from mastra_convex._async.store.evals import EVALS, AsyncEvals
from mastra_convex._async.store.running_spans import SPANS
from mastra_convex._async.store.traces import AsyncTraces
from mastra_convex._public import public
from mastra_convex.records.evals import Eval
from mastra_convex.records.observability import Span


@public
class AsyncObservabilityStorage(AsyncTraces, AsyncEvals):
    """Traces, made of spans, and evals.

    Notes
    -----
    Behaviour: as ``ObservabilityStorage`` of ``@mastra/core``, ``src/storage/domains/observability``.
    """

    _TABLES: ClassVar = {SPANS: Span, EVALS: Eval}
