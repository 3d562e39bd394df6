# Generated from _async/store/scores.py by tools/unasync.py: edit that.
"""Scores of runs' outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex._arguments import key_text
from mastra_convex._sync.store.domain import Domain
from mastra_convex._public import public
from mastra_convex.records._columns import equalities, from_row, from_rows, to_row
from mastra_convex.records._pages import Pagination, paginated
from mastra_convex.records._tenants import tenant_columns
from mastra_convex.records.scores import Score, ScorePage

SCORES = "mastra_scorers"

NEWEST_FIRST = {"field": "createdAt", "order": "desc"}


@public
class ScoresStorage(Domain):
    """Scores. Lists are newest first, and paged, by default ``{"page": 0, "per_page": 100}``.

    Notes
    -----
    Behaviour: as ``ScoresStorage`` of ``@mastra/core``, ``src/storage/domains/scores``.
    """

    _TABLES: ClassVar = {SCORES: Score}

    def save_score(self, score: Score | Mapping[str, Any]) -> Score:
        """Insert a score, or update the one with its id, keeping ``created_at``.

        Returns
        -------
        Score
            The given record, with missing fields filled in.
        """
        row = to_row("ScoresStorage.save_score: score", Score, score)
        self._storage.call("insert", SCORES, record=row)
        return from_row(Score, row)

    def get_score_by_id(self, id: str) -> Score | None:
        """Return a score, or None."""
        row = self._storage.load(SCORES, id=key_text("ScoresStorage.get_score_by_id: id", id))
        return None if row is None else from_row(Score, row)

    def list_scores_by_scorer_id(
        self,
        scorer_id: str,
        pagination: Pagination | None = None,
        *,
        entity_id: str | None = None,
        entity_type: str | None = None,
        source: str | None = None,
        filters: Mapping[str, str] | None = None,
    ) -> ScorePage:
        """Return a page of a scorer's scores.

        Parameters
        ----------
        scorer_id : str
            The scorer.
        pagination : mapping, optional
            ``{"page": 0, "per_page": 100}``; a `per_page` of None means all.
        entity_id, entity_type, source : str, optional
            Only scores with these.
        filters : mapping, optional
            ``organization_id``, ``project_id``: only scores of them.

        Returns
        -------
        ScorePage
            Scores of equal times come in reverse stored order. ``total`` counts the scores of all pages.
        """
        further = {"entity_id": entity_id, "entity_type": entity_type, "source": source}
        return self._list("list_scores_by_scorer_id", {"scorer_id": scorer_id}, pagination, filters, further)

    def list_scores_by_run_id(
        self, run_id: str, pagination: Pagination | None = None, *, filters: Mapping[str, str] | None = None
    ) -> ScorePage:
        """Return a page of a run's scores; `pagination` and `filters` as for `list_scores_by_scorer_id`."""
        return self._list("list_scores_by_run_id", {"run_id": run_id}, pagination, filters)

    def list_scores_by_entity_id(
        self,
        entity_id: str,
        entity_type: str,
        pagination: Pagination | None = None,
        *,
        filters: Mapping[str, str] | None = None,
    ) -> ScorePage:
        """Return a page of an entity's scores; `pagination` and `filters` as for `list_scores_by_scorer_id`."""
        given = {"entity_id": entity_id, "entity_type": entity_type}
        return self._list("list_scores_by_entity_id", given, pagination, filters)

    def list_scores_by_span(
        self,
        trace_id: str,
        span_id: str,
        pagination: Pagination | None = None,
        *,
        filters: Mapping[str, str] | None = None,
    ) -> ScorePage:
        """Return a page of a span's scores; `pagination` and `filters` as for `list_scores_by_scorer_id`."""
        given = {"trace_id": trace_id, "span_id": span_id}
        return self._list("list_scores_by_span", given, pagination, filters)

    def _list(
        self,
        method: str,
        about: Mapping[str, str],
        pagination: Pagination | None,
        filters: Mapping[str, str] | None,
        further: Mapping[str, str | None] | None = None,
    ) -> ScorePage:
        place = f"ScoresStorage.{method}"
        for name, value in about.items():
            key_text(f"{place}: {name}", value)
        part = paginated(place, pagination, 100)
        columns = equalities(f"{place}:", Score, {**about, **(further or {})}) | tenant_columns(place, filters)
        rows, total = self._storage.page(SCORES, columns, NEWEST_FIRST, part)
        return ScorePage(from_rows(Score, rows), total, part.page, part.per_page, part.has_more(total))
