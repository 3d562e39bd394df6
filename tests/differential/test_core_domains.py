"""Domains that npm ``@mastra/convex`` doesn't have, beside the stores that ``@mastra/core`` keeps in memory."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import pytest

import mastra_convex as mc
from mastra_convex.records._columns import columns_of
from tests.support.checkout import CLIENTS

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGED: dict[str, Any] = {"pagination": {"page": 0, "per_page": 100}}

# Arguments whose fields core takes beside the other ones.
FLAT = ("notification", "update", "dataset", "item", "experiment", "result")
# Core takes these one after the other.
POSITIONAL = ("harness",)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
GIVEN = {f"{(NOON + n * HOUR).isoformat(timespec='milliseconds')[:-6]}Z" for n in range(-5, 6)}

Step = tuple[str, dict[str, Any]]


def made(call: int, *path: Any) -> dict[str, Any]:
    """A part of the result of an earlier call."""
    return {"$result": [call, *path]}


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


def named(value: Any) -> Any:
    """A mapping of options or of a record, by core's names."""
    if isinstance(value, Mapping) and "$result" not in value:
        return {camel(name): given(name, part) for name, part in value.items()}
    return value


def given(name: str, value: Any) -> Any:
    """An argument as core takes it."""
    if isinstance(value, datetime):
        return {"$date": value.isoformat()}
    if name in ("filters", "pagination", "order_by", "session", "updates"):
        return named(value)
    if name in ("items", "pending"):
        return [named(item) for item in value]
    if name == "per_page" and value is None:
        return False
    return camel(value) if name == "field" else value


def core(domain: str, steps: list[Step]) -> list[Any]:
    """The results of core."""
    calls = []
    for method, arguments in steps:
        if domain in POSITIONAL:
            positional = [named(v) if name == "item" else given(name, v) for name, v in arguments.items()]
        else:
            flat: dict[str, Any] = {}
            for name, value in arguments.items():
                flat |= named(value) if name in FLAT else {camel(name): given(name, value)}
            positional = [flat] if arguments else []
            if method == "get_item_history":
                positional = list(flat.values())
        calls.append([camel(domain), camel(method), *positional])
    command = ["node", str(CLIENTS / "core_calls.js")]
    done = subprocess.run(command, input=json.dumps(calls), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    for result in results:
        # Our pages are flat.
        if isinstance(result, dict) and "pagination" in result:
            result |= result.pop("pagination")
    return results


def ours(store: mc.ConvexStore, domain: str, steps: list[Step]) -> list[Any]:
    """Our results, by core's names."""
    results: list[Any] = []

    def resolved(value: Any) -> Any:
        if isinstance(value, Mapping) and "$result" in value:
            call, *path = value["$result"]
            return reduce(lambda part, name: part[name], path, results[call])
        if isinstance(value, Mapping):
            return {name: resolved(part) for name, part in value.items()}
        return [resolved(item) for item in value] if isinstance(value, list) else value

    for method, arguments in steps:
        try:
            results.append(plain(getattr(getattr(store, domain), method)(**resolved(arguments))))
        except mc.MastraConvexError as error:
            results.append({"$error": str(error)})
    return results


def plain(value: Any) -> Any:
    """Records by core's names."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if is_dataclass(value) and not isinstance(value, type):
        columns = columns_of(type(value)) if hasattr(value, "_TABLE") else {}
        parts = {field.name: getattr(value, field.name) for field in fields(value)}
        return {columns[name].name if name in columns else camel(name): plain(part) for name, part in parts.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def compared(result: Any, ids: dict[str, str]) -> Any:
    """A result without what differs from run to run: random ids by their order, times of now, absence and None."""
    if isinstance(result, dict):
        if "$error" in result:
            return "an error"
        # Core's items don't say whether they are current, and the rows of versions have random ids.
        hidden = ("id",) if result.keys() == {"id", "datasetId", "version", "createdAt"} else ("validTo", "isDeleted")
        kept = {name: part for name, part in result.items() if name not in hidden}
        found = {name: compared(part, ids) for name, part in sorted(kept.items())}
        return {name: part for name, part in found.items() if part not in (None, [], False)}
    if isinstance(result, list):
        return [compared(item, ids) for item in in_order(result)]
    if not isinstance(result, str):
        return result
    if UUID.fullmatch(result):
        return ids.setdefault(result, f"id {len(ids)}")
    return "now" if TIME.fullmatch(result) and result not in GIVEN else result


def in_order(items: list[Any]) -> list[Any]:
    """Items of datasets by their input: core orders those of one millisecond by their random ids."""
    is_items = all(isinstance(item, dict) and "datasetVersion" in item and "input" in item for item in items)
    return sorted(items, key=lambda item: json.dumps([item["input"], item["datasetVersion"]])) if is_items else items


@pytest.fixture
def store() -> Iterator[mc.ConvexStore]:
    with mc.ConvexStore(":memory:") as store:
        yield store


def notification(id: str, **fields: Any) -> Step:
    needed = {"thread_id": "t", "source": "github", "kind": "ci", "summary": f"Run {id}"}
    return "create_notification", {"notification": {"id": id, **needed, **fields}}


THREAD_STATE: list[Step] = [
    ("get_state", {"thread_id": "t", "type": "task"}),
    ("set_state", {"thread_id": "t", "type": "task", "value": [{"id": 1}]}),
    ("set_state", {"thread_id": "t", "type": "goal", "value": {"a": None}}),
    ("set_state", {"thread_id": "t", "type": "task", "value": "new"}),
    ("get_state", {"thread_id": "t", "type": "task"}),
    ("delete_state", {"thread_id": "t", "type": "task"}),
    ("delete_state", {"thread_id": "u", "type": "task"}),
    ("get_state", {"thread_id": "t", "type": "task"}),
    ("get_state", {"thread_id": "t", "type": "goal"}),
]

NOTIFICATIONS: list[Step] = [
    notification("a", created_at=NOON, coalesce_key="k", attributes={"a": 1}, priority="high", deliver_at=NOON),
    notification("b", created_at=NOON + HOUR, dedupe_key="d", metadata={"m": 1}, summary_at=NOON - HOUR),
    notification("c", coalesce_key="k", dedupe_key="d", attributes={"b": 2}, payload=[1], summary_at=NOON + HOUR),
    notification("d", dedupe_key="d", priority="low", delivery_reason="r"),
    notification("e", created_at=NOON + 2 * HOUR, coalesce_key="k", agent_id="x", resource_id="r"),
    notification("f", created_at=NOON + 3 * HOUR, thread_id="u", deliver_at=NOON - 2 * HOUR),
    notification("g", created_at=NOON + 4 * HOUR, summary="FULL disk", source="mail", deliver_at=NOON + 5 * HOUR),
    ("list_notifications", {"thread_id": "t", "priority": ["medium"]}),
    ("list_notifications", {"thread_id": "t", "search": "full"}),
    ("list_notifications", {"thread_id": "t", "source": "mail", "status": "pending", "limit": 1}),
    ("list_notifications", {"thread_id": "t", "agent_id": "x", "resource_id": "r"}),
    ("list_due_notifications", {"now": NOON}),
    ("list_due_notifications", {"now": NOON, "limit": 2}),
    ("list_due_notifications", {"now": NOON + 5 * HOUR, "agent_id": "x"}),
    ("update_notification", {"thread_id": "t", "id": "a", "update": {"status": "delivered", "deliver_at": None}}),
    ("update_notification", {"thread_id": "t", "id": "f", "update": {"status": "seen"}}),
    ("update_notification", {"thread_id": "u", "id": "f", "update": {"payload": 1, "delivery_attempts": 2}}),
    notification("h", coalesce_key="k"),
    ("update_notifications_status", {"thread_id": "t", "ids": ["g", "none", "b", "g"], "status": "archived"}),
    ("get_notification", {"thread_id": "t", "id": "b"}),
    ("get_notification", {"thread_id": "u", "id": "b"}),
    ("list_due_notifications", {"now": NOON + 5 * HOUR}),
]

DATASETS: list[Step] = [
    ("create_dataset", {"dataset": {"id": "d", "name": "Maths", "organization_id": "org", "target_ids": ["a"]}}),
    ("create_dataset", {"dataset": {"id": "d", "name": "Other", "organization_id": "org"}}),
    ("create_dataset", {"dataset": {"id": "d", "name": "Other"}}),
    ("add_item", {"dataset_id": "d", "item": {"input": "a", "external_id": "n", "metadata": {"m": 1}}}),
    ("batch_insert_items", {"dataset_id": "d", "items": [{"input": "b", "ground_truth": 2}, {"input": {"c": 3}}]}),
    ("update_item", {"dataset_id": "d", "id": made(3, "id"), "update": {"input": "a2", "scorer_ids": ["s"]}}),
    ("update_item", {"dataset_id": "d", "id": made(3, "id"), "update": {"scorer_ids": None}}),
    ("add_item", {"dataset_id": "d", "item": {"input": "a", "external_id": "n", "metadata": {"m": 1}}}),
    ("add_item", {"dataset_id": "d", "item": {"input": "x", "external_id": "n"}}),
    ("delete_item", {"dataset_id": "d", "id": made(4, 0, "id")}),
    ("delete_item", {"dataset_id": "d", "id": made(4, 0, "id")}),
    ("update_item", {"dataset_id": "d", "id": made(4, 0, "id"), "update": {"input": 1}}),
    ("list_items", {"dataset_id": "d", **PAGED}),
    ("list_items", {"dataset_id": "d", "pagination": {"page": 0, "per_page": None}, "version": 2}),
    ("list_items", {"dataset_id": "d", **PAGED, "search": '{"C":3'}),
    ("list_items", {"dataset_id": "d", **PAGED, "filters": {"organization_id": "other"}}),
    ("get_items_by_version", {"dataset_id": "d", "version": 1}),
    ("get_item_by_id", {"id": made(3, "id")}),
    ("get_item_by_id", {"id": made(3, "id"), "dataset_version": 1}),
    ("get_item_by_id", {"id": made(4, 0, "id"), "dataset_version": 5}),
    ("get_item_history", {"item_id": made(3, "id")}),
    ("batch_delete_items", {"dataset_id": "d", "item_ids": [made(3, "id"), "none"]}),
    ("add_item", {"dataset_id": "d", "item": {"input": "a", "external_id": "n", "metadata": {"m": 1}}}),
    ("batch_delete_items", {"dataset_id": "d", "item_ids": ["none"]}),
    ("batch_delete_items", {"dataset_id": "none", "item_ids": []}),
    ("list_dataset_versions", {"dataset_id": "d", "pagination": {"page": 0, "per_page": 3}}),
    ("update_dataset", {"id": "d", "update": {"name": "New", "tags": ["t"]}, "filters": {"organization_id": "org"}}),
    ("update_dataset", {"id": "d", "update": {"name": "No"}, "filters": {"organization_id": "other"}}),
    ("list_datasets", {**PAGED, "filters": {"name": "nEw", "target_ids": ["a", "b"]}}),
    ("list_datasets", {**PAGED, "filters": {"target_ids": ["b"]}}),
    # A second one would meet core's cache, which keeps the first one's schema for the check of items.
    ("update_dataset", {"id": "d", "update": {"input_schema": {"type": "object"}}}),
    ("add_item", {"dataset_id": "d", "item": {"input": "no object"}}),
    ("add_item", {"dataset_id": "d", "item": {"input": {}}, "filters": {"organization_id": "other"}}),
    ("purge_item", {"dataset_id": "d", "id": made(4, 1, "id")}),
    ("update_item", {"dataset_id": "d", "id": made(4, 1, "id"), "update": {"input": {}}}),
    ("get_item_history", {"item_id": made(4, 1, "id")}),
    ("delete_dataset", {"id": "d", "filters": {"organization_id": "other"}}),
    ("get_dataset_by_id", {"id": "d", "filters": {"organization_id": "org"}}),
    ("delete_dataset", {"id": "d"}),
    ("get_dataset_by_id", {"id": "d"}),
    ("list_items", {"dataset_id": "d", **PAGED}),
    ("list_dataset_versions", {"dataset_id": "d", **PAGED}),
]

RESULT = {
    "experiment_id": "x",
    "item_id": "i",
    "item_dataset_version": 1,
    "input": 1,
    "output": 2,
    "ground_truth": None,
    "error": None,
    "started_at": NOON,
    "completed_at": NOON + HOUR,
    "retry_count": 0,
}
EXPERIMENT = {"dataset_id": "d", "dataset_version": 1, "target_type": "agent", "target_id": "a", "total_items": 2}
EXPERIMENTS: list[Step] = [
    ("create_experiment", {"experiment": {"id": "x", **EXPERIMENT, "name": "First", "organization_id": "org"}}),
    ("create_experiment", {"experiment": {"id": "y", **EXPERIMENT, "experiment_set_id": "s", "trial_index": 0}}),
    ("update_experiment", {"id": "x", "update": {"status": "running", "started_at": NOON, "succeeded_count": 1}}),
    ("update_experiment", {"id": "none", "update": {"status": "running"}}),
    ("list_experiments", {**PAGED, "status": "running", "dataset_id": "d"}),
    ("list_experiments", {**PAGED, "trial_index": 0, "experiment_set_id": "s"}),
    ("list_experiments", {**PAGED, "filters": {"organization_id": "org"}}),
    ("get_experiment_by_id", {"id": "x", "filters": {"organization_id": "other"}}),
    ("add_experiment_result", {"result": {"id": "r", **RESULT, "tags": ["a", "b"], "trace_id": "t"}}),
    ("update_experiment_result", {"id": "r", "update": {"comment": "good", "status": "reviewed"}}),
    ("update_experiment_result", {"id": "r", "update": {"tags": None}, "experiment_id": "y"}),
    ("upsert_experiment_result", {"result": {**RESULT, "output": 3, "started_at": NOON + HOUR}}),
    ("upsert_experiment_result", {"result": {**RESULT, "attempt": 1, "tags": ["b"]}}),
    ("list_experiment_results", {"experiment_id": "x", **PAGED}),
    ("list_experiment_results", {"experiment_id": "x", **PAGED, "order_by": {"direction": "DESC"}}),
    ("list_experiment_results", {"experiment_id": "x", **PAGED, "tags": ["b"]}),
    ("list_experiment_results", {"experiment_id": "x", "pagination": {"page": 1, "per_page": 1}}),
    ("get_experiment_result_by_id", {"id": "r"}),
    ("get_review_summary", {}),
    ("delete_experiment_results", {"experiment_id": "x", "filters": {"organization_id": "other"}}),
    ("get_review_summary", {}),
    ("delete_experiment", {"id": "x", "filters": {"organization_id": "org"}}),
    ("get_experiment_result_by_id", {"id": "r"}),
    ("get_experiment_by_id", {"id": "x"}),
]

SESSION = {
    "id": "s",
    "owner_id": "o",
    "resource_id": "r",
    "thread_id": "t",
    "origin": "top-level",
    "mode_id": "build",
    "model_id": "m",
    "created_at": NOON,
    "last_activity_at": NOON,
    "title": "Old",
}
ITEM = {"id": "p", "kind": "question", "status": "pending", "session_id": "s", "created_at": NOON, "updated_at": NOON}
HARNESS: list[Step] = [
    ("load_session", {"session_id": "s"}),
    ("update_session", {"session_id": "s", "updates": {"title": "New"}}),
    ("save_session", {"session": SESSION}),
    ("load_session", {"session_id": "s"}),
    ("update_session", {"session_id": "s", "updates": {"title": "New", "state": {"a": 1}}}),
    ("update_session", {"session_id": "s", "updates": {"last_activity_at": NOON + HOUR, "closed_at": NOON}}),
    ("append_pending_item", {"session_id": "s", "item": {**ITEM, "payload": {"q": "Why?"}}}),
    ("append_pending_item", {"session_id": "s", "item": ITEM}),
    ("append_pending_item", {"session_id": "s", "item": {**ITEM, "id": "p2"}}),
    ("update_pending_item", {"session_id": "s", "pending_item_id": "p", "updates": {"status": "responded"}}),
    ("update_pending_item", {"session_id": "s", "pending_item_id": "none", "updates": {"status": "failed"}}),
    ("remove_pending_item", {"session_id": "s", "pending_item_id": "p"}),
    ("remove_pending_item", {"session_id": "s", "pending_item_id": "none"}),
    ("save_session", {"session": {**SESSION, "id": "u"}}),
    ("list_sessions", {}),
]


@pytest.mark.parametrize(
    ("domain", "steps"),
    [
        ("thread_state", THREAD_STATE),
        ("notifications", NOTIFICATIONS),
        ("datasets", DATASETS),
        ("experiments", EXPERIMENTS),
        ("harness", HARNESS),
    ],
)
def test_a_domain_does_what_core_does(store: mc.ConvexStore, domain: str, steps: list[Step]) -> None:
    """The same calls have the same results, or are errors in both."""
    expected, found = core(domain, steps), ours(store, domain, steps)
    theirs: dict[str, str] = {}
    mine: dict[str, str] = {}
    for (method, arguments), a, b in zip(steps, expected, found, strict=True):
        # Core's saves return nothing.
        if method != "save_session":
            assert compared(b, mine) == compared(a, theirs), (method, arguments, b)
