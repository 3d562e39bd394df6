# Generated from _async/store/experiments.py by tools/unasync.py: edit that.
"""Experiments: trials of agents on datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex._arguments import as_integer, key_text
from mastra_convex._sync.store.domain import Domain
from mastra_convex._sync.store.experiment_results import RESULTS, ExperimentResults
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import equalities, from_row, from_rows, to_changes, to_columns, to_row
from mastra_convex.records._pages import MOST_ROWS, Pagination, ordering, paginated
from mastra_convex.records._tenants import tenant_columns
from mastra_convex.records._values import now
from mastra_convex.records.experiments import Experiment, ExperimentPage, ExperimentResult, ExperimentStatus

EXPERIMENTS = "mastra_experiments"

ORDERED_BY = {"created_at": "createdAt", "status": "status"}
CHANGEABLE = (
    "name",
    "description",
    "metadata",
    "status",
    "total_items",
    "succeeded_count",
    "failed_count",
    "skipped_count",
    "started_at",
    "completed_at",
)


@public
class ExperimentsStorage(ExperimentResults, Domain):
    """Experiments and their results.

    Methods that take `filters`, ``{"organization_id", "project_id"}``, find only what is of this tenant, as if there
    were nothing else. Lists are paged, by default ``{"page": 0, "per_page": 100}``.

    Notes
    -----
    Behaviour: as ``ExperimentsStorage`` of ``@mastra/core``, ``src/storage/domains/experiments``.
    """

    _TABLES: ClassVar = {EXPERIMENTS: Experiment, RESULTS: ExperimentResult}

    def create_experiment(self, experiment: Experiment | Mapping[str, Any]) -> Experiment:
        """Insert an experiment.

        Returns
        -------
        Experiment
            The stored record.

        Raises
        ------
        AlreadyExistsError
            An experiment with this id exists. It wasn't changed.
        """
        place = "ExperimentsStorage.create_experiment"
        row = to_row(f"{place}: experiment", Experiment, experiment)
        self._storage.call("createExperiment", EXPERIMENTS, place=place, record=row)
        return from_row(Experiment, row)

    def update_experiment(self, id: str, update: Mapping[str, Any]) -> Experiment:
        """Change fields of an experiment. ``updated_at`` becomes now.

        Parameters
        ----------
        id : str
            The experiment.
        update : mapping
            ``name``, ``description``, ``metadata``, ``status``, ``total_items``, ``succeeded_count``,
            ``failed_count``, ``skipped_count``, ``started_at`` or ``completed_at``. None clears one.

        Returns
        -------
        Experiment
            The updated record.

        Raises
        ------
        NotFoundError
            The experiment doesn't exist.
        """
        place = "ExperimentsStorage.update_experiment"
        changes = to_changes(f"{place}: update", Experiment, update)
        for name in update:
            if name not in CHANGEABLE:
                raise InvalidArgumentError(f"{place}: update has {name}; expected {', '.join(CHANGEABLE)}")
        changes |= to_columns(place, Experiment, {"updated_at": now()})
        row = self._storage.call(
            "updateExperiment", EXPERIMENTS, place=place, id=key_text(f"{place}: id", id), record=changes
        )
        return from_row(Experiment, row)

    def get_experiment_by_id(self, id: str, *, filters: Mapping[str, Any] | None = None) -> Experiment | None:
        """Return an experiment, or None."""
        place = "ExperimentsStorage.get_experiment_by_id"
        tenant = tenant_columns(place, filters)
        row = self._storage.load(EXPERIMENTS, id=key_text(f"{place}: id", id), **tenant)
        return None if row is None else from_row(Experiment, row)

    def list_experiments(
        self,
        pagination: Pagination | None = None,
        *,
        dataset_id: str | None = None,
        target_type: str | None = None,
        target_id: str | None = None,
        agent_version: str | None = None,
        status: ExperimentStatus | None = None,
        experiment_set_id: str | None = None,
        comparison_id: str | None = None,
        variant_id: str | None = None,
        trial_index: int | None = None,
        filters: Mapping[str, Any] | None = None,
        order_by: Mapping[str, Any] | None = None,
    ) -> ExperimentPage:
        """Return a page of experiments.

        Parameters
        ----------
        pagination : mapping, optional
            ``{"page": 0, "per_page": 100}``; a `per_page` of None means all.
        dataset_id, target_type, target_id, agent_version, status, experiment_set_id, comparison_id, variant_id : str, \
optional
            Only experiments with these.
        trial_index : int, optional
            Only experiments with this one.
        filters : mapping, optional
            The tenant.
        order_by : mapping, optional
            ``{"field": "created_at" or "status", "direction": "ASC" or "DESC"}``; by default the newest first.

        Returns
        -------
        ExperimentPage
            Experiments of one status come by their times, in the same direction; of equal times in stored order, or in
            its reverse if the newest come first.
        """
        place = "ExperimentsStorage.list_experiments"
        part = paginated(place, pagination, 100)
        order = ordering(place, order_by, ORDERED_BY, "DESC")
        texts = {
            "dataset_id": dataset_id,
            "target_type": target_type,
            "target_id": target_id,
            "agent_version": agent_version,
            "status": status,
            "experiment_set_id": experiment_set_id,
            "comparison_id": comparison_id,
            "variant_id": variant_id,
        }
        columns: dict[str, Any] = equalities(f"{place}:", Experiment, texts) | tenant_columns(place, filters)
        if trial_index is not None:
            columns["trialIndex"] = as_integer(f"{place}: trial_index", trial_index, 0, MOST_ROWS)
        rows, total = self._storage.page(EXPERIMENTS, columns, order, part)
        return ExperimentPage(from_rows(Experiment, rows), total, part.page, part.per_page, part.has_more(total))

    def delete_experiment(self, id: str, *, filters: Mapping[str, Any] | None = None) -> None:
        """Delete an experiment with its results, 25 rows per transaction, itself last.

        Does nothing if it doesn't exist.
        """
        place = "ExperimentsStorage.delete_experiment"
        tenant = tenant_columns(place, filters)
        self._storage.repeat("deleteExperiment", EXPERIMENTS, id=key_text(f"{place}: id", id), tenant=tenant)
