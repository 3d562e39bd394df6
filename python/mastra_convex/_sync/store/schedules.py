# Generated from _async/store/schedules.py by tools/unasync.py: edit that.
"""Schedules, and the outcomes of their firings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Unpack

from mastra_convex._arguments import as_integer, as_interval, finite_number, key_text
from mastra_convex._sync._call import StopEvent, is_event
from mastra_convex._sync.storage import Row
from mastra_convex._sync.store.domain import Domain
from mastra_convex._sync.store.schedule_runs import FIRES, ScheduleRunner
from mastra_convex._public import public
from mastra_convex.errors import InvalidArgumentError
from mastra_convex.records._columns import columns_of, from_row, from_rows, to_changes, to_row
from mastra_convex.records._cron import next_time
from mastra_convex.records._lists import Records
from mastra_convex.records._pages import MOST_ROWS, options
from mastra_convex.records._values import parsed
from mastra_convex.records.schedules import Schedule, ScheduleFilter, ScheduleTrigger, now_ms, schedule_of

SCHEDULES = "mastra_schedules"
TRIGGERS = "mastra_schedule_triggers"

# Mastra's default limit.
DEFAULT_LIMIT = 100


@public
class SchedulesStorage(Domain):
    """Schedules and their triggers. Times are epoch milliseconds.

    Notes
    -----
    Behaviour: as ``SchedulesStorage`` of ``@mastra/core``, ``src/storage/domains/schedules``.
    """

    _TABLES: ClassVar = {TRIGGERS: ScheduleTrigger, FIRES: None, SCHEDULES: Schedule}

    def create_schedule(self, schedule: Schedule | Mapping[str, Any]) -> Schedule:
        """Insert a schedule.

        Returns
        -------
        Schedule
            The stored record.

        Raises
        ------
        AlreadyExistsError
            A schedule with this id exists. It wasn't changed.
        """
        place = "SchedulesStorage.create_schedule"
        row = to_row(f"{place}: schedule", Schedule, schedule)
        row |= _workflow_of(f"{place}: schedule", row)
        self._storage.call("createSchedule", SCHEDULES, place=place, record=row)
        return from_row(Schedule, row)

    def get_schedule(self, id: str) -> Schedule | None:
        """Return a schedule, or None."""
        row = self._storage.load(SCHEDULES, id=key_text("SchedulesStorage.get_schedule: id", id))
        return None if row is None else schedule_of(row)

    def list_schedules(
        self, filter: ScheduleFilter | None = None, **conditions: Unpack[ScheduleFilter]
    ) -> Records[Schedule]:
        """Return all schedules that match a filter, oldest first.

        Parameters
        ----------
        filter : mapping, optional
            ``status``, ``workflow_id``, ``owner_type``, ``owner_id``; an owner of None matches schedules without one.
            The same conditions can be passed as keywords.
        """
        filters = _filters("SchedulesStorage.list_schedules", filter, conditions)
        rows = [row for row in self._storage.rows(SCHEDULES, filters)]
        # Equal times keep stored order.
        rows.sort(key=lambda row: (row["created_at"], row["_creationTime"]))
        return from_rows(Schedule, rows, schedule_of)

    def list_due_schedules(self, now: float | None = None, limit: int | None = None) -> Records[Schedule]:
        """Return active schedules that are due at a time, the longest due first.

        Parameters
        ----------
        now : float, optional
            Epoch milliseconds; by default now.
        limit : int, optional
            By default 100.
        """
        place = "SchedulesStorage.list_due_schedules"
        moment = now_ms() if now is None else finite_number(f"{place}: now", now)
        order = {"field": "next_fire_at", "order": "asc", "lte": moment}
        rows = self._first(SCHEDULES, {"status": "active"}, order, _limit(place, limit))
        return from_rows(Schedule, rows, schedule_of)

    def update_schedule(self, id: str, patch: Mapping[str, Any]) -> Schedule:
        """Change fields of a schedule, such as ``cron``, ``status``, ``next_fire_at`` or ``target``.

        Parameters
        ----------
        id : str
            The schedule.
        patch : mapping
            The fields to change. None clears ``timezone``, ``metadata``, the owner and the fields of the last firing.
            Without a ``next_fire_at`` of its own, another ``cron`` or ``timezone``, and resuming a paused schedule,
            make that the next time from now on.

        Returns
        -------
        Schedule
            The updated record.

        Raises
        ------
        NotFoundError
            The schedule doesn't exist.
        """
        place = "SchedulesStorage.update_schedule"
        fields = to_changes(f"{place}: patch", Schedule, patch)
        if "id" in fields:
            raise InvalidArgumentError(f"{place}: patch has id {fields['id']!r}; a schedule's id can't change")
        if "target" in fields:
            fields |= _workflow_of(f"{place}: patch", fields)
        id = key_text(f"{place}: id", id)
        if "next_fire_at" not in fields and not fields.keys().isdisjoint(("cron", "timezone", "status")):
            fields |= self._next_fire(id, fields)
        if fields:
            fields.setdefault("updated_at", now_ms())
        row = self._storage.call("updateSchedule", SCHEDULES, place=place, id=id, patch=fields)
        return schedule_of(row)

    def _next_fire(self, id: str, changes: Row) -> Row:
        """The column of the next firing of a schedule, if changes move it."""
        stored = self._storage.load(SCHEDULES, id=id)
        if stored is None:
            return {}
        is_resumed = changes.get("status") == "active" and stored["status"] == "paused"
        if not is_resumed and "cron" not in changes and "timezone" not in changes:
            return {}
        place = "SchedulesStorage.update_schedule"
        changed = {**stored, **changes}
        return {"next_fire_at": next_time(place, changed["cron"], changed.get("timezone"), now_ms())}

    def update_schedule_next_fire(
        self, id: str, expected_next_fire_at: float, new_next_fire_at: float, last_fire_at: float, last_run_id: str
    ) -> bool:
        """Record a firing, if the schedule is active and due at the expected time, in one transaction.

        Returns
        -------
        bool
            True if this caller fires the schedule. Of several callers, one gets True.
        """
        place = "SchedulesStorage.update_schedule_next_fire"
        fired: bool = self._storage.call(
            "updateScheduleNextFire",
            SCHEDULES,
            id=key_text(f"{place}: id", id),
            expectedNextFireAt=finite_number(f"{place}: expected_next_fire_at", expected_next_fire_at),
            newNextFireAt=finite_number(f"{place}: new_next_fire_at", new_next_fire_at),
            lastFireAt=finite_number(f"{place}: last_fire_at", last_fire_at),
            lastRunId=key_text(f"{place}: last_run_id", last_run_id),
        )
        return fired

    def run(
        self,
        handler: Callable[[Schedule, str], Any],
        *,
        interval: float = 1.0,
        lease: float = 60.0,
        stop: StopEvent | None = None,
    ) -> None:
        """Fire what is due, each firing by one of any number of runners, until it is stopped.

        A claim of a firing and the schedule's next time are one transaction. While the handler runs, the runner keeps
        a lease on the firing. If the runner dies, another one handles the firing after the lease: a handler that must
        not do its work twice recognises it by its id. A runner handles one firing after the other; start several to
        handle several at once. Of times that passed while nothing ran, a schedule fires once. Mastra's own scheduler
        may run beside.

        Each firing is recorded as a trigger, with the outcome ``succeeded``, or ``failed`` and the error. Neither a
        handler's error nor a deployment that can't be reached stops the runner: the log ``mastra_convex.schedules`` has
        them.

        Parameters
        ----------
        handler : callable
            Called with the schedule and the firing's id, such as ``sched_daily_1767225600000``, which contains the
            schedule's id and the time for which it was due. Sync or async. The schedule already has its next time.
        interval : float, default 1.0
            Seconds between two looks at what is due.
        lease : float, default 60.0
            Seconds after which the firings of a runner that died are another's.
        stop : Event, optional
            An ``asyncio.Event`` or ``threading.Event``: this returns after it was set, when the handler has ended.
            It also returns when the deployment is closed. A cancelled task and Ctrl-C interrupt the handler; its firing
            is another runner's after the lease.

        Raises
        ------
        UnsupportedOperationError
            The deployed functions are npm's, or older ones.
        """
        place = "SchedulesStorage.run"
        if not callable(handler):
            raise InvalidArgumentError(
                f"{place}: handler is {handler!r:.80}; expected a function of a schedule and an id"
            )
        if stop is not None and not is_event(stop):
            raise InvalidArgumentError(f"{place}: stop is {stop!r:.80}; expected an Event")
        ScheduleRunner(
            self._storage,
            handler,
            interval=as_interval(f"{place}: interval", interval),
            lease=as_interval(f"{place}: lease", lease),
            stop=stop,
        ).run()

    def delete_schedule(self, id: str) -> None:
        """Delete a schedule with its triggers, 25 per transaction; the schedule goes with the last. Does nothing if it
        doesn't exist.
        """
        self._storage.repeat("deleteSchedule", SCHEDULES, id=key_text("SchedulesStorage.delete_schedule: id", id))

    def record_trigger(self, trigger: ScheduleTrigger | Mapping[str, Any]) -> ScheduleTrigger:
        """Insert the outcome of a firing.

        Returns
        -------
        ScheduleTrigger
            The stored record.

        Raises
        ------
        AlreadyExistsError
            A trigger with this id exists. It wasn't changed.
        """
        place = "SchedulesStorage.record_trigger"
        row = to_row(f"{place}: trigger", ScheduleTrigger, trigger)
        self._storage.call("recordScheduleTrigger", TRIGGERS, place=place, record=row)
        return from_row(ScheduleTrigger, row)

    def list_triggers(
        self,
        schedule_id: str,
        *,
        limit: int | None = None,
        from_actual_fire_at: float | None = None,
        to_actual_fire_at: float | None = None,
    ) -> Records[ScheduleTrigger]:
        """Return a schedule's triggers, newest first.

        Parameters
        ----------
        schedule_id : str
            The schedule.
        limit : int, optional
            By default 100.
        from_actual_fire_at, to_actual_fire_at : float, optional
            Epoch milliseconds; the first is included, the second is not.
        """
        place = "SchedulesStorage.list_triggers"
        filters = {"schedule_id": key_text(f"{place}: schedule_id", schedule_id)}
        order: dict[str, Any] = {"field": "actual_fire_at", "order": "desc"}
        if from_actual_fire_at is not None:
            order["gte"] = finite_number(f"{place}: from_actual_fire_at", from_actual_fire_at)
        if to_actual_fire_at is not None:
            order["lt"] = finite_number(f"{place}: to_actual_fire_at", to_actual_fire_at)
        rows = self._first(TRIGGERS, filters, order, _limit(place, limit))
        return from_rows(ScheduleTrigger, rows)

    def _first(self, table: str, filters: Mapping[str, Any], order: Mapping[str, Any], limit: int) -> list[Row]:
        found: list[Row] = []
        if limit:
            for row in self._storage.rows(table, filters, order, min(limit, 256)):
                found.append(row)
                if len(found) == limit:
                    break
        return found


def _limit(place: str, limit: int | None) -> int:
    return DEFAULT_LIMIT if limit is None else as_integer(f"{place}: limit", limit, 0, MOST_ROWS)


def _workflow_of(place: str, row: Row) -> dict[str, str | None]:
    """The column ``workflow_id``, after checking the target that it comes from."""
    target = parsed(row["target"])
    if not isinstance(target, Mapping) or not isinstance(target.get("type"), str):
        raise InvalidArgumentError(
            f"{place}: target is {target!r:.80}; expected a dict with 'type': 'workflow' or 'agent'"
        )
    workflow_id = target.get("workflowId") if target["type"] == "workflow" else None
    return {"workflow_id": workflow_id if isinstance(workflow_id, str) else None}


def _filters(place: str, filter: ScheduleFilter | None, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """The storage function's filters. None matches null and absent values."""
    place = f"{place}: filter"
    known = ("status", "workflow_id", "owner_type", "owner_id")
    given = {**options(place, filter, known), **options(place, conditions, known)}
    filters: dict[str, Any] = {}
    for name, value in given.items():
        if value is not None:
            filters[name] = key_text(f"{place} {name}", value)
        elif name.startswith("owner_"):
            filters[name] = None
    if "status" in filters:
        columns_of(Schedule)["status"].write(f"{place} status", filters["status"])
    return filters
