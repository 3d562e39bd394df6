# Generated from _async/store/observability.py by tools/unasync.py: edit that.
"""Traces of agents, workflows and tools, and evaluations of their answers."""

from __future__ import annotations

from mastra_convex._sync.store.evals import EVALS, Evals
from mastra_convex._sync.store.traces import SPANS, Traces


class ObservabilityStorage(Traces, Evals):
    """Traces, made of spans, and evals.

    Notes
    -----
    Behaviour: as ``ObservabilityStorage`` of ``@mastra/core``, ``src/storage/domains/observability``.
    """

    _TABLES = (SPANS, EVALS)
