# Generated from _async/store/datasets.py by tools/unasync.py: edit that.
"""Datasets, on which agents are tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mastra_convex._arguments import as_integer, as_items, key_text, plain_text
from mastra_convex._sync.store.dataset_items import DATASETS, ITEMS, VERSIONS, DatasetItems
from mastra_convex._public import public
from mastra_convex.errors import AlreadyExistsError, InvalidArgumentError
from mastra_convex.records._columns import equalities, from_row, from_rows, to_changes, to_columns, to_row
from mastra_convex.records._pages import MOST_ROWS, Pagination, options, ordering, paginated
from mastra_convex.records._schemas import Schemas
from mastra_convex.records._tenants import tenant_columns
from mastra_convex.records._values import now
from mastra_convex.records.datasets import Dataset, DatasetItem, DatasetPage, DatasetVersion, DatasetVersionPage

ORDERED_BY = {"created_at": "createdAt", "updated_at": "updatedAt", "name": "name"}
EQUALITIES = ("organization_id", "project_id", "candidate_key", "candidate_id", "target_type")
# The fields of a dataset that never change.
IMMUTABLE = ("organization_id", "project_id", "candidate_key", "candidate_id")
CHANGEABLE = (
    "name",
    "description",
    "metadata",
    "input_schema",
    "ground_truth_schema",
    "request_context_schema",
    "tags",
    "target_type",
    "target_ids",
    "scorer_ids",
)


@public
class DatasetsStorage(DatasetItems):
    """Datasets with versioned items. Each change of items is one transaction, and one version of their dataset.

    Older versions stay: a dataset can be read as it was in any of them. Methods that take `filters`,
    ``{"organization_id", "project_id"}``, find only datasets of this tenant, as if there were no others. Lists are
    paged, by default ``{"page": 0, "per_page": 100}``.

    Items must satisfy the ``input_schema`` and the ``ground_truth_schema`` of their dataset, JSON Schemas. To write to
    a dataset that has one, install ``mastra-convex[datasets]``.

    Notes
    -----
    Behaviour: as ``DatasetsStorage`` of ``@mastra/core``, ``src/storage/domains/datasets``.
    """

    _TABLES: ClassVar = {DATASETS: Dataset, ITEMS: DatasetItem, VERSIONS: DatasetVersion}

    def create_dataset(self, dataset: Dataset | Mapping[str, Any]) -> Dataset:
        """Insert a dataset, or return the one with its id, which stays as it is.

        Returns
        -------
        Dataset
            The stored record.

        Raises
        ------
        AlreadyExistsError
            The dataset with this id is of another tenant or candidate.
        """
        place = "DatasetsStorage.create_dataset"
        row = to_row(f"{place}: dataset", Dataset, dataset)
        given = from_row(Dataset, row)
        try:
            self._storage.call("createDataset", DATASETS, place=place, record=row)
        except AlreadyExistsError:
            stored = self._storage.load(DATASETS, id=given.id)
            existing = given if stored is None else from_row(Dataset, stored)
            if any(getattr(existing, name) != getattr(given, name) for name in IMMUTABLE):
                raise AlreadyExistsError(
                    f"{place}: dataset {given.id!r} exists with another {' or '.join(IMMUTABLE)}",
                    details={"id": given.id},
                ) from None
            return existing
        return given

    def get_dataset_by_id(self, id: str, *, filters: Mapping[str, Any] | None = None) -> Dataset | None:
        """Return a dataset, or None."""
        place = "DatasetsStorage.get_dataset_by_id"
        return self._dataset(key_text(f"{place}: id", id), tenant_columns(place, filters))

    def update_dataset(
        self, id: str, update: Mapping[str, Any], *, filters: Mapping[str, Any] | None = None
    ) -> Dataset:
        """Change fields of a dataset. ``updated_at`` becomes now.

        Parameters
        ----------
        id : str
            The dataset.
        update : mapping
            ``name``, ``description``, ``metadata``, ``input_schema``, ``ground_truth_schema``,
            ``request_context_schema``, ``tags``, ``target_type``, ``target_ids`` or ``scorer_ids``; None clears one.
        filters : mapping, optional
            The tenant.

        Returns
        -------
        Dataset
            The updated record.

        Raises
        ------
        NotFoundError
            The dataset doesn't exist.
        InvalidArgumentError
            An item doesn't satisfy a new schema, among other reasons. Nothing has changed.
        """
        place = "DatasetsStorage.update_dataset"
        changes = to_changes(f"{place}: update", Dataset, update)
        for name in update:
            if name not in CHANGEABLE:
                raise InvalidArgumentError(f"{place}: update has {name}; expected {', '.join(CHANGEABLE)}")
        changes |= to_columns(place, Dataset, {"updated_at": now()})
        id, tenant = key_text(f"{place}: id", id), tenant_columns(place, filters)
        while True:
            dataset = self._needed(place, id, tenant)
            row = to_row(place, Dataset, dataset) | changes
            updated = from_row(Dataset, row)
            expected: dict[str, Any] = dict(tenant)
            if _schemas(updated) != _schemas(dataset):
                schemas = Schemas(place, updated)
                schemas.check_items([from_row(DatasetItem, row) for row in self._current(id)])
                # If items came meanwhile, they are checked as well.
                expected["version"] = dataset.version
            if expected:
                self._storage.need_ours("patch with expectations", DATASETS)
            if self._storage.call("patch", DATASETS, id=id, record=changes, expected=expected):
                return updated

    def delete_dataset(self, id: str, *, filters: Mapping[str, Any] | None = None) -> None:
        """Delete a dataset with its items and versions, 25 rows per transaction, itself last.

        Experiments on it stay, with a ``dataset_id`` of None. Does nothing if it doesn't exist.
        """
        place = "DatasetsStorage.delete_dataset"
        tenant = tenant_columns(place, filters)
        self._storage.repeat("deleteDataset", DATASETS, id=key_text(f"{place}: id", id), tenant=tenant)

    def list_datasets(
        self,
        pagination: Pagination | None = None,
        *,
        filters: Mapping[str, Any] | None = None,
        order_by: Mapping[str, Any] | None = None,
    ) -> DatasetPage:
        """Return a page of datasets.

        Parameters
        ----------
        pagination : mapping, optional
            ``{"page": 0, "per_page": 100}``; a `per_page` of None means all.
        filters : mapping, optional
            ``organization_id``, ``project_id``, ``candidate_key``, ``candidate_id``, ``target_type``: only datasets
            with these; ``target_ids``: with one of these, if there are any; ``name``: with this text in their name, in
            any case.
        order_by : mapping, optional
            ``{"field": "created_at", "updated_at" or "name", "direction": "ASC" or "DESC"}``; by default the newest
            first.

        Returns
        -------
        DatasetPage
            Datasets of equal times come in stored order, or in its reverse if the newest come first.
        """
        place = "DatasetsStorage.list_datasets"
        part = paginated(place, pagination, 100)
        order = ordering(place, order_by, ORDERED_BY, "DESC")
        given = options(f"{place}: filters", filters, (*EQUALITIES, "target_ids", "name"))
        columns = equalities(f"{place}: filters", Dataset, {name: given.get(name) for name in EQUALITIES})
        name = plain_text(f"{place}: filters name", given.get("name") or "").lower()
        targets = set(as_items(f"{place}: filters target_ids", given.get("target_ids") or ()))

        def admits(row: Mapping[str, Any]) -> bool:
            return name in row["name"].lower() and (not targets or not targets.isdisjoint(row.get("targetIds") or ()))

        rows, total = self._storage.page(DATASETS, columns, order, part, admits if name or targets else None)
        return DatasetPage(from_rows(Dataset, rows), total, part.page, part.per_page, part.has_more(total))

    def create_dataset_version(self, dataset_id: str, version: int) -> DatasetVersion:
        """Insert a version's row, or return it. Changes of items do so themselves."""
        place = "DatasetsStorage.create_dataset_version"
        dataset_id = key_text(f"{place}: dataset_id", dataset_id)
        version = as_integer(f"{place}: version", version, 1, MOST_ROWS)
        fields = {"id": f"{dataset_id}-{version}", "dataset_id": dataset_id, "version": version}
        row = to_row(place, DatasetVersion, fields)
        self._storage.call("insert", VERSIONS, record=row)
        return from_row(DatasetVersion, self._storage.load(VERSIONS, id=row["id"]) or row)

    def list_dataset_versions(self, dataset_id: str, pagination: Pagination | None = None) -> DatasetVersionPage:
        """Return a page of a dataset's versions, newest first; `pagination` as for `list_datasets`."""
        place = "DatasetsStorage.list_dataset_versions"
        part = paginated(place, pagination, 100)
        filters = {"datasetId": key_text(f"{place}: dataset_id", dataset_id)}
        rows, total = self._storage.page(VERSIONS, filters, {"field": "version", "order": "desc"}, part)
        versions = from_rows(DatasetVersion, rows)
        return DatasetVersionPage(versions, total, part.page, part.per_page, part.has_more(total))


def _schemas(dataset: Dataset) -> tuple[Any, Any]:
    return dataset.input_schema, dataset.ground_truth_schema
