# Generated from _async/store/evals.py by tools/unasync.py: edit that.
"""Evaluations of agents' answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from mastra_convex._arguments import key_text, one_of
from mastra_convex._sync.store.domain import Domain
from mastra_convex.records._columns import from_row, from_rows, to_row
from mastra_convex.records._lists import Records
from mastra_convex.records._pages import options, window
from mastra_convex.records.evals import Eval, EvalPage

EVALS = "mastra_evals"

# The result of a test: any JSON text.
PRESENT = {"gte": ""}


class Evals(Domain):
    """Evaluations of agents' answers."""

    def save_eval(self, eval: Eval | Mapping[str, Any]) -> Eval:
        """Insert an eval, or replace the one with its id.

        Returns
        -------
        Eval
            The given record, with missing fields filled in.
        """
        row = to_row("ObservabilityStorage.save_eval: eval", Eval, eval)
        self._storage.call("insert", EVALS, record=row)
        return from_row(Eval, row)

    def get_eval(self, run_id: str) -> Eval | None:
        """Return the first saved eval of a run, or None."""
        row = self._storage.load(EVALS, runId=key_text("ObservabilityStorage.get_eval: run_id", run_id))
        return None if row is None else from_row(Eval, row)

    def list_evals(
        self,
        *,
        agent_name: str | None = None,
        type: Literal["test", "live"] | None = None,
        pagination: Mapping[str, Any] | None = None,
    ) -> EvalPage:
        """Return a page of evals, newest first.

        Parameters
        ----------
        agent_name : str, optional
            Only evals of this agent.
        type : {"test", "live"}, optional
            ``"test"``: only evals made by tests, which have `test_info`. ``"live"``: only the others.
        pagination : mapping, optional
            ``{"page": 0, "per_page": 100}``; a `per_page` of None means all.

        Returns
        -------
        EvalPage
            Evals of equal times come in reverse stored order. ``total`` counts the evals of all pages.
        """
        place = "ObservabilityStorage.list_evals"
        asked = options(f"{place}: pagination", pagination, ("page", "per_page"))
        part = window(place, asked.get("page", 0), asked.get("per_page", 100))
        filters: dict[str, Any] = {}
        if agent_name is not None:
            filters["agentName"] = key_text(f"{place}: agent_name", agent_name)
        if type is not None:
            filters["testInfo"] = PRESENT if one_of(("test", "live"), f"{place}: type", type) == "test" else None
        rows, total = self._storage.page(EVALS, filters, {"field": "createdAt", "order": "desc"}, part)
        return EvalPage(from_rows(Eval, rows), total, part.page, part.per_page, part.has_more(total))

    def get_evals_by_agent_name(
        self, agent_name: str, type: Literal["test", "live"] | None = None
    ) -> Records[Eval]:
        """Return all evals of an agent, newest first; `type` as for `list_evals`."""
        return Records(Eval, self.list_evals(agent_name=agent_name, type=type, pagination={"per_page": None}))
