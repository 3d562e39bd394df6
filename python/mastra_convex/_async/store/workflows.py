"""Runs of workflows and their snapshots."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Unpack

from mastra_convex._arguments import key_text, key_texts
from mastra_convex._async.storage import Admits
from mastra_convex._async.store.run_owners import OWNERS, AsyncRunOwners
from mastra_convex._json import to_json
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import equalities, from_row, from_rows, to_row
from mastra_convex.records._pages import Window, options, window
from mastra_convex.records._values import date_text, parsed
from mastra_convex.records.workflows import RunFence, WorkflowRun, WorkflowRunFilter, WorkflowRunPage

# Mastra's name for the table `mastra_workflow_snapshots`.
RUNS = "mastra_workflow_snapshot"


@public
class AsyncWorkflowsStorage(AsyncRunOwners):
    """Runs of workflows.

    Writes take a `fence` from `claim_run_ownership`. Once another owner has claimed the run, such a write fails with
    the code ``STORAGE_RUN_FENCE_CONFLICT`` and changes nothing.

    Notes
    -----
    Behaviour: as ``WorkflowsStorage`` of ``@mastra/core``, ``src/storage/domains/workflows``.
    """

    _TABLES: ClassVar = {RUNS: WorkflowRun, OWNERS: None}
    _FENCES = OWNERS

    # Only older functions write rows without a status. Once all rows have one, all will.
    _has_status = False

    async def persist_workflow_snapshot(
        self,
        workflow_name: str,
        run_id: str,
        snapshot: Mapping[str, Any],
        *,
        resource_id: str | None = None,
        created_at: datetime | str | None = None,
        updated_at: datetime | str | None = None,
        fence: RunFence | None = None,
    ) -> None:
        """Insert a run, or replace its snapshot. ``created_at`` is kept, and so is the resource if none is given.

        Parameters
        ----------
        workflow_name, run_id : str
            The run.
        snapshot : mapping
            The run's state. Keys are never renamed. Not modified.
        resource_id : str, optional
            The resource that owns it.
        created_at, updated_at : datetime or str, optional
            By default now.
        fence : RunFence, optional
            Write only while this claim on the run stands.
        """
        place = "WorkflowsStorage.persist_workflow_snapshot"
        row = to_row(
            place,
            WorkflowRun,
            {
                "workflow_name": workflow_name,
                "run_id": run_id,
                "snapshot": snapshot,
                "resource_id": resource_id,
                "created_at": created_at,
                "updated_at": updated_at,
            },
        )
        await self._write(place, "insert", RUNS, fence, record={"id": f"{workflow_name}-{run_id}", **row})

    async def load_workflow_snapshot(self, workflow_name: str, run_id: str) -> dict[str, Any] | None:
        """Return a run's snapshot, or None."""
        run = await self.get_workflow_run_by_id(run_id, workflow_name)
        return None if run is None else run.snapshot

    async def update_workflow_results(
        self,
        workflow_name: str,
        run_id: str,
        step_id: str,
        result: Any,
        request_context: Mapping[str, Any] | None = None,
        *,
        fence: RunFence | None = None,
    ) -> dict[str, Any]:
        """Merge a step's result, and the request context key by key, into a run's snapshot, in one transaction.

        If the stored and the new result both have a list ``output``, as in a loop whose iterations report one by one,
        the lists are merged element by element: an element that isn't None replaces the stored one.
        ``{"__mastra_pending__": True}`` marks an iteration without a result, or a suspended one, to run again.

        Returns
        -------
        dict
            The results of all steps; empty if the run doesn't exist.

        Raises
        ------
        FunctionError
            The snapshot has no ``context`` to merge into; or the run belongs to another owner (code
            ``STORAGE_RUN_FENCE_CONFLICT``).
        """
        place = "WorkflowsStorage.update_workflow_results"
        context = await self._write(
            place,
            "mergeWorkflowStepResult",
            RUNS,
            fence,
            **_run(place, workflow_name, run_id),
            stepId=key_text(f"{place}: step_id", step_id),
            result=to_json(f"{place}: result", result),
            requestContext=to_json(f"{place}: request_context", request_context or {}),
        )
        return dict(parsed(context))

    async def update_workflow_state(
        self,
        workflow_name: str,
        run_id: str,
        opts: Mapping[str, Any],
        *,
        expected_status: str | Sequence[str] | None = None,
        fence: RunFence | None = None,
    ) -> dict[str, Any] | None:
        """Set fields of a run's snapshot, in one transaction.

        Parameters
        ----------
        workflow_name, run_id : str
            The run.
        opts : mapping
            The snapshot's fields to set, such as ``status``, with Mastra's keys.
        expected_status : str or sequence of str, optional
            Set the fields only if the snapshot has this status, or one of these.
        fence : RunFence, optional
            Set the fields only while this claim on the run stands.

        Returns
        -------
        dict or None
            The snapshot; None if the run doesn't exist or has another status.

        Raises
        ------
        UnsupportedOperationError
            The deployed functions are npm's, which would ignore `expected_status`.
        FunctionError
            Code ``STORAGE_RUN_FENCE_CONFLICT``: the run belongs to another owner.
        """
        place = "WorkflowsStorage.update_workflow_state"
        if not isinstance(opts, Mapping):
            raise InvalidArgumentError(f"{place}: opts is {opts!r:.80}; expected a dict")
        fields = dict(opts)
        if expected_status is not None:
            some = [expected_status] if isinstance(expected_status, str) else expected_status
            fields["expectedStatus"] = key_texts(f"{place}: expected_status", some)
            if not fields["expectedStatus"]:
                raise InvalidArgumentError(f"{place}: expected_status is empty; expected one or more statuses")
            await self._storage.need_ours("mergeWorkflowState at an expected status", RUNS)
        text = await self._write(
            place,
            "mergeWorkflowState",
            RUNS,
            fence,
            **_run(place, workflow_name, run_id),
            opts=to_json(f"{place}: opts", fields),
        )
        return dict(parsed(text)) if text else None

    async def get_workflow_run_by_id(self, run_id: str, workflow_name: str | None = None) -> WorkflowRun | None:
        """Return a run, or None. Without a workflow, the newest run with this id."""
        place = "WorkflowsStorage.get_workflow_run_by_id"
        filters = {"run_id": key_text(f"{place}: run_id", run_id)}
        if workflow_name is not None:
            filters["workflow_name"] = key_text(f"{place}: workflow_name", workflow_name)
        rows = [row async for row in self._storage.rows(RUNS, filters)]
        return from_row(WorkflowRun, max(rows, key=lambda row: str(row["createdAt"]))) if rows else None

    async def list_workflow_runs(
        self, *, per_page: int | None = None, page: int = 0, **conditions: Unpack[WorkflowRunFilter]
    ) -> WorkflowRunPage:
        """Return a page of runs, newest first.

        Parameters
        ----------
        per_page : int or None, default None
            Runs per page; None for all.
        page : int, default 0
            The number of the page, from 0 on.
        workflow_name, resource_id : str, optional
            Only runs of this workflow or resource.
        from_date, to_date : datetime or str, optional
            Only runs created between these, both included.
        status : str, optional
            Only runs whose snapshot has this status.
        thread_id : str, optional
            Only runs of agents whose snapshot names this thread, as it does while the run is suspended. This reads all
            snapshots and compares them in this process.

        Returns
        -------
        WorkflowRunPage
            Runs of equal times come in reverse stored order. ``total`` counts the runs of all pages.
        """
        place = "WorkflowsStorage.list_workflow_runs"
        return await self._page(place, window(place, page, per_page), conditions)

    async def _page(self, place: str, part: Window, conditions: Mapping[str, Any]) -> WorkflowRunPage:
        filters, order, admits = _wanted(place, conditions)
        await self._tell_status(filters)
        rows, total = await self._storage.page(RUNS, filters, order, part, admits)
        runs = from_rows(WorkflowRun, rows)
        return WorkflowRunPage(runs, total, part.page, part.per_page, part.has_more(total))

    def iter_workflow_runs(self, **conditions: Unpack[WorkflowRunFilter]) -> AsyncIterator[WorkflowRun]:
        """Iterate over runs, newest first, paged by cursor. Conditions are as for `list_workflow_runs`."""
        return self._runs(*_wanted("WorkflowsStorage.iter_workflow_runs", conditions))

    async def _runs(
        self, filters: dict[str, Any], order: dict[str, Any], admits: Admits | None
    ) -> AsyncIterator[WorkflowRun]:
        await self._tell_status(filters)
        async for row in self._storage.rows(RUNS, filters, order):
            if admits is None or admits(row):
                for run in from_rows(WorkflowRun, [row]):
                    yield run

    async def _tell_status(self, filters: Mapping[str, Any]) -> None:
        """Fill the column ``status``, for a filter, in rows that older functions wrote."""
        if "status" in filters and not self._has_status:
            await self._storage.repeat("fillStatus", RUNS)
            self._has_status = True

    async def delete_workflow_run_by_id(
        self, run_id: str, workflow_name: str, *, fence: RunFence | None = None
    ) -> None:
        """Delete a run. Does nothing if it doesn't exist."""
        place = "WorkflowsStorage.delete_workflow_run_by_id"
        await self._write(place, "deleteWorkflowRun", RUNS, fence, **_run(place, workflow_name, run_id))


def _wanted(place: str, conditions: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], Admits | None]:
    """The storage function's filters and order, and the check inside snapshots."""
    given = options(place, conditions, tuple(WorkflowRunFilter.__annotations__))
    texts = {name: given.get(name) for name in ("workflow_name", "resource_id")}
    filters = equalities(f"{place}:", WorkflowRun, texts)
    if given.get("status") is not None:
        filters["status"] = key_text(f"{place}: status", given["status"])
    order = {"field": "createdAt", "order": "desc"}
    for name, bound in (("from_date", "gte"), ("to_date", "lte")):
        if given.get(name) is not None:
            order[bound] = date_text(f"{place}: {name}", given[name])
    if given.get("thread_id") is None:
        return filters, order, None
    thread_id = key_text(f"{place}: thread_id", given["thread_id"])
    return filters, order, lambda row: bool(_thread_of(parsed(row["snapshot"])) == thread_id)


def _run(place: str, workflow_name: str, run_id: str) -> dict[str, str]:
    return {
        "workflowName": key_text(f"{place}: workflow_name", workflow_name),
        "runId": key_text(f"{place}: run_id", run_id),
    }


def _thread_of(snapshot: Any) -> Any:
    """The thread named in a suspended agent's snapshot, at the place where Mastra's own stores look."""
    context = _at(snapshot, "context")
    for step in context.values() if isinstance(context, Mapping) else ():
        if _at(step, "status") == "suspended" and _at(step, "suspendPayload", "__streamState"):
            return _at(step, "suspendPayload", "__streamState", "messageList", "memoryInfo", "threadId")
    return _at(context, "input", "messageListState", "memoryInfo", "threadId")


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
