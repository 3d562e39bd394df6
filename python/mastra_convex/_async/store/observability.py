"""Traces of agents, workflows and tools, and evaluations of their answers."""

from __future__ import annotations

from mastra_convex._async.store.evals import EVALS, AsyncEvals
from mastra_convex._async.store.traces import SPANS, AsyncTraces


class AsyncObservabilityStorage(AsyncTraces, AsyncEvals):
    """Traces, made of spans, and evals.

    Notes
    -----
    Behaviour: as ``ObservabilityStorage`` of ``@mastra/core``, ``src/storage/domains/observability``.
    """

    _TABLES = (SPANS, EVALS)
