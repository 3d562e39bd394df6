"""Items of datasets, in versions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from mastra_convex._arguments import as_integer, as_items, key_text, key_texts, plain_text
from mastra_convex._async.storage import Admits, Row, first_of
from mastra_convex._async.store.domain import AsyncDomain
from mastra_convex._json import to_json
from mastra_convex._replies import next_cursor
from mastra_convex.errors import InvalidArgumentError, NotFoundError
from mastra_convex.records._columns import from_row, from_rows, to_changes, to_columns
from mastra_convex.records._lists import Records
from mastra_convex.records._pages import MOST_ROWS, Pagination, Window, ordering, paginated
from mastra_convex.records._schemas import Schemas
from mastra_convex.records._tenants import tenant_columns
from mastra_convex.records._values import new_id, now, value_of
from mastra_convex.records.datasets import Dataset, DatasetItem, DatasetItemPage
from mastra_convex.types import iso_text

DATASETS = "mastra_datasets"
ITEMS = "mastra_dataset_items"
VERSIONS = "mastra_dataset_versions"
RESULTS = "mastra_experiment_results"

ORDERED_BY = {"created_at": "createdAt", "updated_at": "updatedAt"}
PAYLOAD = (
    "input",
    "ground_truth",
    "expected_trajectory",
    "tool_mocks",
    "unmocked_tool_policy",
    "scorer_ids",
    "request_context",
    "metadata",
    "source",
)

Tenant = Mapping[str, Any]


class AsyncDatasetItems(AsyncDomain):
    """The items of datasets."""

    async def add_item(
        self, dataset_id: str, item: DatasetItem | Mapping[str, Any], *, filters: Tenant | None = None
    ) -> DatasetItem:
        """Insert an item, as `batch_insert_items` does with several."""
        [row] = await self._insert("DatasetsStorage.add_item", dataset_id, {"item": item}, filters)
        return from_row(DatasetItem, row)

    async def batch_insert_items(
        self, dataset_id: str, items: Sequence[DatasetItem | Mapping[str, Any]], *, filters: Tenant | None = None
    ) -> list[DatasetItem]:
        """Insert items in one transaction, as one version of their dataset.

        Parameters
        ----------
        dataset_id : str
            The dataset.
        items : list of DatasetItem or mapping
            ``input``, and optionally ``ground_truth``, ``expected_trajectory``, ``tool_mocks``,
            ``unmocked_tool_policy``, ``scorer_ids``, ``request_context``, ``metadata``, ``source`` and ``external_id``.
            An item whose ``external_id`` the dataset has accepted before isn't inserted again, so that a call can be
            repeated. The other fields of a record are set by the dataset.
        filters : mapping, optional
            The tenant.

        Returns
        -------
        list of DatasetItem
            The stored records in the order of the items: new ones, and what those accepted before are now.

        Raises
        ------
        NotFoundError
            The dataset doesn't exist.
        InvalidArgumentError
            An item doesn't satisfy a schema of the dataset. The details have ``field`` and ``errors``.
        AlreadyExistsError
            An ``external_id`` was accepted with other values, or its item was deleted. The details have all
            ``conflicts``: ``index``, ``external_id``, ``existing_item_id`` and ``reason``, ``"payload_mismatch"`` or
            ``"deleted"``.
        WriteConflictError
            The dataset's schemas changed meanwhile. Try again.
        LimitExceededError
            The items are more than one transaction takes, which is a thousand or two. In each of these cases nothing
            was written.
        """
        place = "DatasetsStorage.batch_insert_items"
        given = {f"items[{n}]": item for n, item in enumerate(as_items(f"{place}: items", items))}
        return [from_row(DatasetItem, row) for row in await self._insert(place, dataset_id, given, filters)]

    async def _insert(self, place: str, dataset_id: str, items: Mapping[str, Any], filters: Tenant | None) -> list[Row]:
        tenant = tenant_columns(place, filters)
        rows = [_item_row(f"{place}: {name}", item) for name, item in items.items()]
        dataset = await self._needed(place, key_text(f"{place}: dataset_id", dataset_id), tenant)
        schemas = Schemas(place, dataset)
        for name, row in zip(items, rows, strict=True):
            schemas.check(f"{place}: {name}", "input", value_of(row["input"]))
            if row.get("groundTruth") is not None:
                schemas.check(f"{place}: {name}", "ground_truth", value_of(row["groundTruth"]))
        inserted: list[Row] = await self._storage.call(
            "insertItems",
            ITEMS,
            place=place,
            datasetId=dataset.id,
            tenant=tenant,
            schemasAsOf=iso_text(dataset.updated_at),
            items=rows,
        )
        return inserted

    async def update_item(
        self, dataset_id: str, id: str, update: Mapping[str, Any], *, filters: Tenant | None = None
    ) -> DatasetItem:
        """Change fields of an item, as a version of its dataset.

        Parameters
        ----------
        dataset_id, id : str
            The dataset and its item.
        update : mapping
            Fields as for `batch_insert_items`, but ``external_id``. Others stay. None clears one.
        filters : mapping, optional
            The tenant.

        Returns
        -------
        DatasetItem
            The item from this version on.

        Raises
        ------
        NotFoundError
            The dataset doesn't exist, or has no such item.
        InvalidArgumentError
            A value doesn't satisfy a schema of the dataset.
        FunctionError
            The item was purged, with the code ``DatasetItemPurged``.
        WriteConflictError
            The dataset's schemas changed meanwhile. Try again.
        """
        place = "DatasetsStorage.update_item"
        changes = to_changes(f"{place}: update", DatasetItem, update)
        for name in update:
            if name not in PAYLOAD:
                raise InvalidArgumentError(f"{place}: update has {name}; expected {', '.join(PAYLOAD)}")
        tenant = tenant_columns(place, filters)
        id = key_text(f"{place}: id", id)
        dataset = await self._needed(place, key_text(f"{place}: dataset_id", dataset_id), tenant)
        schemas = Schemas(place, dataset)
        if "input" in changes:
            schemas.check(f"{place}: update", "input", value_of(changes["input"]))
        if changes.get("groundTruth") is not None:
            schemas.check(f"{place}: update", "ground_truth", value_of(changes["groundTruth"]))
        row = await self._storage.call(
            "updateItem",
            ITEMS,
            place=place,
            datasetId=dataset.id,
            id=id,
            tenant=tenant,
            schemasAsOf=iso_text(dataset.updated_at),
            record=changes,
        )
        return from_row(DatasetItem, row)

    async def delete_item(self, dataset_id: str, id: str, *, filters: Tenant | None = None) -> None:
        """Delete an item, as a version of its dataset. Its older versions stay.

        Does nothing if it doesn't exist, or if the dataset isn't the tenant's.

        Raises
        ------
        NotFoundError
            The item is another dataset's.
        """
        place = "DatasetsStorage.delete_item"
        await self._storage.call("deleteItem", ITEMS, place=place, **_item(place, dataset_id, id, filters))

    async def batch_delete_items(
        self, dataset_id: str, item_ids: Sequence[str], *, filters: Tenant | None = None
    ) -> None:
        """Delete items in one transaction, as one version of their dataset, even if it has none of them.

        Ids that are unknown or of another dataset are ignored.

        Raises
        ------
        NotFoundError
            The dataset doesn't exist.
        """
        place = "DatasetsStorage.batch_delete_items"
        await self._storage.call(
            "deleteItems",
            ITEMS,
            place=place,
            datasetId=key_text(f"{place}: dataset_id", dataset_id),
            ids=key_texts(f"{place}: item_ids", item_ids),
            tenant=tenant_columns(place, filters),
        )

    async def purge_item(self, dataset_id: str, id: str, *, filters: Tenant | None = None) -> None:
        """Erase what callers said in an item, in all its versions and in the results of experiments with it.

        The rows stay, with a metadata of ``{"__purged": True, "purgedAt": …}``, so that versions and results keep
        their numbers. The item can't be updated any more, and new results with it are stored without what they say.
        Does nothing if the dataset has no such item. 25 rows go per transaction; after a failure, call again.
        """
        place = "DatasetsStorage.purge_item"
        item = _item(place, dataset_id, id, filters)
        await self._pages("purgeItem", ITEMS, purgedAt=iso_text(now()), **item)
        await self._pages("purgeResults", RESULTS, datasetId=item["datasetId"], itemId=item["id"])

    async def _pages(self, op: str, table: str, **request: Any) -> None:
        """Call an operation for all pages of its rows."""
        reply = await self._storage.reply(op, table, **request)
        while reply.get("hasMore"):
            cursor = next_cursor(self._storage.function, reply)
            reply = await self._storage.reply(op, table, **request, cursor=cursor)

    async def get_item_by_id(self, id: str, *, dataset_version: int | None = None) -> DatasetItem | None:
        """Return an item as it is, or as it was in a version of its dataset; None if it isn't there then."""
        place = "DatasetsStorage.get_item_by_id"
        order: Row = {"field": "datasetVersion", "order": "desc"}
        if dataset_version is not None:
            order["lte"] = as_integer(f"{place}: dataset_version", dataset_version, 0, MOST_ROWS)
        rows = self._storage.rows(ITEMS, {"id": key_text(f"{place}: id", id)}, order, page_size=1)
        found = await first_of(rows, Window(0, 1, 0))
        return from_row(DatasetItem, found[0]) if found and not found[0]["isDeleted"] else None

    async def get_items_by_version(self, dataset_id: str, version: int) -> Records[DatasetItem]:
        """Return the items of a dataset as they were in a version, newest first; those of equal times by their ids."""
        place = "DatasetsStorage.get_items_by_version"
        filters, admits = _version(place, dataset_id, version)
        rows = self._storage.rows(ITEMS, filters, {"field": "createdAt", "order": "desc"})
        return from_rows(DatasetItem, [row async for row in rows if admits(row)])

    async def get_item_history(self, item_id: str) -> Records[DatasetItem]:
        """Return all versions of an item, newest first, its deletion included."""
        filters = {"id": key_text("DatasetsStorage.get_item_history: item_id", item_id)}
        rows = self._storage.rows(ITEMS, filters, {"field": "datasetVersion", "order": "desc"})
        return from_rows(DatasetItem, [row async for row in rows])

    async def list_items(
        self,
        dataset_id: str,
        pagination: Pagination | None = None,
        *,
        version: int | None = None,
        search: str | None = None,
        filters: Tenant | None = None,
        order_by: Mapping[str, Any] | None = None,
    ) -> DatasetItemPage:
        """Return a page of a dataset's items.

        Parameters
        ----------
        dataset_id : str
            The dataset.
        pagination : mapping, optional
            ``{"page": 0, "per_page": 100}``; a `per_page` of None means all.
        version : int, optional
            The items as they were in this version of the dataset; by default as they are.
        search : str, optional
            Only items with this text in their input or their ground truth, as text or JSON text, in any case.
        filters : mapping, optional
            The tenant.
        order_by : mapping, optional
            ``{"field": "created_at" or "updated_at", "direction": "ASC" or "DESC"}``; by default the newest first.

        Returns
        -------
        DatasetItemPage
            Items of equal times come by their ids, in the same direction. Writes keep the ``total`` of the current
            items up to date; a version or a search reads all items of the dataset.
        """
        place = "DatasetsStorage.list_items"
        part = paginated(place, pagination, 100)
        order = ordering(place, order_by, ORDERED_BY, "DESC")
        wanted = "" if search is None else plain_text(f"{place}: search", search).lower()
        if version is None:
            conditions: Row = {"currentIn": key_text(f"{place}: dataset_id", dataset_id)}
            was_there: Admits | None = None
        else:
            conditions, was_there = _version(place, dataset_id, version)
        conditions |= tenant_columns(place, filters)

        def admits(row: Row) -> bool:
            return (was_there is None or was_there(row)) and _says(row, wanted)

        needs_rows = was_there is not None or wanted
        rows, total = await self._storage.page(ITEMS, conditions, order, part, admits if needs_rows else None)
        return DatasetItemPage(from_rows(DatasetItem, rows), total, part.page, part.per_page, part.has_more(total))

    def _current(self, dataset_id: str) -> AsyncIterator[Row]:
        """The rows of a dataset's items as they are."""
        return self._storage.rows(ITEMS, {"currentIn": dataset_id}, {"field": "createdAt", "order": "asc"})

    async def _dataset(self, id: str, tenant: Tenant) -> Dataset | None:
        row = await self._storage.load(DATASETS, id=id, **tenant)
        return None if row is None else from_row(Dataset, row)

    async def _needed(self, place: str, id: str, tenant: Tenant) -> Dataset:
        dataset = await self._dataset(id, tenant)
        if dataset is None:
            raise NotFoundError(f"{place}: Dataset not found: {id}", details={"id": id})
        return dataset


def _item_row(place: str, item: DatasetItem | Mapping[str, Any]) -> Row:
    """The row of an item to insert, of which the dataset sets the rest."""
    known = (*PAYLOAD, "external_id")
    if isinstance(item, DatasetItem):
        item = {name: getattr(item, name) for name in known}
    row = to_columns(place, DatasetItem, item)
    for name in item:
        if name not in known:
            raise InvalidArgumentError(f"{place} has {name}; expected {', '.join(known)}")
    if "input" not in row:
        raise InvalidArgumentError(f"{place}: input missing; a DatasetItem needs it")
    if row.get("externalId") == "":
        raise InvalidArgumentError(f"{place}: external_id is ''; expected text, not empty")
    return {"id": new_id(), **row}


def _item(place: str, dataset_id: str, id: str, filters: Tenant | None) -> Row:
    return {
        "datasetId": key_text(f"{place}: dataset_id", dataset_id),
        "id": key_text(f"{place}: id", id),
        "tenant": tenant_columns(place, filters),
    }


def _version(place: str, dataset_id: str, version: int) -> tuple[Row, Admits]:
    """The rows that a version of a dataset may have: conditions, and a check of a row."""
    number = as_integer(f"{place}: version", version, 0, MOST_ROWS)
    filters = {
        "datasetId": key_text(f"{place}: dataset_id", dataset_id),
        "datasetVersion": {"lte": number},
        "isDeleted": False,
    }
    return filters, lambda row: row.get("validTo") is None or row["validTo"] > number


def _says(row: Row, wanted: str) -> bool:
    """Whether an item has a text, in small letters, in its input or its ground truth."""
    values = (value_of(row["input"]), value_of(row.get("groundTruth")) or "")
    return any(wanted in (value if isinstance(value, str) else to_json("item", value)).lower() for value in values)
