"""Runs of workflows: snapshots, merges of many writers, and ownership."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

import mastra_convex as mc
from tests.contract._async._call import together
from tests.contract.deployed import STORAGE

DAY = datetime(2026, 1, 1, tzinfo=UTC)

# To run more by hand: MERGES=200 pytest -k nothing_is_lost
MERGES = int(os.environ.get("MERGES", "12"))


@pytest.fixture
def workflows(deployment: mc.AsyncDeployment) -> mc.AsyncWorkflowsStorage:
    return mc.AsyncConvexStore(deployment).workflows


def snapshot(status: str = "running", **context: Any) -> dict[str, Any]:
    return {"status": status, "context": context, "runId": "r"}


async def persisted(workflows: mc.AsyncWorkflowsStorage, count: int, **fields: Any) -> None:
    """Runs r0, r1, … of two workflows in turn, created a day apart, every third suspended."""
    for n in range(count):
        await workflows.persist_workflow_snapshot(
            f"w{n % 2}",
            f"r{n}",
            snapshot("running" if n % 3 else "suspended"),
            created_at=DAY + timedelta(days=n),
            **fields,
        )


async def test_a_snapshot_comes_back_whatever_its_keys(workflows: mc.AsyncWorkflowsStorage) -> None:
    """A snapshot comes back unchanged, even with keys that Convex refuses."""
    given = snapshot(input={"$schema": "x", "ключ": [1.5, None]}, stepId={"output": {"camelCase": 1, "snake_case": 2}})
    await workflows.persist_workflow_snapshot("w", "r", given)
    assert await workflows.load_workflow_snapshot("w", "r") == given
    assert await workflows.load_workflow_snapshot("w", "other") is None


async def test_persisting_again_keeps_when_and_whose_a_run_is(workflows: mc.AsyncWorkflowsStorage) -> None:
    """Persisting again keeps the time of creation, and the resource unless another is given."""
    await workflows.persist_workflow_snapshot("w", "r", snapshot(), resource_id="ada", created_at=DAY, updated_at=DAY)
    await workflows.persist_workflow_snapshot("w", "r", snapshot("success"))
    run = await workflows.get_workflow_run_by_id("r", "w")
    assert run is not None
    assert (run.created_at, run.resource_id, run.snapshot["status"]) == (DAY, "ada", "success")
    assert run.updated_at > DAY
    await workflows.persist_workflow_snapshot("w", "r", snapshot(), resource_id="bob")
    run = await workflows.get_workflow_run_by_id("r", "w")
    assert run is not None
    assert run.resource_id == "bob"


async def test_runs_whose_names_join_to_one_are_two(workflows: mc.AsyncWorkflowsStorage) -> None:
    """The run `c` of workflow `a-b` differs from the run `b-c` of workflow `a`, also for deletion."""
    await workflows.persist_workflow_snapshot("a-b", "c", snapshot(n=1))
    await workflows.persist_workflow_snapshot("a", "b-c", snapshot(n=2))
    assert await workflows.load_workflow_snapshot("a-b", "c") == snapshot(n=1)
    assert await workflows.load_workflow_snapshot("a", "b-c") == snapshot(n=2)
    await workflows.delete_workflow_run_by_id("b-c", "a")
    await workflows.delete_workflow_run_by_id("b-c", "a")
    assert [run.workflow_name for run in await workflows.list_workflow_runs()] == ["a-b"]


async def test_results_are_merged_into_the_context(workflows: mc.AsyncWorkflowsStorage) -> None:
    """A step's result replaces the one before, and keys are added to the request context."""
    await workflows.persist_workflow_snapshot("w", "r", {**snapshot(input={"q": 1}), "requestContext": {"a": 1}})
    odd = {"status": "success", "output": {"$ref": "ü"}}
    merged = await workflows.update_workflow_results("w", "r", "s", odd, {"b": 2})
    assert merged == {"input": {"q": 1}, "s": odd}
    assert await workflows.update_workflow_results("w", "r", "s", {"output": 2}) == {
        "input": {"q": 1},
        "s": {"output": 2},
    }
    stored = await workflows.load_workflow_snapshot("w", "r")
    assert stored is not None
    assert stored["requestContext"] == {"a": 1, "b": 2}
    assert await workflows.update_workflow_results("w", "unknown", "s", {}) == {}


async def test_iterations_of_a_loop_are_merged_one_by_one(workflows: mc.AsyncWorkflowsStorage) -> None:
    """Missing elements come from the other result. A marker lets a suspended iteration run again."""
    suspended = {"status": "suspended", "suspendPayload": {}}
    await workflows.persist_workflow_snapshot("w", "r", snapshot(s={"status": "running", "output": [1, suspended]}))
    pending = {"__mastra_pending__": True}

    async def merge(*output: Any, **fields: Any) -> Any:
        return (await workflows.update_workflow_results("w", "r", "s", {"output": list(output), **fields}))["s"]

    assert await merge(None, None, 3) == {"status": "running", "output": [1, suspended, 3]}
    assert await merge(pending, pending, None, status="late") == {"status": "running", "output": [1, None, 3]}
    assert await merge(None, 2, status="success") == {"status": "success", "output": [1, 2, 3]}


async def test_nothing_is_lost_when_sixteen_merge_at_once(workflows: mc.AsyncWorkflowsStorage) -> None:
    """When sixteen writers merge at once, all results are stored as if they had taken turns."""
    await workflows.persist_workflow_snapshot("w", "r", snapshot())

    async def write(writer: int) -> None:
        for n in range(MERGES):
            result = {"output": writer * n}
            context = await workflows.update_workflow_results("w", "r", f"{writer}/{n}", result, {f"by{writer}": n})
            assert context[f"{writer}/{n}"] == result
            if n % 5 == 0:
                await workflows.update_workflow_state("w", "r", {f"field{writer}": n})

    await together([partial(write, writer) for writer in range(16)])
    stored = await workflows.load_workflow_snapshot("w", "r")
    assert stored is not None
    assert stored["context"] == {f"{w}/{n}": {"output": w * n} for w in range(16) for n in range(MERGES)}
    assert stored["requestContext"] == {f"by{w}": MERGES - 1 for w in range(16)}
    assert all(stored[f"field{w}"] == (MERGES - 1) // 5 * 5 for w in range(16))


async def test_state_is_set_only_at_the_expected_status(workflows: mc.AsyncWorkflowsStorage) -> None:
    """State is set only at the expected status, which is never stored itself."""
    assert await workflows.update_workflow_state("w", "r", {"status": "failed"}) is None
    await workflows.persist_workflow_snapshot("w", "r", snapshot())
    update = workflows.update_workflow_state
    assert await update("w", "r", {"status": "failed"}, expected_status="suspended") is None
    assert await update("w", "r", {"status": "failed"}, expected_status=["suspended", "pending"]) is None
    assert await workflows.load_workflow_snapshot("w", "r") == snapshot()
    expected = {**snapshot("suspended"), "suspendedPaths": {"$a": [0]}}
    changed = {"status": "suspended", "suspendedPaths": {"$a": [0]}}
    assert await update("w", "r", changed, expected_status=["running"]) == expected
    assert await workflows.load_workflow_snapshot("w", "r") == expected


async def test_of_sixteen_that_expect_a_status_one_changes_it(workflows: mc.AsyncWorkflowsStorage) -> None:
    """Of sixteen writers that expect a status, one changes it, because check and change are one transaction."""
    await workflows.persist_workflow_snapshot("w", "r", snapshot("suspended"))

    async def resume(worker: int) -> bool:
        opts = {"status": "running", "by": worker}
        return await workflows.update_workflow_state("w", "r", opts, expected_status="suspended") is not None

    resumed = await together([partial(resume, worker) for worker in range(16)])
    assert sum(resumed) == 1
    assert await workflows.load_workflow_snapshot("w", "r") == {**snapshot("running"), "by": resumed.index(True)}


FILTERS = [
    ({}, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
    ({"workflow_name": "w1"}, [11, 9, 7, 5, 3, 1]),
    ({"status": "suspended"}, [9, 6, 3, 0]),
    ({"status": "suspended", "workflow_name": "w0"}, [6, 0]),
    ({"resource_id": "ada"}, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]),
    ({"resource_id": "bob"}, []),
    ({"from_date": DAY + timedelta(days=9)}, [11, 10, 9]),
    ({"to_date": "2026-01-02T00:00:00.000Z", "from_date": DAY}, [1, 0]),
    (
        {"resource_id": "ada", "workflow_name": "w0", "status": "running", "from_date": DAY + timedelta(days=3)},
        [10, 8, 4],
    ),
    ({"status": "success"}, []),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS, ids=str)
async def test_runs_are_listed_newest_first(
    workflows: mc.AsyncWorkflowsStorage, filters: dict[str, Any], expected: list[int]
) -> None:
    """Runs are listed newest first with all filters, and the pages concatenate to the whole list."""
    await persisted(workflows, 12, resource_id="ada")
    everything = await workflows.list_workflow_runs(**filters)
    assert [run.run_id for run in everything] == [f"r{n}" for n in expected]
    assert (everything.total, everything.has_more) == (len(expected), False)
    assert [run async for run in workflows.iter_workflow_runs(**filters)] == list(everything)
    for per_page in (1, 5, 12):
        pages = [
            await workflows.list_workflow_runs(**filters, page=page, per_page=per_page)
            for page in range(len(expected) // per_page + 1)
        ]
        assert [run for page in pages for run in page] == list(everything)
        assert [page.has_more for page in pages] == [(page.page + 1) * per_page < len(expected) for page in pages]
        assert {page.total for page in pages} == {len(expected)}


async def test_runs_are_listed_by_the_status_they_were_given_last(
    deployment: mc.AsyncDeployment, workflows: mc.AsyncWorkflowsStorage
) -> None:
    """Runs are listed by their last status, whichever client or operation set it."""
    await workflows.persist_workflow_snapshot("w", "python", snapshot())
    record = {
        "id": "w-npm",
        "workflow_name": "w",
        "run_id": "npm",
        "snapshot": json.dumps(snapshot()),
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
    }
    await deployment.mutation(STORAGE, {"op": "insert", "tableName": "mastra_workflow_snapshot", "record": record})
    running = await workflows.list_workflow_runs(status="running")
    assert [run.run_id for run in running] == ["python", "npm"]
    await workflows.update_workflow_state("w", "npm", {"status": "success"})
    await workflows.update_workflow_results("w", "python", "s", {"status": "failed"})
    assert [run.run_id for run in await workflows.list_workflow_runs(status="running")] == ["python"]
    assert [run.run_id for run in await workflows.list_workflow_runs(status="success")] == ["npm"]


async def test_runs_are_listed_by_the_thread_of_a_suspended_agent(workflows: mc.AsyncWorkflowsStorage) -> None:
    """Runs of suspended agents are listed by the thread in their snapshot, where Mastra's own stores look."""
    memory = {"memoryInfo": {"threadId": "t1"}}
    step = {"status": "suspended", "suspendPayload": {"__streamState": {"messageList": memory}}}
    await workflows.persist_workflow_snapshot("w", "loop", snapshot(step=step))
    await workflows.persist_workflow_snapshot("w", "durable", snapshot(input={"messageListState": memory}))
    await workflows.persist_workflow_snapshot("w", "other", snapshot(input={"threadId": "t1"}))
    found = await workflows.list_workflow_runs(thread_id="t1", per_page=5)
    assert sorted(run.run_id for run in found) == ["durable", "loop"]
    assert found.total == 2
    assert {run.run_id async for run in workflows.iter_workflow_runs(thread_id="t1")} == {"durable", "loop"}
    assert list(await workflows.list_workflow_runs(thread_id="t2")) == []


async def test_a_run_id_alone_finds_the_newest_run(workflows: mc.AsyncWorkflowsStorage) -> None:
    """The order of writes doesn't change the order of the list."""
    await workflows.persist_workflow_snapshot("new", "r", snapshot(), created_at=DAY + timedelta(days=1))
    await workflows.persist_workflow_snapshot("old", "r", snapshot(), created_at=DAY)
    for name, expected in ((None, "new"), ("old", "old")):
        run = await workflows.get_workflow_run_by_id("r", name)
        assert run is not None
        assert run.workflow_name == expected
    assert await workflows.get_workflow_run_by_id("r", "none") is None


async def test_one_worker_owns_a_run_until_its_lease_ends(workflows: mc.AsyncWorkflowsStorage) -> None:
    """A run has one owner until the lease ends, the owner releases it, or another one takes it by force."""
    unowned = await workflows.get_run_ownership("r")
    assert (unowned.fence, unowned.owner_id, unowned.generation, unowned.lease_expires_at) == (None, None, 0, None)
    claims = await together(
        [partial(workflows.claim_run_ownership, "r", worker, 60_000) for worker in ("a", "b", "c", "d")]
    )
    won = next(claim for claim in claims if claim.applied)
    assert sum(claim.applied for claim in claims) == 1
    assert won.fence is not None
    # The others learn the owner, and get no fence to write with.
    assert [claim.fence for claim in claims if not claim.applied] == [None] * 3
    assert {(claim.owner_id, claim.generation) for claim in claims} == {(won.fence.owner_id, 1)}
    ownership = await workflows.get_run_ownership("r")
    assert (ownership.owner_id, ownership.generation) == (won.fence.owner_id, 1)
    assert (ownership.fence, ownership.lease_expires_at) == (None, won.lease_expires_at)
    renewed = await workflows.renew_run_ownership(won.fence, 120_000)
    assert renewed.applied
    assert renewed.lease_expires_at == renewed.now + 120_000
    forced = await workflows.claim_run_ownership("r", "boss", 60_000, force=True)
    assert forced.fence == mc.RunFence("r", 2, "boss")
    refused = await workflows.renew_run_ownership(won.fence, 1)
    assert (refused.applied, refused.fence, refused.owner_id) == (False, None, "boss")
    assert not (await workflows.release_run_ownership(won.fence)).applied
    assert (await workflows.release_run_ownership(forced.fence)).applied
    assert not (await workflows.claim_run_ownership("r", "e", 1, expected_generation=1)).applied
    assert (await workflows.claim_run_ownership("r", "e", 0, expected_generation=2)).applied
    assert (await workflows.claim_run_ownership("r", "f", 60_000)).applied


async def test_an_owner_who_lost_a_run_writes_nothing_to_it(workflows: mc.AsyncWorkflowsStorage) -> None:
    """An owner who lost a run can't write to it, because each write checks its fence in its transaction."""
    first = (await workflows.claim_run_ownership("r", "a", 60_000)).fence
    second = (await workflows.claim_run_ownership("r", "b", 60_000, force=True)).fence
    await workflows.persist_workflow_snapshot("w", "r", snapshot(), fence=second)
    for write in (
        lambda: workflows.persist_workflow_snapshot("w", "r", snapshot("failed"), fence=first),
        lambda: workflows.update_workflow_results("w", "r", "s", 1, fence=first),
        lambda: workflows.update_workflow_state("w", "r", {"status": "failed"}, fence=first),
        lambda: workflows.delete_workflow_run_by_id("r", "w", fence=first),
    ):
        with pytest.raises(mc.FunctionError, match="no longer claimed by generation 1 of a") as caught:
            await write()
        assert caught.value.code == "STORAGE_RUN_FENCE_CONFLICT"
    assert await workflows.load_workflow_snapshot("w", "r") == snapshot()
    assert await workflows.update_workflow_results("w", "r", "s", 1, fence=second) == {"s": 1}
    await workflows.delete_workflow_run_by_id("r", "w", fence=second)
    assert await workflows.get_workflow_run_by_id("r") is None


CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE

BAD_CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("persist_workflow_snapshot", ("", "r", {}), {}, "workflow_name is ''; expected text, not empty"),
    ("persist_workflow_snapshot", ("w", None, {}), {}, "run_id missing"),
    ("persist_workflow_snapshot", ("w", "r", []), {}, r"snapshot is \[\]; expected a dict"),
    ("persist_workflow_snapshot", ("w", "r", CYCLE), {}, r"snapshot\['self'\] contains itself"),
    ("persist_workflow_snapshot", ("w", "r", {"x": "x" * (1 << 20)}), {}, "of which snapshot has"),
    ("persist_workflow_snapshot", ("w", "r", {}), {"created_at": "soon"}, "created_at is 'soon'; expected a datetime"),
    ("persist_workflow_snapshot", ("w", "r", {}), {"created_at": datetime(2026, 1, 1)}, "time zone"),
    ("update_workflow_results", ("w", "r", "", {}), {}, "step_id is ''"),
    ("update_workflow_results", ("w", "r", "s", {1, 2}), {}, "result is .* a set"),
    ("update_workflow_state", ("w", "r", None), {}, "opts is None; expected a dict"),
    ("update_workflow_state", ("w", "r", {}), {"expected_status": 3}, "expected_status is 3; expected a list"),
    (
        "update_workflow_state",
        ("w", "r", {}),
        {"expected_status": []},
        "expected_status is empty; expected one or more statuses",
    ),
    ("list_workflow_runs", (), {"page": -1, "per_page": 5}, "page"),
    ("list_workflow_runs", (), {"per_page": -1}, "per_page"),
    ("list_workflow_runs", (), {"from_date": "soon"}, "from_date is 'soon'"),
    ("list_workflow_runs", (), {"status": ""}, "status is ''"),
    ("list_workflow_runs", (), {"resource_id": ""}, "resource_id is ''"),
    ("list_workflow_runs", (), {"runId": "r"}, "has no 'runId'"),
    ("get_workflow_run_by_id", ("",), {}, "run_id is ''"),
    ("claim_run_ownership", ("r", "a", float("nan")), {}, "lease_ms is nan"),
    ("claim_run_ownership", ("r", "a", -1), {}, "lease_ms -1; expected milliseconds, zero or more"),
    ("claim_run_ownership", ("r", "a", 1), {"force": "yes"}, "force is 'yes'; expected True or False"),
    (
        "claim_run_ownership",
        ("r", "a", 1),
        {"expected_generation": "1"},
        "expected_generation '1'; expected an integer",
    ),
]


@pytest.mark.parametrize(("method", "arguments", "options", "message"), BAD_CALLS)
async def test_invalid_arguments_are_named_and_change_nothing(
    workflows: mc.AsyncWorkflowsStorage,
    method: str,
    arguments: tuple[Any, ...],
    options: dict[str, Any],
    message: str,
) -> None:
    """An invalid argument raises an error with the method, the argument, its value and the expected form, and changes
    nothing.
    """
    await workflows.persist_workflow_snapshot("w", "r", snapshot())
    with pytest.raises(mc.InvalidArgumentError, match=rf"WorkflowsStorage\.{method}.*{message}"):
        await getattr(workflows, method)(*arguments, **options)
    assert await workflows.load_workflow_snapshot("w", "r") == snapshot()
