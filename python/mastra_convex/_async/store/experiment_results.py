"""Results of experiments, and their reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mastra_convex._arguments import key_text, key_texts
from mastra_convex._async.store.domain import AsyncDomain
from mastra_convex._replies import next_cursor
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import equalities, from_row, from_rows, to_changes, to_row
from mastra_convex.records._lists import Records
from mastra_convex.records._pages import Pagination, ordering, paginated
from mastra_convex.records._tenants import tenant_columns
from mastra_convex.records.experiments import ExperimentResult, ExperimentResultPage, ReviewCounts, ReviewStatus

RESULTS = "mastra_experiment_results"

ORDERED_BY = {"started_at": "startedAt", "created_at": "createdAt"}
CHANGEABLE = ("status", "tags", "comment")
COUNTED = {"needs-review": "needs_review", "reviewed": "reviewed", "complete": "complete"}


class AsyncExperimentResults(AsyncDomain):
    """The results of experiments."""

    async def add_experiment_result(self, result: ExperimentResult | Mapping[str, Any]) -> ExperimentResult:
        """Insert a result.

        Returns
        -------
        ExperimentResult
            The stored record. If the item was purged, it doesn't have what callers said.

        Raises
        ------
        AlreadyExistsError
            A result with this id exists. It wasn't changed.
        """
        return await self._put("add_experiment_result", "addResult", result)

    async def upsert_experiment_result(self, result: ExperimentResult | Mapping[str, Any]) -> ExperimentResult:
        """Insert a result, or replace the one of its experiment, item and attempt, so that a call can be repeated.

        Returns
        -------
        ExperimentResult
            The stored record. One that was replaced keeps its ``id``, its ``created_at`` and its ``comment``.
        """
        return await self._put("upsert_experiment_result", "upsertResult", result)

    async def _put(self, method: str, op: str, result: ExperimentResult | Mapping[str, Any]) -> ExperimentResult:
        place = f"ExperimentsStorage.{method}"
        row = to_row(f"{place}: result", ExperimentResult, result)
        return from_row(ExperimentResult, await self._storage.call(op, RESULTS, place=place, record=row))

    async def update_experiment_result(
        self, id: str, update: Mapping[str, Any], *, experiment_id: str | None = None
    ) -> ExperimentResult:
        """Change the review of a result.

        Parameters
        ----------
        id : str
            The result.
        update : mapping
            ``status``, ``tags`` or ``comment``. None clears one. If the item was purged, tags and comment stay away.
        experiment_id : str, optional
            Update only a result of this experiment.

        Returns
        -------
        ExperimentResult
            The updated record.

        Raises
        ------
        NotFoundError
            The result doesn't exist, or is of another experiment.
        """
        place = "ExperimentsStorage.update_experiment_result"
        changes = to_changes(f"{place}: update", ExperimentResult, update)
        for name in update:
            if name not in CHANGEABLE:
                raise InvalidArgumentError(f"{place}: update has {name}; expected {', '.join(CHANGEABLE)}")
        row = await self._storage.call(
            "reviewResult",
            RESULTS,
            place=place,
            id=key_text(f"{place}: id", id),
            record=changes,
            experimentId=None if experiment_id is None else key_text(f"{place}: experiment_id", experiment_id),
        )
        return from_row(ExperimentResult, row)

    async def get_experiment_result_by_id(
        self, id: str, *, filters: Mapping[str, Any] | None = None
    ) -> ExperimentResult | None:
        """Return a result, or None."""
        place = "ExperimentsStorage.get_experiment_result_by_id"
        tenant = tenant_columns(place, filters)
        row = await self._storage.load(RESULTS, id=key_text(f"{place}: id", id), **tenant)
        return None if row is None else from_row(ExperimentResult, row)

    async def list_experiment_results(
        self,
        experiment_id: str,
        pagination: Pagination | None = None,
        *,
        trace_id: str | None = None,
        status: ReviewStatus | None = None,
        tags: Sequence[str] | None = None,
        filters: Mapping[str, Any] | None = None,
        order_by: Mapping[str, Any] | None = None,
    ) -> ExperimentResultPage:
        """Return a page of an experiment's results.

        Parameters
        ----------
        experiment_id : str
            The experiment.
        pagination : mapping, optional
            ``{"page": 0, "per_page": 100}``; a `per_page` of None means all.
        trace_id, status : str, optional
            Only results with these.
        tags : list of str, optional
            Only results with all of these.
        filters : mapping, optional
            The tenant.
        order_by : mapping, optional
            ``{"field": "started_at" or "created_at", "direction": "ASC" or "DESC"}``; by default in the order in which
            they started.

        Returns
        -------
        ExperimentResultPage
            Results of equal times come by their ids, in the same direction.
        """
        place = "ExperimentsStorage.list_experiment_results"
        part = paginated(place, pagination, 100)
        order = ordering(place, order_by, ORDERED_BY, "ASC")
        texts = {"experiment_id": key_text(f"{place}: experiment_id", experiment_id), "trace_id": trace_id}
        columns = equalities(f"{place}:", ExperimentResult, {**texts, "status": status})
        columns |= tenant_columns(place, filters)
        wanted = set(key_texts(f"{place}: tags", tags or ()))
        admits = (lambda row: wanted.issubset(row.get("tags") or ())) if wanted else None
        rows, total = await self._storage.page(RESULTS, columns, order, part, admits)
        results = from_rows(ExperimentResult, rows)
        return ExperimentResultPage(results, total, part.page, part.per_page, part.has_more(total))

    async def delete_experiment_results(self, experiment_id: str, *, filters: Mapping[str, Any] | None = None) -> None:
        """Delete the results of an experiment, 25 per transaction. The experiment stays."""
        place = "ExperimentsStorage.delete_experiment_results"
        id = key_text(f"{place}: experiment_id", experiment_id)
        await self._storage.repeat("deleteResults", RESULTS, experimentId=id, tenant=tenant_columns(place, filters))

    async def get_review_summary(self) -> Records[ReviewCounts]:
        """Return how far the review of each experiment is, in the order of their first results.

        All results are read, 100 per transaction.
        """
        found: dict[str, dict[str, int]] = {}
        reply = await self._storage.reply("reviewSummary", RESULTS)
        while True:
            for experiment_id, status, number in reply["result"]:
                counts = found.setdefault(experiment_id, {})
                for name in ("total", *([COUNTED[status]] if status in COUNTED else [])):
                    counts[name] = counts.get(name, 0) + int(number)
            if not reply.get("hasMore"):
                return Records(ReviewCounts, [ReviewCounts(experiment_id=id, **counts) for id, counts in found.items()])
            cursor = next_cursor(self._storage.function, reply)
            reply = await self._storage.reply("reviewSummary", RESULTS, cursor=cursor)
