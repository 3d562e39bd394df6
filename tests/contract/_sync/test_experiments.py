# Generated from _async/test_experiments.py by tools/unasync.py: edit that.
"""Experiments, their results, and the reviews of these."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import mastra_convex as mc

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def experiments(deployment: mc.Deployment) -> mc.ExperimentsStorage:
    return mc.ConvexStore(deployment).experiments


def result(id: str, **fields: Any) -> dict[str, Any]:
    return {"id": id, "experiment_id": "x", "item_id": "i", "input": 1, "started_at": NOON, **fields}


def test_an_experiment_comes_back_as_it_was_created(experiments: mc.ExperimentsStorage) -> None:
    """Missing fields are filled in. An id is taken once."""
    given = mc.Experiment(name="a", dataset_id="d", dataset_version=2, total_items=3, provenance={"$source": "ci"})
    created = experiments.create_experiment(given)
    assert created == given == experiments.get_experiment_by_id(given.id)
    assert (created.status, created.succeeded_count, created.started_at) == ("pending", 0, None)
    assert experiments.get_experiment_by_id("none") is None
    with pytest.raises(mc.AlreadyExistsError, match="create_experiment: Experiment with id"):
        experiments.create_experiment({"id": given.id})


def test_an_update_changes_the_given_fields(experiments: mc.ExperimentsStorage) -> None:
    experiments.create_experiment({"id": "x", "name": "a", "created_at": NOON, "updated_at": NOON})
    update = {"status": "completed", "completed_at": NOON + HOUR, "failed_count": 1, "metadata": {"$m": 1}}
    after = experiments.update_experiment("x", update)
    assert after == experiments.get_experiment_by_id("x")
    assert (after.status, after.completed_at, after.failed_count) == ("completed", NOON + HOUR, 1)
    assert (after.name, after.metadata, after.created_at) == ("a", {"$m": 1}, NOON)
    assert after.updated_at > NOON
    with pytest.raises(mc.NotFoundError, match="update_experiment: Experiment not found: none"):
        experiments.update_experiment("none", {"status": "failed"})
    with pytest.raises(mc.InvalidArgumentError, match="update has dataset_id; expected name, "):
        experiments.update_experiment("x", {"dataset_id": "e"})


def test_experiments_are_listed_newest_first(experiments: mc.ExperimentsStorage) -> None:
    """All given conditions must hold."""
    many: list[dict[str, Any]] = [
        {"dataset_id": "d", "status": "running", "experiment_set_id": "s", "trial_index": 0},
        {"dataset_id": "d", "target_type": "agent", "target_id": "a", "experiment_set_id": "s", "trial_index": 1},
        {"agent_version": "v", "comparison_id": "c", "variant_id": "b", "organization_id": "org"},
    ]
    for hours, fields in enumerate(many):
        experiments.create_experiment({"id": f"{hours}", "created_at": NOON + hours * HOUR, **fields})

    def ids(**conditions: Any) -> list[str]:
        return [experiment.id for experiment in experiments.list_experiments(**conditions)]

    assert ids() == ["2", "1", "0"]
    assert ids(dataset_id="d") == ["1", "0"]
    assert ids(dataset_id="d", status="pending") == ["1"]
    assert ids(experiment_set_id="s", trial_index=0) == ["0"]
    assert ids(target_type="agent", target_id="a") == ["1"]
    assert ids(agent_version="v", comparison_id="c", variant_id="b") == ["2"]
    assert ids(filters={"organization_id": "org"}) == ["2"]
    assert ids(order_by={"field": "status", "direction": "ASC"}) == ["1", "2", "0"]
    page = experiments.list_experiments({"page": 0, "per_page": 2})
    assert ([experiment.id for experiment in page.experiments], page.total, page.has_more) == (["2", "1"], 3, True)


def test_results_come_in_the_order_they_started(experiments: mc.ExperimentsStorage) -> None:
    """Those of one time by their ids. All given conditions must hold."""
    many: list[dict[str, Any]] = [
        {"started_at": NOON + HOUR, "tags": ["a", "b"], "trace_id": "t"},
        {"tags": ["b"], "status": "reviewed", "created_at": NOON + HOUR},
        {"organization_id": "org", "created_at": NOON},
        {"experiment_id": "y"},
    ]
    for n, fields in enumerate(many):
        experiments.add_experiment_result(result(f"{n}", item_id=f"i{n}", **fields))

    def ids(**conditions: Any) -> list[str]:
        return [found.id for found in experiments.list_experiment_results("x", **conditions)]

    assert ids() == ["1", "2", "0"]
    assert ids(order_by={"direction": "DESC"}) == ["0", "2", "1"]
    assert ids(order_by={"field": "created_at"}) == ["2", "1", "0"]
    assert ids(tags=["b"]) == ["1", "0"]
    assert ids(tags=["b", "a"], trace_id="t") == ["0"]
    assert ids(tags=[]) == ids()
    assert ids(status="reviewed") == ["1"]
    assert ids(filters={"organization_id": "org"}) == ["2"]
    page = experiments.list_experiment_results("x", {"page": 1, "per_page": 2})
    assert ([found.id for found in page.results], page.total, page.has_more) == (["0"], 3, False)


def test_a_repeated_submission_is_one_result(experiments: mc.ExperimentsStorage) -> None:
    """It replaces the result of its attempt, which keeps its id, its date and the reviewer's comment."""
    first = experiments.upsert_experiment_result(result("a", output={"$o": 1}, tags=["t"], status="needs-review"))
    assert first == experiments.get_experiment_result_by_id("a")
    experiments.update_experiment_result("a", {"comment": "good", "tags": None})
    second = experiments.upsert_experiment_result(result("b", output=2, created_at=NOON))
    assert (second.id, second.output, second.comment) == ("a", 2, "good")
    assert (second.created_at, second.tags, second.status) == (first.created_at, None, None)
    other = experiments.upsert_experiment_result(result("c", attempt=1))
    assert other.id == "c"
    assert (experiments.list_experiment_results("x")).total == 2
    with pytest.raises(mc.AlreadyExistsError, match="add_experiment_result: Experiment result with id"):
        experiments.add_experiment_result(result("c"))


def test_a_review_changes_status_tags_and_comment(experiments: mc.ExperimentsStorage) -> None:
    added = experiments.add_experiment_result(result("a", error={"message": "no"}))
    update = {"status": "complete", "tags": ["t"], "comment": "c"}
    reviewed = experiments.update_experiment_result("a", update, experiment_id="x")
    assert reviewed == experiments.get_experiment_result_by_id("a")
    assert (reviewed.status, reviewed.tags, reviewed.comment, reviewed.error) == ("complete", ["t"], "c", added.error)
    with pytest.raises(mc.NotFoundError, match="result a does not belong to experiment y"):
        experiments.update_experiment_result("a", update, experiment_id="y")
    with pytest.raises(mc.NotFoundError, match="Experiment result not found: none"):
        experiments.update_experiment_result("none", update)
    with pytest.raises(mc.InvalidArgumentError, match="update has output; expected status, tags, comment"):
        experiments.update_experiment_result("a", {"output": 1})


def test_reviews_are_counted(experiments: mc.ExperimentsStorage) -> None:
    """By experiment, also beyond what one transaction reads."""
    statuses = ["complete", "reviewed", "needs-review", None]
    for n in range(110):
        experiments.add_experiment_result(result(f"{n}", item_id=f"i{n}", status=statuses[n % 4]))
    experiments.add_experiment_result(result("y", experiment_id="y"))
    assert experiments.get_review_summary() == [
        mc.ReviewCounts(experiment_id="x", total=110, needs_review=27, reviewed=28, complete=28),
        mc.ReviewCounts(experiment_id="y", total=1),
    ]


def test_an_experiment_is_deleted_with_its_results(experiments: mc.ExperimentsStorage) -> None:
    """Another tenant's isn't, and results can be deleted alone."""
    for id in ("x", "y"):
        experiments.create_experiment({"id": id, "organization_id": "org"})
        for n in range(30):
            experiments.add_experiment_result(result(f"{id}{n}", experiment_id=id, item_id=f"i{n}"))
    other = {"organization_id": "other"}
    experiments.delete_experiment("x", filters=other)
    experiments.delete_experiment_results("x", filters=other)
    assert experiments.get_experiment_by_id("x", filters=other) is None
    assert (experiments.list_experiment_results("x")).total == 30
    experiments.delete_experiment("x")
    experiments.delete_experiment("x")
    experiments.delete_experiment_results("y", filters={"organization_id": "org"})
    assert experiments.get_experiment_by_id("x") is None
    assert experiments.get_experiment_by_id("y") is not None
    assert [(experiments.list_experiment_results(id)).total for id in ("x", "y")] == [0, 0]


def test_old_experiments_are_pruned(deployment: mc.Deployment) -> None:
    """From their completion on, with their results: those that run stay."""
    store = mc.ConvexStore(deployment)
    for id, completed in (("old", NOON), ("new", datetime.now(UTC)), ("running", None)):
        store.experiments.create_experiment({"id": id, "created_at": NOON, "completed_at": completed})
        store.experiments.add_experiment_result(result(id, experiment_id=id))
    days = (datetime.now(UTC) - NOON).days
    report = store.prune({"mastra_experiments": {"max_age": timedelta(days=days)}})
    assert report == {"mastra_experiments": 1, "mastra_experiment_results": 1}
    assert [found.id for found in store.experiments.list_experiments()] == ["running", "new"]
