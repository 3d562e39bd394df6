"""Tool calls that run beside a conversation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, Unpack

from mastra_convex._arguments import as_items, key_text, one_of
from mastra_convex._async.batches import in_halves
from mastra_convex._async.storage import Row, as_filters, part_of
from mastra_convex._async.store.domain import AsyncDomain
from mastra_convex._public import public
from mastra_convex._replies import next_cursor
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import (
    columns_of,
    equalities,
    from_row,
    from_rows,
    if_readable,
    to_changes,
    to_columns,
    to_row,
)
from mastra_convex.records._pages import options, window
from mastra_convex.records._values import date_text
from mastra_convex.records.background_tasks import BackgroundTask, TaskDate, TaskFilter, TaskPage, task_of

TASKS = "mastra_background_tasks"

DATES = ("created_at", "started_at", "suspended_at", "completed_at")
EQUALITIES = ("agent_id", "thread_id", "resource_id", "tool_name", "tool_call_id", "run_id")
DELETED_PER_CALL = 256

UNSET: Any = object()


@public
class AsyncBackgroundTasksStorage(AsyncDomain):
    """Background tasks, including those that older versions of Mastra stored as documents.

    Notes
    -----
    Behaviour: as ``BackgroundTasksStorage`` of ``@mastra/core``, ``src/storage/domains/background-tasks``.
    """

    _TABLES: ClassVar = {TASKS: BackgroundTask}

    # Only older functions write tasks as documents. Once there are none, none will be added.
    _may_have_legacy = True

    async def create_task(self, task: BackgroundTask | Mapping[str, Any]) -> BackgroundTask:
        """Insert a task.

        Returns
        -------
        BackgroundTask
            The stored record.

        Raises
        ------
        AlreadyExistsError
            A task with this id exists. It wasn't changed.
        """
        place = "BackgroundTasksStorage.create_task"
        row = to_row(f"{place}: task", BackgroundTask, task)
        await self._storage.call("createTask", TASKS, place=place, record=row)
        return from_row(BackgroundTask, row)

    async def update_task(
        self,
        task_id: str,
        update: Mapping[str, Any],
        *,
        expected_status: str | None = None,
        expected_owner_id: str | None = UNSET,
        expected_lease_expires_at: datetime | str | None = UNSET,
    ) -> bool:
        """Change fields of a task, if it meets the expectations, in one transaction.

        Parameters
        ----------
        task_id : str
            The task.
        update : mapping
            Fields of a `BackgroundTask` to change. None clears ``result``, ``error``, ``suspend_payload``, the
            thread or resource, a date but ``created_at``, the owner or the lease.
        expected_status : str, optional
            Update only if the task has this status.
        expected_owner_id : str or None, optional
            Update only if this is the owner; with None, only if there is no owner.
        expected_lease_expires_at : datetime or str or None, optional
            Update only if the lease expires at this time; with None, only if there is no lease.

        Returns
        -------
        bool
            Whether a task met the expectations and was updated.

        Raises
        ------
        UnsupportedOperationError
            The deployed functions are npm's, which would ignore the expectations.
        """
        place = "BackgroundTasksStorage.update_task"
        expected = {
            "status": UNSET if expected_status is None else expected_status,
            "owner_id": expected_owner_id,
            "lease_expires_at": expected_lease_expires_at,
        }
        guards = to_columns(
            f"{place}: expected", BackgroundTask, {name: v for name, v in expected.items() if v is not UNSET}
        )
        fields = to_changes(f"{place}: update", BackgroundTask, update)
        if "id" in fields:
            raise InvalidArgumentError(f"{place}: update has id {fields['id']!r}; a task's id can't change")
        task_id = key_text(f"{place}: task_id", task_id)
        if guards:
            await self._storage.need_ours("patch with expectations", TASKS)
        updated: bool = await self._storage.call("patch", TASKS, id=task_id, record=fields, expected=guards or None)
        return updated

    async def claim_task(
        self,
        owner_id: str,
        *,
        task_id: str | None = None,
        agent_id: str | None = None,
        lease_expires_at: datetime | str | None = None,
    ) -> BackgroundTask | None:
        """Start a pending task, in one transaction. If several workers ask at once, each gets another task.

        Parameters
        ----------
        owner_id : str
            The worker that will run it.
        task_id, agent_id : str, optional
            Only this task, or only tasks of this agent; by default any. The oldest pending task is claimed first.
        lease_expires_at : datetime or str, optional
            The time until which no other worker should take the task over.

        Returns
        -------
        BackgroundTask or None
            The task, running, with `started_at` now; None if no task is pending.

        Raises
        ------
        UnsupportedOperationError
            The deployed functions are npm's, which could give the same task to several workers.
        """
        place = "BackgroundTasksStorage.claim_task"
        row = await self._storage.call(
            "claimTask",
            TASKS,
            ownerId=key_text(f"{place}: owner_id", owner_id),
            id=None if task_id is None else key_text(f"{place}: task_id", task_id),
            agentId=None if agent_id is None else key_text(f"{place}: agent_id", agent_id),
            leaseExpiresAt=(
                None if lease_expires_at is None else date_text(f"{place}: lease_expires_at", lease_expires_at)
            ),
        )
        return None if row is None else task_of(row)

    async def get_task(self, task_id: str) -> BackgroundTask | None:
        """Return a task, or None."""
        row = await self._storage.load(TASKS, id=key_text("BackgroundTasksStorage.get_task: task_id", task_id))
        return None if row is None else task_of(row)

    async def list_tasks(
        self,
        filter: TaskFilter | None = None,
        *,
        order_by: TaskDate = "created_at",
        order_direction: Literal["asc", "desc"] = "asc",
        per_page: int | None = None,
        page: int = 0,
        **conditions: Unpack[TaskFilter],
    ) -> TaskPage:
        """Return a page of tasks.

        Parameters
        ----------
        filter : mapping, optional
            ``status``, one or a list; ``agent_id``, ``thread_id``, ``resource_id``, ``tool_name``, ``tool_call_id``,
            ``run_id``; ``from_date``, included, and ``to_date``, not included, on the date that ``date_filter_by``
            names, by default ``created_at``. The same conditions can be passed as keywords.
        order_by : {"created_at", "started_at", "suspended_at", "completed_at"}
            The date to order by; tasks without it come first.
        order_direction : {"asc", "desc"}, default "asc"
            Oldest first, or newest first.
        per_page : int or None, default None
            Tasks per page; None for all.
        page : int, default 0
            The number of the page, from 0 on.

        Returns
        -------
        TaskPage
            Tasks of equal dates come in stored order, or in its reverse. ``total`` counts the tasks of all
            pages.
        """
        place = "BackgroundTasksStorage.list_tasks"
        part = window(place, page, per_page)
        filters, order = _filters(place, filter, conditions), _order(place, order_by, order_direction)
        legacy = await self._legacy(filters)
        filters, order = _with_bounds(filters, order)
        if legacy:
            rows, total = await part_of(_merged(self._storage.rows(TASKS, filters, order), legacy, order), part)
        else:
            rows, total = await self._storage.page(TASKS, filters, order, part)
        return TaskPage(from_rows(BackgroundTask, rows, task_of), total, part.page, per_page, part.has_more(total))

    def iter_tasks(
        self,
        filter: TaskFilter | None = None,
        *,
        order_by: TaskDate = "created_at",
        order_direction: Literal["asc", "desc"] = "asc",
        **conditions: Unpack[TaskFilter],
    ) -> AsyncIterator[BackgroundTask]:
        """Iterate over tasks, paged by cursor. Arguments are as for `list_tasks`."""
        place = "BackgroundTasksStorage.iter_tasks"
        return self._tasks(_filters(place, filter, conditions), _order(place, order_by, order_direction))

    async def _tasks(self, filters: dict[str, Any], order: dict[str, Any]) -> AsyncIterator[BackgroundTask]:
        legacy = await self._legacy(filters)
        filters, order = _with_bounds(filters, order)
        async for row in _merged(self._storage.rows(TASKS, filters, order), legacy, order):
            if (task := if_readable(task_of, row)) is not None:
                yield task

    async def delete_task(self, task_id: str) -> None:
        """Delete a task. Does nothing if it doesn't exist."""
        await self._storage.call(
            "deleteMany", TASKS, ids=[key_text("BackgroundTasksStorage.delete_task: task_id", task_id)]
        )

    async def delete_tasks(self, filter: TaskFilter | None = None, **conditions: Unpack[TaskFilter]) -> None:
        """Delete the tasks that match a filter, as in `list_tasks`, 256 per transaction. Does nothing without a
        filter.

        The transaction that deletes a task checks the filter again: a task that no longer matches stays.
        """
        filters = _filters("BackgroundTasksStorage.delete_tasks", filter, conditions)
        if not filters:
            return
        ids = [row["id"] async for row in self._storage.rows(TASKS, filters)]

        async def delete(some: list[str]) -> None:
            await self._storage.call("deleteTasks", TASKS, ids=some, filters=as_filters(filters))

        for begin in range(0, len(ids), DELETED_PER_CALL):
            await in_halves(delete, ids[begin : begin + DELETED_PER_CALL])

    async def get_running_count(self) -> int:
        """Return the number of running tasks."""
        return await self._count({"status": "running"})

    async def get_running_count_by_agent(self, agent_id: str) -> int:
        """Return the number of an agent's running tasks."""
        place = "BackgroundTasksStorage.get_running_count_by_agent: agent_id"
        return await self._count({"status": "running", "agent_id": key_text(place, agent_id)})

    async def _count(self, filters: dict[str, Any]) -> int:
        return await self._storage.count(TASKS, filters) + len(await self._legacy(filters))

    async def _legacy(self, filters: Mapping[str, Any]) -> list[Row]:
        """The tasks that match filters and are still stored as documents."""
        found: list[Row] = []
        cursor = None
        while self._may_have_legacy:
            reply = await self._storage.reply("listLegacyTasks", TASKS, filters=as_filters(filters), cursor=cursor)
            found += reply["result"]["tasks"]
            if cursor is None:
                self._may_have_legacy = reply["result"]["exist"]
            if not reply["hasMore"]:
                break
            cursor = next_cursor("BackgroundTasksStorage", reply)
        return found


async def _merged(rows: AsyncIterator[Row], legacy: list[Row], order: Mapping[str, Any]) -> AsyncIterator[Row]:
    """Rows in an order, with other rows merged in."""
    is_descending = order["order"] == "desc"

    def rank(row: Row) -> str:
        return row.get(order["field"]) or ""

    # The next one is last, so that pop() takes it.
    waiting = sorted(legacy, key=rank, reverse=not is_descending)
    async for row in rows:
        while waiting and (rank(waiting[-1]) > rank(row) if is_descending else rank(waiting[-1]) < rank(row)):
            yield waiting.pop()
        yield row
    while waiting:
        yield waiting.pop()


def _order(place: str, order_by: str, order_direction: str) -> dict[str, Any]:
    """The storage function's order."""
    return {
        "field": columns_of(BackgroundTask)[one_of(DATES, f"{place}: order_by", order_by)].name,
        "order": one_of(("asc", "desc"), f"{place}: order_direction", order_direction),
    }


def _with_bounds(filters: dict[str, Any], order: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Filters and order, with bounds on the date given to the index, where null sorts below all texts."""
    bounds = filters.get(order["field"], {})
    if bounds and "gte" not in bounds:
        bounds = {"gt": None, **bounds}
    others = {column: value for column, value in filters.items() if column != order["field"]}
    return others, {**order, **bounds}


def _filters(place: str, filter: TaskFilter | None, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """The storage function's filters."""
    place = f"{place}: filter"
    known = ("status", *EQUALITIES, "from_date", "to_date", "date_filter_by")
    given = {**options(place, filter, known), **options(place, conditions, known)}
    columns = columns_of(BackgroundTask)
    filters = equalities(place, BackgroundTask, {name: given.get(name) for name in EQUALITIES})
    status = given.get("status")
    if status is not None:
        some = [status] if isinstance(status, str) else as_items(f"{place} status", status)
        if not some:
            raise InvalidArgumentError(f"{place} status is {status!r}; expected a status, or a list of statuses")
        statuses = [columns["status"].write(f"{place} status", each) for each in some]
        filters["status"] = statuses if len(statuses) > 1 else statuses[0]
    dates = {
        bound: date_text(f"{place} {name}", given[name])
        for name, bound in (("from_date", "gte"), ("to_date", "lt"))
        if given.get(name) is not None
    }
    if dates:
        by = one_of(DATES, f"{place} date_filter_by", given.get("date_filter_by") or "created_at")
        filters[columns[by].name] = dates
    return filters
