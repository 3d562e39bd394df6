"""One deployment, two languages: npm `@mastra/convex` reads what Python writes, and the other way round."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

import mastra_convex as mc
from mastra_convex._sync.store.domains import all_domains
from tests.support.checkout import CLIENTS
from tests.support.served import Served, serve

CALLS = CLIENTS / "calls.js"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ISO = "2026-01-01T12:00:00.000Z"
DATE = {"$date": ISO}
# Keys that Convex refuses.
ODD = {"$schema": ["ü", None, 1.5], "ключ": {"camelCase": True, "snake_case": 2}}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve(data=":memory:") as served:
        yield served


@pytest.fixture
def store(served: Served) -> Iterator[mc.ConvexStore]:
    """An empty store."""
    with mc.ConvexStore(served.url, admin_key=served.admin_key) as store:
        for name in all_domains():
            domain = store.get_store(name)
            assert domain is not None
            domain.dangerously_clear_all()
        yield store


def npm(served: Served, *calls: list[Any]) -> list[Any]:
    """The results of calls of npm's client, ``[domain, method, *arguments]``."""
    command = ["node", str(CALLS), *served]
    done = subprocess.run(command, input=json.dumps(calls), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    results: list[Any] = json.loads(done.stdout)
    return results


def test_workflows(served: Served, store: mc.ConvexStore) -> None:
    """Snapshots, merges and lists of workflow runs are shared by both clients."""
    key = {"workflowName": "w", "runId": "python"}
    snapshot = {"status": "running", "context": {"input": ODD}}
    store.workflows.persist_workflow_snapshot("w", "python", snapshot, resource_id="ada", created_at=NOON)
    merged = {"context": {"input": ODD, "s": {"output": ODD}}, "requestContext": {"a": 1}}
    loaded, run, context, listed = npm(
        served,
        ["workflows", "loadWorkflowSnapshot", key],
        ["workflows", "getWorkflowRunById", key],
        [
            "workflows",
            "updateWorkflowResults",
            {**key, "stepId": "s", "result": {"output": ODD}, "requestContext": {"a": 1}},
        ],
        ["workflows", "listWorkflowRuns", {"status": "running", "resourceId": "ada"}],
    )
    assert loaded == snapshot
    assert (run["createdAt"], run["resourceId"]) == (ISO, "ada")
    assert context == merged["context"]
    assert [each["runId"] for each in listed["runs"]] == ["python"]
    assert store.workflows.load_workflow_snapshot("w", "python") == {**snapshot, **merged}

    persisted = {"workflowName": "w", "runId": "npm", "snapshot": snapshot, "createdAt": DATE, "resourceId": "ada"}
    npm(served, ["workflows", "persistWorkflowSnapshot", persisted])
    found = store.workflows.get_workflow_run_by_id("npm")
    assert found is not None
    assert (found.snapshot, found.created_at, found.resource_id) == (snapshot, NOON, "ada")
    assert store.workflows.list_workflow_runs(status="running", resource_id="ada").total == 2


def test_scores(served: Served, store: mc.ConvexStore) -> None:
    """Scores of both clients are listed."""
    plain = {"a": [1, None, {"b": "ü"}]}
    saved = store.scores.save_score(
        {"scorer_id": "tone", "run_id": "r", "score": 0.5, "input": plain, "output": "text", "reason": "because"}
    )
    [found, page] = npm(
        served,
        ["scores", "getScoreById", {"id": saved.id}],
        ["scores", "listScoresByRunId", {"runId": "r", "pagination": {"page": 0, "perPage": 5}}],
    )
    assert (found["score"], found["input"], found["output"], found["reason"]) == (0.5, plain, "text", "because")
    assert [score["id"] for score in page["scores"]] == [saved.id]
    payload = {
        "scorerId": "tone",
        "runId": "r",
        "score": 1,
        "scorer": {"id": "tone"},
        "input": plain,
        "output": "text",
        "source": "TEST",
        "entityId": "agent",
        "entityType": "AGENT",
        "entity": {"id": "agent"},
    }
    npm(served, ["scores", "saveScore", payload])
    [score] = store.scores.list_scores_by_entity_id("agent", "AGENT")
    assert (score.score, score.input, score.source, score.entity) == (1, plain, "TEST", {"id": "agent"})


def test_background_tasks(served: Served, store: mc.ConvexStore) -> None:
    """Background tasks and their claims are shared by both clients."""
    store.background_tasks.create_task(
        {"id": "python", "tool_name": "search", "agent_id": "a", "args": ODD, "created_at": NOON}
    )
    npm(served, ["backgroundTasks", "updateTask", "python", {"status": "running", "startedAt": DATE, "result": ODD}])
    found = store.background_tasks.get_task("python")
    assert found is not None
    assert (found.args, found.result, found.status, found.started_at) == (ODD, ODD, "running", NOON)
    task = {"toolName": "search", "toolCallId": "c", "agentId": "a", "runId": "r", "args": ODD, "retryCount": 0}
    created = {**task, "id": "npm", "status": "pending", "maxRetries": 2, "timeoutMs": 1000, "createdAt": DATE}
    npm(served, ["backgroundTasks", "createTask", created])
    claimed = store.background_tasks.claim_task("me")
    assert claimed is not None
    assert (claimed.id, claimed.args, claimed.max_retries, claimed.created_at) == ("npm", ODD, 2, NOON)
    one, both = npm(
        served,
        ["backgroundTasks", "getTask", "npm"],
        ["backgroundTasks", "listTasks", {"status": "running", "orderBy": "createdAt"}],
    )
    assert (one["status"], one["args"]) == ("running", ODD)
    assert both["total"] == 2


def test_schedules(served: Served, store: mc.ConvexStore) -> None:
    """Schedules, firings and triggers are shared by both clients."""
    target = {"type": "workflow", "workflowId": "w", "inputData": ODD}
    store.schedules.create_schedule(
        {"id": "python", "target": target, "cron": "0 9 * * *", "next_fire_at": 5, "metadata": ODD, "owner_id": "o"}
    )
    found, listed, fired, _ = npm(
        served,
        ["schedules", "getSchedule", "python"],
        ["schedules", "listSchedules", {"workflowId": "w", "ownerId": "o", "ownerType": None}],
        ["schedules", "updateScheduleNextFire", "python", 5, 6, 5, "run"],
        [
            "schedules",
            "recordTrigger",
            {"scheduleId": "python", "scheduledFireAt": 5, "actualFireAt": 5, "outcome": "published", "runId": "run"},
        ],
    )
    assert (found["target"], found["metadata"], found["nextFireAt"]) == (target, ODD, 5)
    assert [schedule["id"] for schedule in listed] == ["python"]
    assert fired is True
    assert not store.schedules.update_schedule_next_fire("python", 5, 7, 5, "run")
    assert [trigger.run_id for trigger in store.schedules.list_triggers("python")] == ["run"]
    schedule = {"id": "npm", "target": target, "cron": "x", "status": "active", "nextFireAt": 3}
    npm(served, ["schedules", "createSchedule", {**schedule, "createdAt": 1, "updatedAt": 1, "metadata": ODD}])
    due = store.schedules.list_due_schedules(10)
    assert [(each.id, each.target) for each in due] == [("npm", target), ("python", target)]
    assert due[0].metadata == ODD


def test_channels(served: Served, store: mc.ConvexStore) -> None:
    """Installations and configurations are shared by both clients."""
    store.channels.save_installation(
        {"id": "python", "platform": "slack", "agent_id": "a", "data": ODD, "created_at": NOON, "status": "active"}
    )
    store.channels.save_config({"platform": "slack", "data": ODD})
    installation = {"id": "npm", "platform": "slack", "agentId": "b", "status": "active", "webhookId": "w", "data": ODD}
    dates = {"createdAt": DATE, "updatedAt": DATE}
    found, config, _, _ = npm(
        served,
        ["channels", "getInstallationByAgent", "slack", "a"],
        ["channels", "getConfig", "slack"],
        ["channels", "saveInstallation", {**installation, **dates}],
        ["channels", "saveConfig", {"platform": "discord", "data": ODD, "updatedAt": DATE}],
    )
    assert (found["id"], found["data"], found["createdAt"]) == ("python", ODD, ISO)
    assert config["data"] == ODD
    other = store.channels.get_installation_by_webhook_id("w")
    assert other is not None
    assert (other.id, other.data, other.created_at) == ("npm", ODD, NOON)
    discord = store.channels.get_config("discord")
    assert discord is not None
    assert (discord.data, discord.updated_at) == (ODD, NOON)


def test_cache(served: Served) -> None:
    """Values, lists and counters are shared by both clients until they expire."""
    with mc.ConvexServerCache(served.url, admin_key=served.admin_key) as cache:
        cache.set("value", {"a": ["ü", None]})
        cache.list_push_indexed("list", "count", {"type": "text"})
        value, items, index, length = npm(
            served,
            ["cache", "get", "value"],
            ["cache", "listFromTo", "list", 0],
            ["cache", "listPushIndexed", "list", "count", {"type": "finish"}],
            ["cache", "listLength", "list"],
        )
        assert value == {"a": ["ü", None]}
        assert items == [{"type": "text", "index": 0}]
        assert (index, length) == (1, 2)
        assert cache.list_from_to("list", 1) == [{"type": "finish", "index": 1}]
        assert cache.increment("count") == 3
        npm(served, ["cache", "set", "npm", {"b": 1}, 1_000_000])
        assert cache.get("npm") == {"b": 1}
        npm(served, ["cache", "clear"])
        assert [cache.get("value"), cache.list_length("list")] == [None, 0]
