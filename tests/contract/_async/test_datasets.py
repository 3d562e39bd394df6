"""Datasets, their versioned items, and the schemas of these."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NUMBERS = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["n"]}


@pytest.fixture
def datasets(deployment: mc.AsyncDeployment) -> mc.AsyncDatasetsStorage:
    return mc.AsyncConvexStore(deployment).datasets


async def made(datasets: mc.AsyncDatasetsStorage, id: str = "d", **fields: Any) -> mc.Dataset:
    return await datasets.create_dataset({"id": id, "name": id, **fields})


async def inputs(datasets: mc.AsyncDatasetsStorage, version: int | None = None) -> set[Any]:
    """The inputs of the items of the dataset, in a version."""
    return {item.input for item in await datasets.list_items("d", version=version)}


async def test_a_dataset_comes_back_as_it_was_created(datasets: mc.AsyncDatasetsStorage) -> None:
    """Missing fields are filled in, and keys of metadata and schemas are kept."""
    given = mc.Dataset(
        name="maths", input_schema=NUMBERS, metadata={"$a": 1}, target_type="agent", target_ids=["a"], tags=["t"]
    )
    created = await datasets.create_dataset(given)
    assert created == given == await datasets.get_dataset_by_id(given.id)
    assert (created.version, created.input_schema, created.metadata) == (0, NUMBERS, {"$a": 1})
    assert await datasets.get_dataset_by_id("none") is None


async def test_a_dataset_is_created_once(datasets: mc.AsyncDatasetsStorage) -> None:
    """The id of a dataset of the same tenant and candidate returns that one; of another it is an error."""
    first = await made(datasets, organization_id="org", candidate_key="k")
    assert await datasets.create_dataset({**fields(first), "name": "other"}) == first
    for different in ({"organization_id": "other"}, {"candidate_key": None}, {"project_id": "p"}):
        with pytest.raises(mc.AlreadyExistsError, match="dataset 'd' exists with another organization_id or"):
            await made(datasets, **{"organization_id": "org", "candidate_key": "k", **different})


def fields(dataset: mc.Dataset) -> dict[str, Any]:
    return {"id": dataset.id, "organization_id": dataset.organization_id, "candidate_key": dataset.candidate_key}


async def test_an_update_changes_the_given_fields(datasets: mc.AsyncDatasetsStorage) -> None:
    """None clears a field; what identifies a dataset can't change."""
    before = await made(datasets, description="x", tags=["t"], organization_id="org", created_at=NOON, updated_at=NOON)
    after = await datasets.update_dataset("d", {"name": "new", "tags": None}, filters={"organization_id": "org"})
    assert after == await datasets.get_dataset_by_id("d")
    assert (after.name, after.tags, after.description, after.created_at) == ("new", None, "x", NOON)
    assert after.updated_at > before.updated_at
    for id, filters in (("none", {}), ("d", {"organization_id": "other"})):
        with pytest.raises(mc.NotFoundError, match=f"update_dataset: Dataset not found: {id}"):
            await datasets.update_dataset(id, {"name": "x"}, filters=filters)
    with pytest.raises(mc.InvalidArgumentError, match="update has organization_id; expected name, "):
        await datasets.update_dataset("d", {"organization_id": "x"})


async def test_datasets_are_listed_newest_first(datasets: mc.AsyncDatasetsStorage) -> None:
    """Pages are flat, and conditions must all hold."""
    many: list[dict[str, Any]] = [
        {"name": "Alpha", "target_type": "agent", "target_ids": ["a", "b"], "organization_id": "org"},
        {"name": "beta", "target_ids": ["c"], "candidate_id": "x"},
        {"name": "ALPHABET", "organization_id": "org", "project_id": "p"},
    ]
    for hours, given in enumerate(many):
        await made(datasets, f"{hours}", **{**given, "created_at": NOON + timedelta(hours=hours)})

    async def ids(filters: dict[str, Any] | None = None, **options: Any) -> list[str]:
        return [dataset.id for dataset in await datasets.list_datasets(filters=filters, **options)]

    assert await ids() == ["2", "1", "0"]
    assert await ids({"organization_id": "org"}) == ["2", "0"]
    assert await ids({"organization_id": "org", "project_id": "p"}) == ["2"]
    assert await ids({"name": "alpha"}) == ["2", "0"]
    assert await ids({"target_ids": ["b", "c"]}) == ["1", "0"]
    assert await ids({"target_ids": []}) == ["2", "1", "0"]
    assert await ids({"target_type": "agent"}) == ["0"]
    assert await ids({"candidate_id": "x"}) == ["1"]
    assert await ids(order_by={"field": "name", "direction": "ASC"}) == ["2", "0", "1"]
    assert await ids(order_by={"direction": "ASC"}) == ["0", "1", "2"]
    page = await datasets.list_datasets({"page": 1, "per_page": 2})
    assert ([dataset.id for dataset in page.datasets], page.total, page.has_more) == (["0"], 3, False)
    assert (await datasets.list_datasets({"per_page": None})).total == 3


async def test_items_that_are_inserted_together_are_one_version(datasets: mc.AsyncDatasetsStorage) -> None:
    """They have the tenant of their dataset, and come back in their order."""
    dataset = await made(datasets, organization_id="org", project_id="p", updated_at=NOON)
    given: list[Any] = [
        {"input": {"$q": "1+1"}, "ground_truth": 2, "scorer_ids": ["s"], "source": {"type": "csv"}},
        mc.DatasetItem(dataset_id="any", input="text", metadata={"m": 1}, tool_mocks=[{"toolName": "t"}]),
    ]
    first, second = await datasets.batch_insert_items("d", given)
    assert (first.input, first.ground_truth, first.scorer_ids, first.source) == (
        {"$q": "1+1"},
        2,
        ["s"],
        {"type": "csv"},
    )
    assert (second.input, second.metadata, second.tool_mocks) == ("text", {"m": 1}, [{"toolName": "t"}])
    for item in (first, second):
        assert (item.dataset_id, item.dataset_version, item.organization_id, item.project_id) == ("d", 1, "org", "p")
        assert await datasets.get_item_by_id(item.id) == item
    now = await datasets.get_dataset_by_id("d")
    assert now is not None
    assert (now.version, now.updated_at) == (1, dataset.updated_at)
    assert await datasets.batch_insert_items("d", []) == []
    assert [version.version for version in await datasets.list_dataset_versions("d")] == [1]


async def test_each_version_can_be_read(datasets: mc.AsyncDatasetsStorage) -> None:
    """Updates and deletions leave the versions before as they were."""
    await made(datasets)
    a, b = await datasets.batch_insert_items("d", [{"input": "a", "metadata": {"m": 1}}, {"input": "b"}])
    updated = await datasets.update_item("d", a.id, {"input": "a2", "ground_truth": [1]})
    assert (updated.id, updated.metadata, updated.created_at, updated.dataset_version) == (
        a.id,
        {"m": 1},
        a.created_at,
        2,
    )
    await datasets.delete_item("d", b.id)
    await datasets.add_item("d", {"input": "c"})
    assert [await inputs(datasets, version) for version in range(5)] == [
        set(),
        {"a", "b"},
        {"a2", "b"},
        {"a2"},
        {"a2", "c"},
    ]
    assert await inputs(datasets) == {"a2", "c"}
    assert {item.input for item in await datasets.get_items_by_version("d", 2)} == {"a2", "b"}
    then = await datasets.get_item_by_id(a.id, dataset_version=1)
    assert then is not None
    assert (then.input, then.valid_to) == ("a", 2)
    assert await datasets.get_item_by_id(b.id) is None
    assert await datasets.get_item_by_id(b.id, dataset_version=3) is None
    assert await datasets.get_item_by_id(a.id, dataset_version=0) is None
    assert [(row.dataset_version, row.is_deleted) for row in await datasets.get_item_history(b.id)] == [
        (3, True),
        (1, False),
    ]
    versions = await datasets.list_dataset_versions("d", {"page": 0, "per_page": 3})
    assert ([version.version for version in versions], versions.total, versions.has_more) == ([4, 3, 2], 4, True)


async def test_items_are_deleted_together(datasets: mc.AsyncDatasetsStorage) -> None:
    """As one version. Unknown ids and items of other datasets are ignored, and alone they are errors or nothing."""
    await made(datasets)
    await made(datasets, "e")
    a, b, c = await datasets.batch_insert_items("d", [{"input": n} for n in range(3)])
    other = await datasets.add_item("e", {"input": "x"})
    await datasets.batch_delete_items("d", [a.id, other.id, "none", b.id, a.id])
    assert [item.id for item in await datasets.list_items("d")] == [c.id]
    assert [item.id for item in await datasets.list_items("e")] == [other.id]
    assert (await datasets.list_dataset_versions("d")).total == 2
    await datasets.delete_item("d", a.id)
    with pytest.raises(mc.NotFoundError, match=r"delete_item: Item .* does not belong to dataset d"):
        await datasets.delete_item("d", other.id)
    with pytest.raises(mc.NotFoundError, match=r"update_item: Item .* does not belong to dataset d"):
        await datasets.update_item("d", other.id, {"input": 1})
    with pytest.raises(mc.NotFoundError, match="Dataset not found: none"):
        await datasets.batch_delete_items("none", [])
    with pytest.raises(mc.NotFoundError, match=f"Item not found: {a.id}"):
        await datasets.update_item("d", a.id, {"input": 1})


async def test_items_are_listed_in_pages(datasets: mc.AsyncDatasetsStorage) -> None:
    """Newest first, those of one call by their ids. A search looks into input and ground truth."""
    await made(datasets)
    stored = await datasets.batch_insert_items("d", [{"input": {"n": n}, "ground_truth": f"T{n}"} for n in range(5)])
    ids = sorted((item.id for item in stored), reverse=True)
    page = await datasets.list_items("d", {"page": 1, "per_page": 2})
    assert ([item.id for item in page.items], page.total, page.has_more) == (ids[2:4], 5, True)
    ascending = await datasets.list_items("d", order_by={"field": "updated_at", "direction": "ASC"})
    assert [item.id for item in ascending] == ids[::-1]
    assert [item.id for item in await datasets.get_items_by_version("d", 1)] == ids
    assert [item.input for item in await datasets.list_items("d", search='{"n":3}')] == [{"n": 3}]
    assert [item.input for item in await datasets.list_items("d", search="t4", version=1)] == [{"n": 4}]
    assert (await datasets.list_items("d", search="T", filters={"organization_id": "x"})).total == 0
    await datasets.update_item("d", ids[0], {"input": "new"})
    latest = await datasets.list_items("d", {"per_page": 1}, order_by={"field": "updated_at"})
    assert ([item.id for item in latest], latest.total) == ([ids[0]], 5)


async def test_an_external_id_is_accepted_once(datasets: mc.AsyncDatasetsStorage) -> None:
    """The same values return what the item has become. Others, or those of a deleted item, are conflicts."""
    await made(datasets)
    given = {"external_id": "n", "input": {"$a": 1}, "ground_truth": None}
    first = await datasets.add_item("d", given)
    updated = await datasets.update_item("d", first.id, {"input": 2})
    again, new = await datasets.batch_insert_items("d", [given, {"external_id": "m", "input": 3}])
    assert (again, new.external_id) == (updated, "m")
    assert await datasets.add_item("d", given) == updated
    assert (await datasets.list_dataset_versions("d")).total == 3
    await datasets.delete_item("d", new.id)
    items = [{"input": 0}, {**given, "input": 2}, {"external_id": "m", "input": 3}]
    with pytest.raises(mc.AlreadyExistsError, match=r'items\[1\]: externalId "n" .* accepted with other') as raised:
        await datasets.batch_insert_items("d", items)
    assert raised.value.details["conflicts"] == [
        {"index": 1, "external_id": "n", "existing_item_id": first.id, "reason": "payload_mismatch"},
        {"index": 2, "external_id": "m", "existing_item_id": new.id, "reason": "deleted"},
    ]
    assert await inputs(datasets) == {2}


async def test_items_of_another_tenant_are_hidden(datasets: mc.AsyncDatasetsStorage) -> None:
    await made(datasets, organization_id="org")
    item = await datasets.add_item("d", {"input": 1}, filters={"organization_id": "org"})
    other = {"organization_id": "other"}
    with pytest.raises(mc.NotFoundError, match="Dataset not found: d"):
        await datasets.add_item("d", {"input": 2}, filters=other)
    with pytest.raises(mc.NotFoundError, match="Dataset not found: d"):
        await datasets.update_item("d", item.id, {"input": 2}, filters=other)
    with pytest.raises(mc.NotFoundError, match="Dataset not found: d"):
        await datasets.batch_delete_items("d", [item.id], filters=other)
    await datasets.delete_item("d", item.id, filters=other)
    await datasets.purge_item("d", item.id, filters=other)
    await datasets.delete_dataset("d", filters=other)
    assert await datasets.get_dataset_by_id("d", filters=other) is None
    assert await datasets.get_item_by_id(item.id) == item


async def test_a_purged_item_says_nothing_any_more(deployment: mc.AsyncDeployment) -> None:
    """In none of its versions, and in no result of an experiment with it."""
    store = mc.AsyncConvexStore(deployment)
    datasets, experiments = store.datasets, store.experiments
    await made(datasets)
    item = await datasets.add_item("d", {"input": "secret", "ground_truth": "secret", "metadata": {"a": "secret"}})
    await datasets.update_item("d", item.id, {"input": "secret too"})
    await experiments.create_experiment({"id": "x", "dataset_id": "d"})
    result = {"id": "r", "experiment_id": "x", "item_id": item.id, "input": "secret", "output": "secret"}
    await experiments.add_experiment_result(result)
    await datasets.purge_item("d", item.id)
    versions = await datasets.get_item_history(item.id)
    stored = await experiments.get_experiment_result_by_id("r")
    assert "secret" not in f"{versions} {stored}"
    assert [version.dataset_version for version in versions] == [2, 1]
    assert all(version.metadata and version.metadata["__purged"] is True for version in versions)
    late = await experiments.upsert_experiment_result({**result, "id": "s", "attempt": 1})
    assert (late.input, late.output, late.metadata) == (None, None, versions[0].metadata)
    with pytest.raises(mc.FunctionError, match="Purged dataset item cannot be updated") as raised:
        await datasets.update_item("d", item.id, {"input": 1})
    assert raised.value.code == "DatasetItemPurged"


async def test_a_deleted_dataset_takes_its_items_along(deployment: mc.AsyncDeployment) -> None:
    """Experiments on it stay, without a dataset. A new dataset with its id begins anew."""
    store = mc.AsyncConvexStore(deployment)
    await made(store.datasets)
    items = await store.datasets.batch_insert_items("d", [{"input": n} for n in range(60)])
    await store.experiments.create_experiment({"id": "x", "dataset_id": "d", "dataset_version": 1})
    await store.datasets.delete_dataset("d")
    await store.datasets.delete_dataset("d")
    assert await store.datasets.get_dataset_by_id("d") is None
    assert await store.datasets.get_item_history(items[0].id) == []
    experiment = await store.experiments.get_experiment_by_id("x")
    assert experiment is not None
    assert (experiment.dataset_id, experiment.dataset_version) == (None, None)
    await made(store.datasets)
    assert (await store.datasets.list_items("d")).total == 0
    assert (await store.datasets.list_dataset_versions("d")).total == 0


async def test_items_satisfy_the_schemas_of_their_dataset(datasets: mc.AsyncDatasetsStorage) -> None:
    """The error names the item, the place in it and what is wrong; nothing is written."""
    await made(datasets, input_schema=NUMBERS, ground_truth_schema={"type": "integer"})
    item = await datasets.add_item("d", {"input": {"n": 1}, "ground_truth": 1})
    await datasets.add_item("d", {"input": {"n": 2}})
    with pytest.raises(mc.InvalidArgumentError, match=r"items\[1\]: input at /: 'n' is a required") as raised:
        await datasets.batch_insert_items("d", [{"input": {"n": 3}}, {"input": {}}])
    assert raised.value.details == {
        "field": "input",
        "errors": [{"path": "/", "message": "'n' is a required property"}],
    }
    with pytest.raises(mc.InvalidArgumentError, match="item: ground_truth at /: 'one' is not of type 'integer'"):
        await datasets.add_item("d", {"input": {"n": 3}, "ground_truth": "one"})
    with pytest.raises(mc.InvalidArgumentError, match="update: ground_truth at /"):
        await datasets.update_item("d", item.id, {"ground_truth": "one"})
    await datasets.update_item("d", item.id, {"ground_truth": None})
    assert (await datasets.list_dataset_versions("d")).total == 3


async def test_a_new_schema_must_hold_for_all_items(datasets: mc.AsyncDatasetsStorage) -> None:
    """The error has the items that don't satisfy it, and nothing changes. Without schema anything goes again."""
    await made(datasets)
    await datasets.batch_insert_items("d", [{"input": {"n": 1}}, {"input": "text"}])
    with pytest.raises(mc.InvalidArgumentError, match="1 values of the dataset's items don't satisfy") as raised:
        await datasets.update_dataset("d", {"input_schema": NUMBERS})
    [invalid] = raised.value.details["invalid"]
    assert (invalid["field"], invalid["errors"][0]["path"]) == ("input", "/")
    await datasets.delete_item("d", invalid["id"])
    assert (await datasets.update_dataset("d", {"input_schema": NUMBERS})).input_schema == NUMBERS
    with pytest.raises(mc.InvalidArgumentError, match="ground_truth_schema is no JSON Schema"):
        await datasets.update_dataset("d", {"ground_truth_schema": {"type": "numbre"}})
    await datasets.update_dataset("d", {"input_schema": None})
    assert (await datasets.add_item("d", {"input": "text"})).input == "text"


async def test_a_schema_is_loaded_from_nowhere(
    datasets: mc.AsyncDatasetsStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `$ref` to an address is an error: no request goes out."""
    requests: list[Any] = []
    monkeypatch.setattr("urllib.request.urlopen", requests.append)
    await made(datasets, input_schema={"$ref": "https://example.com/schema.json"})
    with pytest.raises(mc.InvalidArgumentError, match="add_item: item: input: the input_schema can't be resolved"):
        await datasets.add_item("d", {"input": 1})
    assert requests == []


async def test_a_schema_needs_an_extra(datasets: mc.AsyncDatasetsStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without jsonschema, a dataset with a schema takes no items, and the hint says what to install."""
    await made(datasets, input_schema=NUMBERS)
    await made(datasets, "e")
    monkeypatch.setitem(sys.modules, "jsonschema", None)
    with pytest.raises(mc.ConfigurationError, match="add_item: the dataset has an input_schema") as raised:
        await datasets.add_item("d", {"input": {"n": 1}})
    assert "mastra-convex[datasets]" in (raised.value.hint or "")
    assert (await datasets.add_item("e", {"input": 1})).input == 1


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({}, "item: input missing"),
        ({"input": object()}, "input"),
        ({"input": 1, "dataset_version": 3}, "item has dataset_version; expected input, ground_truth"),
        ({"input": 1, "odd": 3}, "has no 'odd'"),
        ({"input": 1, "external_id": ""}, "external_id is ''; expected text, not empty"),
        ({"input": 1, "unmocked_tool_policy": "maybe"}, "unmocked_tool_policy is 'maybe'"),
    ],
)
async def test_invalid_items_are_refused(datasets: mc.AsyncDatasetsStorage, item: Any, message: str) -> None:
    await made(datasets)
    with pytest.raises(mc.InvalidArgumentError, match=f"DatasetsStorage.add_item: .*{message}"):
        await datasets.add_item("d", item)
    assert (await datasets.list_items("d")).total == 0
